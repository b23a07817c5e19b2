//! What an actor is while it is at rest or in a turn: its state, its context, and the messages taken in hand.

use std::{
    any::Any,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use futures_util::FutureExt as _;

use super::{Actor, Cell, Context, Dispatch, Handled, Item as _, mailbox::shrink};
use crate::{
    Failure,
    reply::{FarRefusal, take_parked},
    system::DeadLetterReason,
};

/// Makes instances: the first one, and one at each restart.
pub(crate) type Factory<A> = Box<dyn Fn() -> A + Send + Sync>;

pub(crate) struct Core<A: Actor> {
    /// `None` between two instances.
    pub(super) state: Option<A>,
    pub(super) ctx: Context<A>,
    /// The message whose turn it is. It lies still here until its handler takes it: moving it about costs.
    pub(super) next: Option<A::Item>,
    /// Messages taken out of the mailbox together, ahead of what is in it.
    pub(super) batch: VecDeque<A::Item>,
    pub(super) factory: Factory<A>,
    /// Messages with async handlers that were handled and are not counted against a turn yet.
    pub(super) driven: u32,
}

impl<A: Actor> Core<A> {
    pub(crate) fn new(state: A, ctx: Context<A>, factory: Factory<A>) -> Box<Self> {
        Box::new(Self { state: Some(state), ctx, next: None, batch: VecDeque::new(), factory, driven: 0 })
    }

    pub(super) fn cell(&self) -> &Arc<Cell<A>> {
        self.ctx.cell()
    }

    /// Whether the next message was refused, and not handled: it could change an entity that has too few backups for that, or
    /// would add to what waits for them.
    #[inline]
    pub(super) fn refused_next(&mut self) -> bool {
        A::IS_ENTITY && self.next.as_ref().is_some_and(|item| !self.ctx.may_take(item.reads())) && self.refuse_next()
    }

    #[cold]
    fn refuse_next(&mut self) -> bool {
        let Some(item) = self.next.take() else { return false };
        if item.is_ask() {
            let why = if self.ctx.may_take(true) {
                "fewer of its backups are up than its `sync` asks for"
            } else {
                "its changes do not get to its backups, and too many answers wait for that already"
            };
            item.refuse(FarRefusal::Unavailable(why.into()).into());
        } else {
            let cell = self.cell();
            cell.system().dead_letter(cell.label(), item.name(), DeadLetterReason::Unavailable);
        }
        true
    }

    /// Runs the handler of the next message to its end, or to its panic.
    pub(super) async fn handle(&mut self) -> Handled {
        if self.refused_next() {
            return Ok(());
        }
        let Self { state, ctx, next, .. } = self;
        let run = async {
            let (Some(state), Some(item)) = (state, next.take()) else { return Ok(()) };
            match state.dispatch(item, ctx) {
                Dispatch::Done(handled) => handled,
                Dispatch::Pending(handler) => handler.await,
            }
        };
        let handled = AssertUnwindSafe(run).catch_unwind().await.unwrap_or_else(|payload| Err(caught(payload)));
        self.ended(handled)
    }

    /// Makes the message behind the one that was handled the next.
    #[inline]
    pub(super) fn advance(&mut self) -> bool {
        if self.next.is_none() {
            self.next = self.batch.pop_front();
        }
        self.next.is_some()
    }

    /// What follows each handler.
    #[inline]
    pub(super) fn ended(&mut self, mut handled: Handled) -> Handled {
        if self.ctx.has_extra() {
            handled = self.after(handled);
        }
        handled.map_err(|failure| self.ctx.with_message(failure))
    }

    #[cold]
    pub(super) fn after(&mut self, handled: Handled) -> Handled {
        let kept = self.ctx.keep_state(self.state.as_ref(), handled.as_ref().err());
        let handled = handled.and(kept);
        self.after_hook(handled.is_ok());
        handled
    }

    /// What follows a hook too: that keeps nothing.
    pub(super) fn after_hook(&mut self, well: bool) {
        if let Some(stash) = self.ctx.after_handler(well) {
            for item in stash.into_iter().rev() {
                self.batch.push_front(item);
            }
        }
    }

    /// Gives back buffers that a burst has blown up.
    pub(super) fn shrink(&mut self) {
        shrink(&mut self.batch);
    }

    /// The instance goes.
    pub(super) fn drop_state(&mut self) {
        discard(self.state.take());
    }
}

impl<A: Actor> Drop for Core<A> {
    /// An actor that ends hands back what it did not come to.
    fn drop(&mut self) {
        self.drop_state();
        // What it has put aside came first.
        for item in self.ctx.take_stash().into_iter().chain(self.next.take()).chain(self.batch.drain(..)) {
            self.ctx.cell().leave_behind(item);
        }
    }
}

/// The failure that a panic was, once the askers it left waiting know of it.
pub(super) fn caught(payload: Box<dyn Any + Send>) -> Failure {
    let failure = Failure::from_panic(&*payload);
    take_parked(&failure);
    discard(payload);
    failure
}

/// Drops what is the user's. If that panics, it is told in the log and goes no further.
pub(super) fn discard<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        tracing::error!(failure = %Failure::from_panic(&*payload), "something panicked when it was dropped");
        // Who knows what its own drop would do.
        std::mem::forget(payload);
    }
}
