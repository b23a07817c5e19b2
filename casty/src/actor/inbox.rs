//! What a cell's one lock guards: the mailbox, and the seat that the actor itself takes.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering::Release},
};

use crate::Failure;

use super::{
    Actor, Core, Signal, StopReason,
    mailbox::{Bound, Queue},
};

/// All that the cell's one lock guards.
pub(super) struct Inbox<A: Actor> {
    pub(super) seat: Seat<A>,
    /// It stands in a runner's queue.
    pub(super) queued: bool,
    /// It was woken while it was in its turn.
    pub(super) rerun: bool,
    /// It takes no more messages.
    pub(super) closed: bool,
    /// It is to end without its hooks.
    pub(super) killed: bool,
    /// Its mailbox was told of as large.
    pub(super) large: bool,
    pub(super) queue: Queue<A::Item>,
    pub(super) bound: Option<Bound>,
    #[expect(clippy::box_collection, reason = "a signal is rare, and an idle actor is to be small")]
    pub(super) signals: Option<Box<VecDeque<Signal>>>,
}

/// Where the actor itself is.
pub(super) enum Seat<A: Actor> {
    /// At rest, or waiting for its turn with mail.
    Resting(Box<Core<A>>),
    /// In an async handler or hook, or waiting to be restarted.
    Busy(Work<A>),
    /// In its turn: a thread has it.
    Taken,
    /// Its end is under way.
    Ending,
    /// On another node; the cell is a proxy.
    Elsewhere,
    /// It has ended, and everybody was told.
    Gone(StopReason),
}

/// Why an actor stopped handling messages for now.
pub(crate) enum Served {
    /// Nothing is in hand.
    Idle,
    /// The turn is over.
    Spent,
    /// A signal waits.
    Signal,
    /// The next message's handler is async.
    Async,
    /// A handler failed.
    Failed(Failure),
}

/// Whether there was a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mail {
    None,
    Some,
    /// And its place in a bounded mailbox is free now.
    WithPlace,
}

pub(crate) type Work<A> = Pin<Box<dyn Future<Output = Outcome<A>> + Send>>;

/// What [`Work`] comes to: the actor, and what it did; or nothing, when it has ended.
pub(crate) type Outcome<A> = Option<(Box<Core<A>>, Served)>;

impl<A: Actor> Inbox<A> {
    pub(super) fn new(bound: Option<Bound>) -> Self {
        Self {
            seat: Seat::Taken,
            queued: false,
            rerun: false,
            closed: false,
            killed: false,
            large: false,
            queue: Queue::new(),
            bound,
            signals: None,
        }
    }

    pub(super) fn next_signal(&mut self, signalled: &AtomicBool) -> Option<Signal> {
        let signals = self.signals.as_mut()?;
        let signal = signals.pop_front();
        if signals.is_empty() {
            self.signals = None;
            signalled.store(false, Release);
        }
        signal
    }

    /// Hands the actor its next message; with an unbounded mailbox, those behind it too.
    #[inline]
    pub(super) fn next_mail(&mut self, core: &mut Core<A>) -> Mail {
        let Some(bound) = &mut self.bound else {
            self.queue.take_all(&mut core.next, &mut core.batch);
            return if core.next.is_some() { Mail::Some } else { Mail::None };
        };
        core.next = self.queue.pop();
        match core.next {
            None => Mail::None,
            Some(_) if bound.beyond > 0 => {
                bound.beyond -= 1;
                Mail::Some
            }
            Some(_) => Mail::WithPlace,
        }
    }

    pub(super) fn has_work(&self) -> bool {
        !self.queue.is_empty() || self.signals.is_some()
    }

    pub(super) fn shrink(&mut self) {
        self.queue.shrink();
        self.large = false;
    }
}
