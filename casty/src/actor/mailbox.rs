//! What waits for an actor: its messages, in order and within its bound.

use std::{collections::VecDeque, mem, sync::Arc};

use tokio::sync::Semaphore;

/// How many messages may wait for an actor, and what happens to the next one.
///
/// Declared with `#[actor(mailbox = 64, overflow = Wait)]`; given at a spawn with [`Spawn::mailbox`](crate::Spawn::mailbox)
/// and for a whole system with [`SystemBuilder::mailbox`](crate::SystemBuilder::mailbox). The message in hand does not count.
///
/// ```
/// use casty::{Mailbox, Overflow};
/// let mailbox = Mailbox::bounded(64, Overflow::Wait);
/// assert_eq!(mailbox.capacity(), Some(64));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mailbox {
    capacity: Option<usize>,
    overflow: Overflow,
}

/// What happens to a message that finds the mailbox full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// Its sender waits for room, and an asker too, within its time. `try_send` is refused.
    #[default]
    Wait,
    /// It is refused: [`SendError::Full`](crate::SendError::Full), [`AskError::MailboxFull`](crate::AskError::MailboxFull).
    Fail,
    /// It is dropped: `Ok` for who sent it, a dead letter, and `MailboxFull` for who asked.
    DropNewest,
    /// The message that waited longest is dropped in its place, likewise.
    DropOldest,
}

impl Mailbox {
    /// Any number of messages: a `send` never waits. More than 100,000 are told of in an
    /// [`Event::MailboxLarge`](crate::Event::MailboxLarge).
    pub const fn unbounded() -> Self {
        Self { capacity: None, overflow: Overflow::Wait }
    }

    /// At most `capacity` messages beside the one in hand.
    ///
    /// # Panics
    /// If `capacity` is 0.
    pub const fn bounded(capacity: usize, overflow: Overflow) -> Self {
        assert!(capacity > 0, "a mailbox holds at least one message");
        Self { capacity: Some(capacity), overflow }
    }

    /// How many messages may wait; `None` is any number.
    pub const fn capacity(&self) -> Option<usize> {
        self.capacity
    }

    /// What happens to the next one.
    pub const fn overflow(&self) -> Overflow {
        self.overflow
    }
}

/// The bound of one mailbox.
pub(super) struct Bound {
    pub(super) capacity: usize,
    pub(super) overflow: Overflow,
    /// Messages that are there beyond the bound, from the system itself: they took no place and give none back.
    pub(super) beyond: usize,
}

impl Bound {
    pub(super) fn of(mailbox: Mailbox) -> Option<Self> {
        Some(Self { capacity: mailbox.capacity?, overflow: mailbox.overflow, beyond: 0 })
    }

    /// A permit a place, if senders wait for one.
    pub(super) fn room(&self) -> Option<Arc<Semaphore>> {
        (self.overflow == Overflow::Wait).then(|| Arc::new(Semaphore::new(self.capacity.min(Semaphore::MAX_PERMITS))))
    }
}

/// Messages in order.
///
/// The first to come has a place of its own, so that an actor that gets one at a time never needs a buffer.
pub(super) struct Queue<I> {
    first: Option<I>,
    rest: VecDeque<I>,
}

/// A buffer that has grown beyond this is given back once it is empty.
const KEEP_BYTES: usize = 4096;

impl<I> Queue<I> {
    pub(super) const fn new() -> Self {
        Self { first: None, rest: VecDeque::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.rest.len() + usize::from(self.first.is_some())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none() && self.rest.is_empty()
    }

    #[inline(always)]
    pub(super) fn push(&mut self, item: I) {
        if self.is_empty() {
            self.first = Some(item);
        } else {
            self.rest.push_back(item);
        }
    }

    pub(super) fn pop(&mut self) -> Option<I> {
        self.first.take().or_else(|| self.rest.pop_front())
    }

    /// Takes out the message that waited longest of those that `may_go`.
    pub(super) fn drop_oldest(&mut self, may_go: impl Fn(&I) -> bool) -> Option<I> {
        if self.first.as_ref().is_some_and(&may_go) {
            return self.first.take();
        }
        let at = self.rest.iter().position(may_go)?;
        self.rest.remove(at)
    }

    /// The first message into `next` and all behind it into `batch`, which must both be empty.
    #[inline]
    pub(super) fn take_all(&mut self, next: &mut Option<I>, batch: &mut VecDeque<I>) {
        debug_assert!(next.is_none() && batch.is_empty());
        if !self.rest.is_empty() {
            mem::swap(&mut self.rest, batch);
        }
        *next = self.first.take();
        if next.is_none() {
            *next = batch.pop_front();
        }
    }

    /// Gives back what a burst has blown up.
    pub(super) fn shrink(&mut self) {
        shrink(&mut self.rest);
    }
}

pub(super) fn shrink<I>(buffer: &mut VecDeque<I>) {
    if buffer.is_empty() && buffer.capacity() * size_of::<I>() > KEEP_BYTES {
        *buffer = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Op {
        Push,
        Pop,
        TakeAll,
    }

    proptest! {
        #[test]
        fn messages_come_out_in_order(ops in proptest::collection::vec(prop_oneof![3 => Just(Op::Push), 1 => Just(Op::Pop), 1 => Just(Op::TakeAll)], 0..200)) {
            let (mut queue, mut model, mut next) = (Queue::new(), VecDeque::new(), 0);
            for op in ops {
                match op {
                    Op::Push => {
                        queue.push(next);
                        model.push_back(next);
                        next += 1;
                    }
                    Op::Pop => prop_assert_eq!(queue.pop(), model.pop_front()),
                    Op::TakeAll => {
                        let (mut next, mut batch) = (None, VecDeque::new());
                        queue.take_all(&mut next, &mut batch);
                        let taken: Vec<_> = next.into_iter().chain(batch).collect();
                        prop_assert_eq!(taken, model.drain(..).collect::<Vec<_>>());
                    }
                }
                prop_assert_eq!(queue.len(), model.len());
            }
        }
    }
}
