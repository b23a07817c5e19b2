//! The task that gives actors their turns.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context, Poll},
};

use tokio::task::coop::has_budget_remaining;

use super::{HOME, Job, NEXT, SEATED, Scheduler, trust};
use crate::sync::lock;

/// Messages between two returns to tokio, which must get to its sockets and timers too.
const BUDGET: u32 = 512;
/// One job in so many comes from the injector, however full the own queue is.
const INJECTOR_SHARE: u64 = 32;
/// So many jobs in a row are run because the one before sent to them, while others wait in the queue.
const NEXTS: u32 = 8;

pub(super) struct Runner {
    scheduler: Arc<Scheduler>,
    seat: usize,
    /// It was woken by another and counts as searching.
    searching: bool,
    /// It stands on the idle list, unless somebody took it off to wake it.
    parked: bool,
}

impl Runner {
    pub(super) fn new(scheduler: Arc<Scheduler>, seat: usize) -> Self {
        Self { scheduler, seat, searching: false, parked: false }
    }

    fn turns(&mut self, cx: &Context<'_>) -> Poll<()> {
        let mut budget = BUDGET;
        let mut nexts = NEXTS;
        loop {
            if nexts > 0
                && budget > 0
                && let Some(job) = NEXT.take()
            {
                nexts -= 1;
                give_turn(job, &mut budget);
                continue;
            }
            nexts = NEXTS;
            if let Some(job) = NEXT.take() {
                self.scheduler.seats[self.seat].push(job);
            }
            if budget == 0 || !has_budget_remaining() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            match self.next() {
                Some(job) => {
                    self.found();
                    give_turn(job, &mut budget);
                }
                None if self.park(cx) => {
                    return if self.scheduler.closed.load(Relaxed) { Poll::Ready(()) } else { Poll::Pending };
                }
                None => {}
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let seat = &self.scheduler.seats[self.seat];
        let turn = seat.turns.load(Relaxed);
        seat.turns.store(turn + 1, Relaxed);
        if turn.is_multiple_of(INJECTOR_SHARE)
            && let Some(job) = self.scheduler.injected(self.seat)
        {
            return Some(job);
        }
        seat.pop().or_else(|| self.scheduler.injected(self.seat)).or_else(|| self.scheduler.stolen(self.seat))
    }

    /// There is work. If there is more of it, another runner may look for it.
    fn found(&mut self) {
        if !std::mem::take(&mut self.searching) {
            return;
        }
        let scheduler = &self.scheduler;
        let last = scheduler.searching.fetch_sub(1, Relaxed) == 1;
        let more = scheduler.injected.load(Relaxed) > 0 || scheduler.seats[self.seat].len.load(Relaxed) > 0;
        if last && more && scheduler.may_wake() && scheduler.wake_one() {
            scheduler.spread();
        }
    }

    /// Leaves the runner waiting to be woken. `false` if work came up meanwhile.
    fn park(&mut self, cx: &Context<'_>) -> bool {
        let scheduler = &self.scheduler;
        if std::mem::take(&mut self.searching) {
            scheduler.searching.fetch_sub(1, Relaxed);
        }
        *lock(&scheduler.seats[self.seat].waker) = Some(cx.waker().clone());
        let mut idle = lock(&scheduler.idle);
        idle.push(self.seat);
        scheduler.idle_count.store(idle.len(), Relaxed);
        drop(idle);
        self.parked = true;
        // A job that was pushed before the line above may have seen nobody idle.
        if self.scheduler.has_work() {
            self.unpark();
        }
        self.parked
    }

    /// Takes the runner off the idle list. Not being on it any more means that it was woken to search.
    fn unpark(&mut self) {
        self.parked = false;
        let mut idle = lock(&self.scheduler.idle);
        match idle.iter().position(|seat| *seat == self.seat) {
            Some(at) => {
                idle.swap_remove(at);
                self.scheduler.idle_count.store(idle.len(), Relaxed);
            }
            None => self.searching = true,
        }
    }
}

/// Whatever panics there, the runner goes on: others wait for their turns.
fn give_turn(job: Job, budget: &mut u32) {
    *budget -= 1;
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| job.run(budget))) {
        tracing::error!("a turn panicked; its actor has ended");
        std::mem::forget(payload);
    }
}

impl Future for Runner {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.parked {
            this.unpark();
        }
        if this.scheduler.seats.len() > 1 {
            // A worker of a runtime with several never leaves it; a thread with a runtime of one may.
            HOME.set(this.scheduler.number);
        }
        let before = SEATED.replace((Arc::as_ptr(&this.scheduler).addr(), this.seat));
        let poll = this.turns(cx);
        SEATED.set(before);
        trust(false);
        poll
    }
}
