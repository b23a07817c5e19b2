//! What goes back on a connection that another node opened: answers, confirmations, news.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use super::pen::Pen;
use crate::{
    actor::FarPort,
    cluster::wire::{AnswerStatus, DataFrame, Kind, begin_frame},
    reply::Refusal,
    wire::CodecError,
};

/// A buffer that has grown beyond this is given back.
const KEEP: usize = 64 * 1024;

/// Clones are handles to the same connection.
#[derive(Clone)]
pub(crate) struct Replies(Arc<Shared>);

struct Shared {
    pen: Arc<Pen>,
    limit: u32,
    /// Questions without an answer.
    open: AtomicUsize,
}

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Replies {
    pub(super) fn new(pen: Arc<Pen>, limit: u32) -> Self {
        Self(Arc::new(Shared { pen, limit, open: AtomicUsize::new(0) }))
    }

    pub(super) fn pen(&self) -> &Pen {
        &self.0.pen
    }

    /// Sends a frame as it is.
    pub(crate) fn frame(&self, frame: &DataFrame<'_>) {
        self.send(frame, false);
    }

    pub(crate) fn refuse(&self, request: u64, why: &Refusal) {
        self.refuse_when(request, why, false);
    }

    /// For the answer to one request.
    pub(crate) fn port(&self, request: u64) -> Box<dyn FarPort> {
        self.0.open.fetch_add(1, Relaxed);
        Box::new(Port { replies: self.clone(), request })
    }

    fn refuse_when(&self, request: u64, why: &Refusal, now: bool) {
        let mut body = Vec::new();
        why.encode(&mut body);
        self.send(&DataFrame::Answer { request, status: AnswerStatus::Refused, body: &body }, now);
    }

    fn send(&self, frame: &DataFrame<'_>, now: bool) {
        with_buffer(|bytes| {
            if frame.encode(bytes, self.0.limit).is_ok() {
                self.push(bytes, now);
            }
        });
    }

    fn push(&self, frame: &[u8], now: bool) {
        if self.pen().push(None, frame, now).write {
            self.pen().write_some();
        }
    }
}

/// Lends this thread's buffer, empty.
fn with_buffer(write: impl FnOnce(&mut Vec<u8>)) {
    let mut buffer = SCRATCH.take();
    buffer.clear();
    write(&mut buffer);
    if buffer.capacity() <= KEEP {
        SCRATCH.set(buffer);
    }
}

struct Port {
    replies: Replies,
    request: u64,
}

impl Port {
    /// Whether no other question is open, so that there is no company to wait for.
    fn is_last(&self) -> bool {
        self.replies.0.open.fetch_sub(1, Relaxed) == 1
    }
}

impl FarPort for Port {
    fn answer(self: Box<Self>, encode: &dyn Fn(&mut Vec<u8>) -> Result<(), CodecError>) {
        let now = self.is_last();
        with_buffer(|frame| {
            let start = begin_frame(frame, Kind::Answer);
            frame.extend_from_slice(&self.request.to_le_bytes());
            frame.push(AnswerStatus::Ok as u8);
            let encoded = encode(frame).map_err(|error| error.to_string());
            let limit = self.replies.0.limit;
            let ended = encoded.and_then(|()| start.end(frame, limit).map_err(|error| error.to_string()));
            match ended {
                Ok(()) => self.replies.push(frame, now),
                Err(why) => self.replies.refuse_when(self.request, &Refusal::bad_answer(&why), now),
            }
        });
    }

    fn refuse(self: Box<Self>, why: Refusal) {
        let now = self.is_last();
        self.replies.refuse_when(self.request, &why, now);
    }
}
