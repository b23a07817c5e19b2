//! A message for an entity, on its way.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use crate::{
    EntityId,
    actor::{Answer, Waiting},
    cluster::placement::{Slot, slot_of_hash},
    entity::Post,
    reply::{FarRefusal, Refusal},
};

/// Which of a slot's messages comes first on this node. Rises from one to the next; what activations have left behind when they
/// ended comes, each in its order, before the message whose number it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    number: u64,
    left: u32,
}

impl Turn {
    pub(super) fn of(number: u64) -> Self {
        Self { number, left: u32::MAX }
    }

    pub(super) fn is_left_behind(self) -> bool {
        self.left != u32::MAX
    }

    /// Before this one, and behind so many others that come before it too.
    pub(super) fn before(self, left: u32) -> Self {
        Self { left, ..self }
    }
}

pub(super) struct Envelope {
    pub(super) turn: Turn,
    pub(super) kind: Arc<str>,
    pub(super) hash: u64,
    pub(super) id: EntityId,
    pub(super) message: Arc<str>,
    pub(super) idempotent: bool,
    /// It was sent before, and may have been handled then.
    pub(super) twice: bool,
    pub(super) asks: bool,
    pub(super) chain: Vec<Waiting>,
    pub(super) body: Bytes,
    /// Who waits. Taken out when it is told.
    pub(super) answer: Option<Box<dyn Answer>>,
    /// If it has not been brought there by then, it is given back.
    pub(super) deadline: Instant,
}

impl Envelope {
    pub(super) fn of(post: Post, turn: Turn, deadline: Instant) -> Self {
        Self {
            turn,
            kind: post.kind,
            hash: post.hash,
            id: post.id,
            message: post.message.into(),
            idempotent: post.idempotent,
            twice: false,
            asks: post.asks,
            chain: post.chain,
            body: post.body.into(),
            answer: Some(post.answer),
            deadline,
        }
    }

    pub(super) fn slot(&self) -> Slot {
        slot_of_hash(self.hash)
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.is_awaited())
    }

    pub(super) fn refuse(mut self, why: Refusal) {
        self.tell(why);
    }

    /// It could not be brought there in time.
    pub(super) fn give_back(self, why: &str) {
        self.refuse(FarRefusal::Unavailable(why.into()).into());
    }
}

impl Envelope {
    fn tell(&mut self, why: Refusal) {
        if let Some(answer) = self.answer.take() {
            answer.refuse(if self.twice { why.after_all(FarRefusal::ConnectionLost) } else { why });
        }
    }
}

impl Drop for Envelope {
    fn drop(&mut self) {
        self.tell(FarRefusal::Unavailable("this node is shutting down".into()).into());
    }
}
