//! How messages come into a mailbox, and what happens at its bound.

use std::{
    mem,
    sync::{Arc, MutexGuard},
};

use tokio::sync::Semaphore;

use super::{
    Actor, Cell, Item as _, Overflow, Terminated,
    inbox::{Inbox, Seat},
};
use crate::{
    Message as _,
    reply::Refusal,
    sync::lock_hot,
    system::{DeadLetterReason, Event},
};

/// A mailbox that grows past this is told of.
const LARGE: usize = 100_000;

/// Why a message was not taken; it comes back.
pub(crate) enum Refused<I> {
    Stopped(I),
    Full(I),
    /// Full, and its senders wait for room.
    Wait(I),
    /// It is for another node's actor, and the link did not take it. Boxed, so that the rest is no larger for it.
    Far(Box<(I, Refusal)>),
}

impl<A: Actor> Cell<A> {
    /// Puts a message into the mailbox. Returns how many wait now.
    #[inline(always)]
    pub(crate) fn push(self: &Arc<Self>, item: A::Item) -> Result<usize, Refused<A::Item>> {
        let inbox = lock_hot(&self.inbox);
        if !inbox.closed && inbox.bound.is_none() {
            return Ok(self.deliver(inbox, item));
        }
        drop(inbox);
        // Boxed, so that above a message need not lie in memory to be pointed at: its way there and back took longer than
        // the rest of a send.
        self.push_bounded(Box::new(item))
    }

    #[inline(never)]
    #[expect(clippy::boxed_local, reason = "see where it is called")]
    fn push_bounded(self: &Arc<Self>, item: Box<A::Item>) -> Result<usize, Refused<A::Item>> {
        let item = *item;
        let waits = match &self.room {
            None => false,
            Some(room) => room.try_acquire().map(|permit| permit.forget()).is_err(),
        };
        let mut inbox = lock_hot(&self.inbox);
        if inbox.closed {
            let elsewhere = matches!(inbox.seat, Seat::Elsewhere);
            drop(inbox);
            return if elsewhere { self.push_far(item) } else { Err(Refused::Stopped(item)) };
        }
        if waits {
            return Err(Refused::Wait(item));
        }
        let mut dropped = None;
        if let Some(bound) = &inbox.bound
            && inbox.queue.len() >= bound.capacity
        {
            match bound.overflow {
                Overflow::Fail => return Err(Refused::Full(item)),
                // What the system has to tell is not dropped for what a sender has.
                Overflow::DropOldest => match inbox.queue.drop_oldest(|item| item.name() != Terminated::NAME) {
                    Some(oldest) => dropped = Some(oldest),
                    None => {
                        drop(inbox);
                        self.overflowed(item);
                        return Ok(0);
                    }
                },
                Overflow::DropNewest => {
                    drop(inbox);
                    self.overflowed(item);
                    return Ok(0);
                }
                // The permit was for this place, or what the system had to tell took it.
                Overflow::Wait => {}
            }
        }
        let len = self.deliver(inbox, item);
        if let Some(item) = dropped {
            self.overflowed(item);
        }
        Ok(len)
    }

    /// Puts a message into the mailbox whatever its bound: what the system itself has to tell.
    pub(super) fn push_beyond_bound(self: &Arc<Self>, item: A::Item) {
        let mut inbox = lock_hot(&self.inbox);
        if !inbox.closed {
            if let Some(bound) = &mut inbox.bound {
                bound.beyond += 1;
            }
            self.deliver(inbox, item);
        }
    }

    /// For a sender that waited and got room in the mailbox.
    pub(super) fn push_into_room(self: &Arc<Self>, item: A::Item) -> Result<usize, Refused<A::Item>> {
        let inbox = lock_hot(&self.inbox);
        if inbox.closed {
            return Err(Refused::Stopped(item));
        }
        Ok(self.deliver(inbox, item))
    }

    #[inline(always)]
    fn deliver(self: &Arc<Self>, mut inbox: MutexGuard<'_, Inbox<A>>, item: A::Item) -> usize {
        inbox.queue.push(item);
        let len = inbox.queue.len();
        let wake = !inbox.queued && matches!(inbox.seat, Seat::Resting(_));
        inbox.queued |= wake;
        let large = len > LARGE && !mem::replace(&mut inbox.large, true);
        drop(inbox);
        if wake {
            self.system.scheduler().schedule(self.clone());
        }
        if large {
            self.tell_large(len);
        }
        len
    }

    #[cold]
    fn tell_large(&self, len: usize) {
        self.system.emit(&Event::MailboxLarge { actor: self.label(), len });
    }

    pub(super) fn overflowed(&self, item: A::Item) {
        let name = item.name();
        item.refuse(Refusal::Full);
        self.system.dead_letter(self.label(), name, DeadLetterReason::MailboxFull);
    }

    pub(super) fn room(&self) -> Option<&Arc<Semaphore>> {
        self.room.as_ref()
    }

    /// A message left the mailbox, and with it its place.
    pub(super) fn made_room(&self) {
        if let Some(room) = &self.room {
            room.add_permits(1);
        }
    }
}
