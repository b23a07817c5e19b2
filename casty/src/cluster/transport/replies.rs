//! What goes back on a connection that another node opened: answers, confirmations, news.

use std::sync::Arc;

use super::pen::Pen;
use crate::{
    actor::FarPort,
    cluster::wire::{AnswerStatus, DataFrame, Kind, begin_frame},
    reply::Refusal,
    wire::CodecError,
};

/// Clones are handles to the same connection.
#[derive(Clone)]
pub(super) struct Replies {
    pen: Arc<Pen>,
    limit: u32,
}

impl Replies {
    pub(super) fn new(pen: Arc<Pen>, limit: u32) -> Self {
        Self { pen, limit }
    }

    pub(super) fn pen(&self) -> &Pen {
        &self.pen
    }

    /// Sends a frame as it is.
    pub(super) fn frame(&self, frame: &DataFrame<'_>) {
        let mut bytes = Vec::with_capacity(64);
        if frame.encode(&mut bytes, self.limit).is_ok() {
            self.pen.push(None, &bytes);
        }
    }

    pub(super) fn refuse(&self, request: u64, why: &Refusal) {
        let mut body = Vec::new();
        why.encode(&mut body);
        self.frame(&DataFrame::Answer { request, status: AnswerStatus::Refused, body: &body });
    }

    /// For the answer to one request.
    pub(super) fn port(&self, request: u64) -> Box<dyn FarPort> {
        Box::new(Port { replies: self.clone(), request })
    }
}

struct Port {
    replies: Replies,
    request: u64,
}

impl FarPort for Port {
    fn answer(self: Box<Self>, encode: &dyn Fn(&mut Vec<u8>) -> Result<(), CodecError>) {
        let mut frame = Vec::with_capacity(128);
        let start = begin_frame(&mut frame, Kind::Answer);
        frame.extend_from_slice(&self.request.to_le_bytes());
        frame.push(AnswerStatus::Ok as u8);
        let encoded = encode(&mut frame).map_err(|error| error.to_string());
        let ended = encoded.and_then(|()| start.end(&mut frame, self.replies.limit).map_err(|error| error.to_string()));
        match ended {
            Ok(()) => self.replies.pen.push(None, &frame),
            Err(why) => self.replies.refuse(self.request, &Refusal::bad_answer(&why)),
        }
    }

    fn refuse(self: Box<Self>, why: Refusal) {
        self.replies.refuse(self.request, &why);
    }
}
