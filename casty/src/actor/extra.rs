//! What few actors use of their context: timers, a stash, watches, the memory of restarts and of the message in hand.

use std::{
    any::Any,
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::Instant;

use super::{Actor, AnyRef, Context, Timer, core::discard, watch};
use crate::{Failure, supervision::Restarts, sync::lock};

pub(super) struct Extra<A: Actor> {
    pub(super) restarts: Restarts,
    pub(super) retained: Option<Arc<dyn Any + Send + Sync>>,
    pub(super) timers: Vec<Timer>,
    pub(super) watched: Vec<AnyRef>,
    pub(super) stash: Arc<Stash<A>>,
    pub(super) unstash: bool,
    /// Behind a lock only so that messages need not be `Sync`.
    pub(super) then: Mutex<Vec<Box<dyn FnOnce() + Send>>>,
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
                stash: Arc::default(),
                unstash: false,
                then: Mutex::default(),
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

    /// What the handler that has just ended left to do. Returns what is to be handled next, if it unstashed.
    pub(super) fn after_handler(&mut self, well: bool) -> Option<VecDeque<A::Item>> {
        let extra = self.extra.as_mut()?;
        let then = mem::take(&mut *lock(&extra.then));
        if well {
            discard(extra.retained.take());
            then.into_iter().for_each(|send| send());
        } else {
            then.into_iter().for_each(discard);
        }
        mem::take(&mut extra.unstash).then(|| mem::take(&mut *lock(&extra.stash)))
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
        mem::take(&mut *lock(&extra.stash))
    }
}
