//! A connection that another node opened for its requests: each goes to its actor, and the answers go back.
//!
//! The reader never waits for a mailbox.

use std::{sync::Arc, time::Duration};

use tokio::task::AbortHandle;

use super::{
    delivery::{Delivery, Parking},
    greet::Greeted,
    intake::Intake,
    network::Network,
    pen::Pen,
    replies::Replies,
    session::{PATIENCE, QUIET},
    watches::Watched,
};
use crate::{
    ActorSystem,
    actor::{ActorId, AnyCell},
    cluster::{
        NodeKey,
        wire::{DataFrame, Frame, FrameRef, Kind, Pieces, Whole, WireError},
    },
    reply::FarRefusal,
    system::DeadLetterReason,
};

/// While so many bytes of answers wait for the other side, no more of its requests are read.
const CROWDED: usize = 16 << 20;
/// So many, of which it has taken none from one look to the next, end the connection.
const TOO_MANY: usize = 64 << 20;
/// The last words may take so long.
const LAST: Duration = Duration::from_millis(500);
/// Between two looks whether a crowd has gone.
const LOOK: Duration = Duration::from_millis(5);

pub(super) struct Inbound {
    network: Arc<Network>,
    system: ActorSystem,
    peer: NodeKey,
    replies: Replies,
    delivery: Delivery,
    /// Actors here that the other side watches.
    watched: Watched,
    received: u64,
    confirmed: u64,
    pieces: Pieces,
    /// The actor that the last message was for.
    last: Option<Arc<dyn AnyCell>>,
}

/// Ends the writing side of a connection when it is dropped: its half keeps the connection open.
struct End {
    pen: Arc<Pen>,
    writer: AbortHandle,
}

impl Drop for End {
    fn drop(&mut self) {
        self.pen.close();
        self.writer.abort();
    }
}

impl Inbound {
    /// Reads until the connection breaks. Returns why; an error if the other side broke the protocol.
    pub(super) async fn run(
        network: Arc<Network>,
        system: ActorSystem,
        greeted: Greeted,
        parking: Parking,
    ) -> Result<String, String> {
        let Greeted { stream, rest, peer, .. } = greeted;
        let host = network.host().clone();
        let (mut read, half) = stream.into_split();
        let pen = Pen::new();
        let mut writer = host.spawn({
            let pen = pen.clone();
            async move { pen.write(half).await }
        });
        // This task may be aborted: the connection ends with it.
        let _end = End { pen: pen.clone(), writer: writer.abort_handle() };
        let limit = network.max_frame();
        let replies = Replies::new(pen.clone(), limit);
        let peer = NodeKey { id: peer.node, incarnation: peer.incarnation };
        let mut inbound = Self {
            delivery: Delivery::new(network.clone(), system.clone(), peer.clone(), replies.clone(), parking),
            watched: Watched::new(system.clone(), replies.clone(), network.myself().key().incarnation),
            replies,
            received: 0,
            confirmed: 0,
            pieces: Pieces::new(limit),
            last: None,
            peer,
            network,
            system,
        };
        let mut intake = Intake::new(rest, limit);
        let mut silent = 0;
        let mut gone = 0;
        let tick = host.sleep(QUIET);
        tokio::pin!(tick);
        loop {
            let waiting = match inbound.take_in(&mut intake) {
                Ok(waiting) => waiting,
                Err(why) => {
                    inbound.replies.frame(&DataFrame::Goodbye { code: 1, text: &why });
                    pen.finish();
                    let _ = host.timeout(LAST, &mut writer).await;
                    return Err(why);
                }
            };
            let crowded = waiting > CROWDED;
            tokio::select! {
                biased;
                read = intake.read(&mut read), if !crowded => match read {
                    Ok(0) => return Ok("the other side closed the connection".to_owned()),
                    Ok(_) => silent = 0,
                    Err(error) => return Ok(error.to_string()),
                },
                // Made only if it is waited for.
                () = async { host.sleep(LOOK).await }, if crowded => {}
                () = &mut tick => {
                    let before = std::mem::replace(&mut gone, pen.gone());
                    if crowded && gone > before {
                        // It is not asked for another word.
                        silent = 0;
                    } else if waiting > TOO_MANY {
                        return Err(format!("{waiting} bytes of answers wait, and the other side reads none of them"));
                    }
                    if silent > PATIENCE {
                        return Ok(format!("no word for {:?}", QUIET * PATIENCE));
                    }
                    if silent > 0 {
                        intake.rest();
                        pen.rest();
                        inbound.replies.frame(&DataFrame::Ping { nonce: u64::from(silent) });
                    }
                    silent += 1;
                    tick.as_mut().reset(host.now() + QUIET);
                }
            }
        }
    }

    /// Handles all that has come. Answers that are there at once go out together. Returns how many bytes of them wait still.
    fn take_in(&mut self, intake: &mut Intake) -> Result<usize, String> {
        self.replies.pen().hold();
        let read = intake.each(|frame| self.handle(frame));
        if self.received > self.confirmed {
            self.confirmed = self.received;
            self.replies.frame(&DataFrame::Ack { received: self.received });
        }
        let waiting = self.replies.pen().flush();
        read.map(|()| waiting)
    }

    fn handle(&mut self, frame: FrameRef<'_>) -> Result<(), String> {
        match DataFrame::read(frame.kind, frame.payload).map_err(|error| error.to_string())? {
            DataFrame::Request(request) => {
                self.received += 1;
                self.delivery.take(&request, frame.payload, &mut self.last)?;
            }
            DataFrame::Piece { stream, last, bytes } => {
                match self.pieces.take(stream, last, bytes).map_err(|error| error.to_string())? {
                    Some(Whole::Frame(whole)) if whole.kind == Kind::Piece => return Err("a piece of a piece".into()),
                    Some(Whole::Frame(whole)) => return self.handle(whole.as_ref()),
                    Some(Whole::Over { beginning, bytes }) => return self.refuse_large(&beginning, bytes),
                    None => {}
                }
            }
            DataFrame::Watch { watcher, actor, incarnation } => self.watched.watch(watcher, actor, incarnation),
            DataFrame::Unwatch { watcher, actor, .. } => self.watched.unwatch(watcher, actor),
            DataFrame::Stop { actor, incarnation } => {
                if incarnation == self.network.myself().key().incarnation.0 {
                    self.system.stop_for(ActorId(actor));
                }
            }
            DataFrame::Find { request, name } => self.network.found(&self.system, &self.replies, request, name),
            DataFrame::Slot { slot, bytes } => self.network.shards.told(&self.peer, slot, bytes)?,
            DataFrame::Ping { nonce } => self.replies.frame(&DataFrame::Pong { nonce }),
            DataFrame::Pong { .. } => {}
            DataFrame::Goodbye { text, .. } => return Err(format!("the other side says: {text}")),
            other => return Err(format!("a frame `{:?}` on the side that asks", other.kind())),
        }
        Ok(())
    }

    /// A frame of which only the beginning is there: the other side may send larger ones than this one takes.
    #[cold]
    fn refuse_large(&mut self, beginning: &Frame, bytes: u64) -> Result<(), String> {
        let limit = self.network.max_frame();
        let Some((request, actor)) = Whole::numbers(beginning).filter(|_| beginning.kind == Kind::Request) else {
            return Err(WireError::TooLong { claimed: bytes, limit: limit.into() }.to_string());
        };
        self.received += 1;
        tracing::warn!(from = %self.peer, bytes, limit, "a message is too large for this node, whose `max_message` is less than its sender's");
        match request {
            0 => self.network.dead_letter_here(ActorId(actor), DeadLetterReason::Rejected),
            _ => self.replies.refuse(request, &FarRefusal::TooLarge { bytes, limit: limit.into() }.into()),
        }
        Ok(())
    }
}
