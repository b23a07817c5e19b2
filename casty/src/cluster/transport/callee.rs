//! The side of a control connection that answers calls.

use std::{future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::{Semaphore, mpsc},
};

use super::{calls::LIMIT, door::Refusals, greet::Greeted};
use crate::{
    cluster::{
        myself::Myself,
        wire::{CallFrame, FrameReader, Kinds, ReplyStatus, WireError, handshake::Peer},
    },
    host::Host,
};

/// Calls of one connection that are worked on at once.
const AT_ONCE: usize = 64;

/// Without a call for so long, a connection is given up; the other side does so earlier.
const IDLE: Duration = Duration::from_secs(90);

/// The last words may take so long.
const LAST: Duration = Duration::from_millis(500);

/// Answers calls.
pub(crate) trait Serve: Send + Sync + 'static {
    /// Answers one, or says why not.
    fn serve(self: Arc<Self>, peer: Arc<Peer>, method: u8, body: Bytes) -> impl Future<Output = Result<Vec<u8>, String>> + Send;
}

/// Answers the calls of one connection until it breaks. Returns why it did.
pub(crate) async fn answer<S: Serve>(
    host: Host,
    myself: Arc<Myself>,
    greeted: Greeted,
    server: Arc<S>,
    refused: Arc<Refusals>,
) -> String {
    let Greeted { stream, rest, peer, said_cluster } = greeted;
    let peer = Arc::new(peer);
    let (mut read, mut write) = stream.into_split();
    let (replies, mut ready) = mpsc::channel::<Vec<u8>>(AT_ONCE);
    let mut writer = host.spawn(async move {
        while let Some(mut frames) = ready.recv().await {
            while let Ok(more) = ready.try_recv() {
                frames.extend(more);
            }
            if write.write_all(&frames).await.is_err() {
                return;
            }
        }
    });
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut reader = FrameReader::new(Kinds::Calls, LIMIT);
    let mut buffer = rest;
    let learns = myself.belongs_elsewhere_than(said_cluster);
    tokio::pin!(learns);
    let why = 'connection: loop {
        loop {
            let frame = match reader.next(&mut buffer) {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => {
                    goodbye(&refused, &peer, &replies, &error);
                    break 'connection error.to_string();
                }
            };
            match CallFrame::decode(&frame) {
                Ok(CallFrame::Call { request, method, body }) => {
                    let body = frame.payload.slice_ref(body);
                    let Ok(place) = room.clone().acquire_owned().await else { break 'connection "closed".into() };
                    let (server, peer, replies) = (server.clone(), peer.clone(), replies.clone());
                    host.spawn(async move {
                        let answer = server.serve(peer, method, body).await;
                        let (status, body) = match &answer {
                            Ok(body) => (ReplyStatus::Ok, body.as_slice()),
                            Err(text) => (ReplyStatus::Error, text.as_bytes()),
                        };
                        let mut frame = Vec::with_capacity(body.len() + 32);
                        if let Err(error) = (CallFrame::Reply { request, status, body }).encode(&mut frame, LIMIT) {
                            let body = error.to_string();
                            let reply = CallFrame::Reply { request, status: ReplyStatus::Error, body: body.as_bytes() };
                            let _ = reply.encode(&mut frame, LIMIT);
                        }
                        // Nobody is there to be told any more if this fails.
                        let _ = replies.send(frame).await;
                        drop(place);
                    });
                }
                Ok(_) => {}
                Err(error) => {
                    goodbye(&refused, &peer, &replies, &error);
                    break 'connection error.to_string();
                }
            }
        }
        let read = tokio::select! {
            biased;
            () = &mut learns => break "this node belongs to another cluster by now, or a later generation: a new handshake has to say it".into(),
            read = host.timeout(IDLE, read.read_buf(&mut buffer)) => read,
        };
        match read {
            Ok(Ok(0)) => break "the other side closed the connection".into(),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => break error.to_string(),
            Err(_) => break "no call for long".into(),
        }
    };
    // What is said already goes out.
    drop(replies);
    let _ = host.timeout(LAST, &mut writer).await;
    writer.abort();
    why
}

/// Tells both sides that the peer broke the protocol.
fn goodbye(refused: &Refusals, peer: &Peer, replies: &mpsc::Sender<Vec<u8>>, error: &WireError) {
    let text = error.to_string();
    refused.note(&peer.node, &text);
    let mut frame = Vec::new();
    if (CallFrame::Goodbye { code: 1, text: &text }).encode(&mut frame, LIMIT).is_ok() {
        let _ = replies.try_send(frame);
    }
}
