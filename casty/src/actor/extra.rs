//! What few actors use of their context: timers, a stash, watches, the memory of restarts and of the message in hand.

use std::{
    any::Any,
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{Actor, AnyRef, Cell, Context, Handled, Signal, Timer, core::discard, watch};
use crate::{
    EntityId, Failure,
    reply::{Output, Outputs, Refusal, Wait},
    supervision::Restarts,
    sync::lock,
};

pub(super) struct Extra<A: Actor> {
    pub(super) restarts: Restarts,
    pub(super) retained: Option<Arc<dyn Any + Send + Sync>>,
    pub(super) timers: Vec<Timer>,
    pub(super) watched: Vec<AnyRef>,
    /// Made with the first message in it.
    pub(super) stash: Option<Arc<Stash<A>>>,
    pub(super) unstash: bool,
    /// Behind a lock only so that messages need not be `Sync`.
    pub(super) then: Mutex<Vec<Box<dyn FnOnce() + Send>>>,
    /// The handler in hand leaves nothing to keep.
    pub(super) reads: bool,
    /// Of an entity.
    pub(super) entity: Option<Part<A>>,
}

/// What makes an actor an entity.
pub(super) struct Part<A> {
    keeper: Box<dyn Keeper<A>>,
    outputs: Arc<Outputs>,
    /// Its state goes, with the handler in hand.
    ends: bool,
}

/// Keeps the state of an entity.
pub(crate) trait Keeper<A>: Send + Sync {
    /// A handler that may have changed it has ended well. `None`: the entity is not this node's any more.
    ///
    /// # Errors
    /// If it has no bytes.
    fn keep(&mut self, state: &A) -> Result<Option<Wait>, Failure>;

    /// Whether a handler may change it now: not with fewer backups than its type insists on.
    fn may_change(&self) -> bool;

    /// It is as if it had never been.
    fn forget(&mut self) -> Option<Wait>;
}

type Stash<A> = Mutex<VecDeque<<A as Actor>::Item>>;

impl<A: Actor> Context<A> {
    pub(super) fn has_extra(&self) -> bool {
        self.extra.is_some()
    }

    pub(super) fn extra(&mut self) -> &mut Extra<A> {
        self.extra.get_or_insert_with(|| {
            Box::new(Extra {
                restarts: Restarts::default(),
                retained: None,
                timers: Vec::new(),
                watched: Vec::new(),
                stash: None,
                unstash: false,
                then: Mutex::default(),
                reads: false,
                entity: None,
            })
        })
    }

    /// How long a restart at `now` would back off; `None` if it is one too many.
    pub(super) fn next_restart(&mut self, now: Instant) -> Option<Duration> {
        let supervision = self.cell.supervision();
        self.extra().restarts.next(now, &supervision)
    }

    pub(super) fn count_restart(&mut self, now: Instant) {
        let supervision = self.cell.supervision();
        self.extra().restarts.admit(now, &supervision);
    }

    /// The failure of the handler that has just run, with the message that it had in hand.
    pub(super) fn with_message(&mut self, failure: Failure) -> Failure {
        let retained = self.extra.as_mut().and_then(|extra| extra.retained.take());
        failure.with_message(self.message, retained)
    }

    /// For an actor that is made: it is an entity.
    pub(crate) fn is_entity(&mut self, keeper: Box<dyn Keeper<A>>, outputs: Arc<Outputs>) {
        self.extra().entity = Some(Part { keeper, outputs, ends: false });
    }

    /// The handler in hand changes nothing that is kept.
    pub(super) fn reads(&mut self) {
        if let Some(extra) = &mut self.extra {
            extra.reads = true;
            if let Some(part) = &extra.entity {
                part.outputs.reads();
            }
        }
    }

    pub(super) fn entity(&self) -> Option<&EntityId> {
        self.cell.activation().map(|entity| &entity.address.id)
    }

    /// Whether a handler may run now, which takes `&self` or not.
    pub(super) fn may_take(&self, reads: bool) -> bool {
        let part = self.extra.as_ref().and_then(|extra| extra.entity.as_ref());
        part.is_none_or(|part| !part.outputs.is_crowded() && (reads || part.keeper.may_change()))
    }

    pub(super) fn end_entity(&mut self) {
        if let Some(part) = self.extra.as_mut().and_then(|extra| extra.entity.as_mut()) {
            part.ends = true;
        }
    }

    /// What becomes of an entity's state behind a handler that ended well, or with that failure.
    pub(super) fn keep_state(&mut self, state: Option<&A>, failure: Option<&Failure>) -> Handled {
        let Some(extra) = self.extra.as_mut() else { return Ok(()) };
        let reads = mem::take(&mut extra.reads);
        let Some(part) = &mut extra.entity else { return Ok(()) };
        let ends = mem::take(&mut part.ends);
        if let Some(failure) = failure
            && !reads
        {
            // What it said follows from a state that never was.
            part.outputs.spoilt(&Refusal::Failed(failure.clone()));
            return Ok(());
        }
        let changed = match state {
            Some(_) if ends && failure.is_none() => {
                // A new one, behind this message.
                Cell::signal(&self.cell, Signal::Restart);
                part.keeper.forget()
            }
            Some(state) if !reads => match part.keeper.keep(state) {
                Ok(changed) => changed,
                Err(failure) => {
                    part.outputs.spoilt(&Refusal::Failed(failure.clone()));
                    return Err(failure);
                }
            },
            _ => {
                part.outputs.handled(None);
                return Ok(());
            }
        };
        match changed {
            Some(wait) => part.outputs.handled(Some(wait)),
            None => part.outputs.end(),
        }
        Ok(())
    }

    /// Whether nothing of the instance is lost if it goes now, besides what is kept.
    pub(super) fn may_be_put_away(&self) -> bool {
        self.extra.as_ref().is_none_or(|extra| {
            extra.timers.iter().all(Timer::is_over)
                && !extra.watched.iter().any(AnyRef::is_alive)
                && extra.stash.as_ref().is_none_or(|stash| lock(stash).is_empty())
                && extra.entity.as_ref().is_none_or(|part| part.outputs.is_settled() && !part.outputs.has_open())
        })
    }

    /// What the handler that has just ended left to do. Returns what is to be handled next, if it unstashed.
    pub(super) fn after_handler(&mut self, well: bool) -> Option<VecDeque<A::Item>> {
        let extra = self.extra.as_mut()?;
        if let Some(part) = &extra.entity {
            // Of a hook.
            part.outputs.handled(None);
        }
        let then = mem::take(extra.then.get_mut().unwrap_or_else(PoisonError::into_inner));
        if well {
            discard(extra.retained.take());
            match &extra.entity {
                Some(part) => then.into_iter().for_each(|send| part.outputs.say_late(Output::Send(send))),
                None => then.into_iter().for_each(|send| send()),
            }
        } else {
            then.into_iter().for_each(discard);
        }
        mem::take(&mut extra.unstash).then(|| take(extra.stash.as_ref()))
    }

    pub(super) fn cancel_timers(&mut self) {
        if let Some(extra) = &mut self.extra {
            extra.timers.drain(..).for_each(|timer| timer.cancel());
        }
    }

    /// At the very end: nothing refers to the actor any more but those who hold a reference.
    pub(super) fn take_stash(&mut self) -> VecDeque<A::Item> {
        self.cancel_timers();
        let Some(extra) = self.extra.take() else { return VecDeque::new() };
        for watched in extra.watched {
            watch::unwatch(&*watched.cell(), self.cell.id());
        }
        take(extra.stash.as_ref())
    }
}

fn take<T>(stash: Option<&Arc<Mutex<VecDeque<T>>>>) -> VecDeque<T> {
    stash.map(|stash| mem::take(&mut *lock(stash))).unwrap_or_default()
}
