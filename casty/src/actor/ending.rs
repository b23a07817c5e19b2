//! How an actor ends: at once, by a signal, or without being asked.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering::Release},
};

use super::{
    Actor, Cell, Core, Extras, Item as _, Signal, StopReason,
    core::{caught, discard},
    inbox::Seat,
    mailbox::Queue,
};
use crate::{
    entity::post_left_behind,
    reply::Refusal,
    sync::lock,
    system::{DeadLetterReason, Event},
};

impl<A: Actor> Cell<A> {
    /// The end: nobody finds the actor any more, who waits for it is told. Done once; the core is gone by then, or goes
    /// with `core`.
    pub(crate) fn finish(self: &Arc<Self>, core: Option<Box<Core<A>>>, reason: &StopReason) {
        let mut inbox = lock(&self.inbox);
        inbox.closed = true;
        let seat = mem::replace(&mut inbox.seat, Seat::Ending);
        if let Seat::Ending | Seat::Elsewhere | Seat::Gone(_) = seat {
            inbox.seat = seat;
            return;
        }
        drop(inbox);
        self.wind_up(seat, core, reason);
    }

    /// What follows once the seat is [`Seat::Ending`], for whoever made it so.
    fn wind_up(self: &Arc<Self>, seat: Seat<A>, core: Option<Box<Core<A>>>, reason: &StopReason) {
        self.close_room();
        let mut inbox = lock(&self.inbox);
        let mut left = mem::replace(&mut inbox.queue, Queue::new());
        let signals = inbox.signals.take();
        drop(inbox);
        // The state goes before the name is free, and both before anybody is told.
        discard(seat);
        discard(core);
        discard(signals);
        while let Some(item) = left.pop() {
            self.leave_behind(item);
        }
        self.system.forget(self.id, self.name.as_ref(), self.parent.is_none());
        if let Some(parent) = &self.parent {
            parent.extras().remove_child(self.birth);
        }
        self.system.emit_with(|| Event::Stopped { actor: self.label(), reason: reason.clone() });
        if let Some(entity) = self.activation() {
            entity.ended(self.id, reason);
        }
        if let Some(extras) = self.had_extras() {
            extras.tell_watchers(self.clone(), reason);
        }
        lock(&self.inbox).seat = Seat::Gone(reason.clone());
        // Who made the extras since then either sees the line above, or is seen here.
        if let Some(extras) = self.had_extras() {
            extras.tell_watchers(self.clone(), reason);
            extras.stopped.notify_waiters();
        }
    }

    /// Stops the actor at once if nothing of it has to run for that, else by a signal.
    pub(super) fn stop_now_or_signal(self: &Arc<Self>, reason: StopReason) {
        let mut inbox = lock(&self.inbox);
        let at_rest = matches!(inbox.seat, Seat::Resting(_)) && !inbox.queued && !inbox.has_work();
        let childless = self.had_extras().is_none_or(Extras::is_childless);
        if at_rest && childless && !A::HOOKS.on_stop && self.system.scheduler().is_here() {
            let seat = mem::replace(&mut inbox.seat, Seat::Ending);
            inbox.closed = true;
            drop(inbox);
            self.wind_up(seat, None, &reason);
        } else {
            drop(inbox);
            self.signal(Signal::Stop(reason));
        }
    }

    /// Ends an entity that has nothing to do. `false` if it has.
    pub(crate) fn put_away(self: &Arc<Self>) -> bool {
        let mut inbox = lock(&self.inbox);
        let Seat::Resting(core) = &inbox.seat else { return false };
        let childless = self.had_extras().is_none_or(Extras::is_childless);
        let idle = core.next.is_none() && core.batch.is_empty() && core.ctx.may_be_put_away();
        if inbox.queued || inbox.closed || inbox.has_work() || !childless || !idle {
            return false;
        }
        inbox.closed = true;
        inbox.signals.get_or_insert_default().push_back(Signal::Stop(StopReason::Passivated));
        self.signalled.store(true, Release);
        self.rouse(inbox);
        self.close_room();
        true
    }

    /// Why it ended, once it has.
    pub(super) fn ended(&self) -> Option<StopReason> {
        match &lock(&self.inbox).seat {
            Seat::Gone(reason) => Some(reason.clone()),
            Seat::Resting(_) | Seat::Busy(_) | Seat::Taken | Seat::Elsewhere | Seat::Ending => None,
        }
    }

    /// A message that its actor stopped before.
    pub(super) fn leave_behind(&self, item: A::Item) {
        let name = item.name();
        let leave = AssertUnwindSafe(|| match self.activation().map(|entity| &entity.address) {
            // Another activation takes it, wherever that is.
            Some(address) if self.system().serves_entities() && self.system().home().is_shared() => {
                post_left_behind(self.system(), address, self.label(), item);
            }
            _ => self.refuse_stopped(item),
        });
        if let Err(payload) = catch_unwind(leave) {
            tracing::error!(actor = %self.label(), message = name, failure = %caught(payload), "a message panicked when it was dropped");
        }
    }

    fn refuse_stopped(&self, item: A::Item) {
        if item.is_ask() {
            item.refuse(Refusal::Stopped);
        } else {
            self.system().dead_letter(self.label(), item.name(), DeadLetterReason::Stopped);
        }
    }

    /// Ends it without hooks, and its children. `false` if a thread is in a handler, so that it ends only after.
    pub(super) fn kill_now(self: &Arc<Self>) -> bool {
        let mut inbox = lock(&self.inbox);
        inbox.closed = true;
        inbox.killed = true;
        // Taken out under the lock: from here on nobody else can give it a turn, or end it.
        let seat = match &inbox.seat {
            Seat::Resting(_) | Seat::Busy(_) => Some(mem::replace(&mut inbox.seat, Seat::Ending)),
            Seat::Taken | Seat::Ending | Seat::Elsewhere | Seat::Gone(_) => None,
        };
        let mut ended = !matches!(inbox.seat, Seat::Taken);
        drop(inbox);
        self.close_room();
        for child in self.had_extras().map(Extras::children_last_first).unwrap_or_default() {
            ended &= child.kill();
        }
        if let Some(seat) = seat {
            self.wind_up(seat, None, &StopReason::Killed);
        }
        ended
    }
}
