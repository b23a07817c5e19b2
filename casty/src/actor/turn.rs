//! An actor's turn: messages are handled until there are none, or until it is another actor's turn.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering::Acquire},
    task::{Context as TaskContext, Poll, Wake, Waker},
};

use super::{
    Actor, Cell, Core, Dispatch, Item as _, StopReason,
    cell::{Outcome, Seat, Work},
    core::caught,
    life,
    stack::Frame,
};
use crate::{Failure, reply::Pace, scheduler::Run, sync::lock};

/// Messages in one turn, before other actors get theirs.
const SLICE: u32 = 256;
/// Messages that an asker's thread handles for the actor it asked, its own first.
const INLINE: u32 = 8;

/// Why an actor stopped handling messages for now.
pub(crate) enum Served<I> {
    /// Nothing is in hand.
    Idle,
    /// The turn is over.
    Spent,
    /// A signal waits.
    Signal,
    /// This one's handler is async.
    Async(I),
    /// A handler failed.
    Failed(Failure),
}

impl<A: Actor> Run for Cell<A> {
    fn run(self: Arc<Self>, budget: &mut u32) {
        let Some(_frame) = Frame::enter(self.system(), self.id()) else {
            // Actors run within actors here, as deep as they may. Somebody else's turn will do.
            let mut inbox = lock(&self.inbox);
            inbox.queued = false;
            return self.rouse(inbox);
        };
        let mut slice = SLICE.min(*budget);
        let given = slice;
        let mut inbox = lock(&self.inbox);
        inbox.queued = false;
        inbox.rerun = false;
        match std::mem::replace(&mut inbox.seat, Seat::Taken) {
            Seat::Resting(mut core) => {
                let next = if core.batch.is_empty() { inbox.next_mail(&mut core.batch) } else { None };
                drop(inbox);
                if next.is_some() {
                    self.made_room();
                }
                self.turn(core, next, &mut slice);
            }
            Seat::Busy(work) => {
                drop(inbox);
                self.resume(work, &mut slice);
            }
            other @ (Seat::Taken | Seat::Ending | Seat::Gone(_)) => {
                inbox.rerun = true;
                inbox.seat = other;
            }
        }
        *budget -= given - slice;
    }
}

impl<A: Actor> Wake for Cell<A> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let inbox = lock(&self.inbox);
        if matches!(inbox.seat, Seat::Busy(_) | Seat::Taken) {
            self.rouse(inbox);
        }
    }
}

impl<A: Actor> Cell<A> {
    /// Handles a message in the asker's place, if the actor is idle and quick. Else it comes back.
    #[inline]
    pub(super) fn run_inline(self: &Arc<Self>, item: A::Item, pace: &Pace) -> Result<(), A::Item> {
        let Some(measure) = pace.allows() else { return Err(item) };
        let mut inbox = lock(&self.inbox);
        if !matches!(inbox.seat, Seat::Resting(_)) || inbox.queued || inbox.closed || inbox.has_work() {
            return Err(item);
        }
        let Some(_frame) = Frame::enter(self.system(), self.id()) else { return Err(item) };
        let Seat::Resting(core) = std::mem::replace(&mut inbox.seat, Seat::Taken) else { unreachable!("just seen") };
        inbox.rerun = false;
        drop(inbox);
        let started = measure.0.then(|| self.system().host().stopwatch());
        self.turn(core, Some(item), &mut { INLINE });
        if let Some(started) = started {
            pace.took(started.elapsed());
        }
        Ok(())
    }

    /// Handles messages, `next` first, and sees to what comes of it.
    fn turn(self: &Arc<Self>, mut core: Box<Core<A>>, mut next: Option<A::Item>, slice: &mut u32) {
        loop {
            let served = self.serve(&mut core, next.take(), slice);
            match self.put_back(core, served, slice) {
                Some((again, item)) => (core, next) = (again, item),
                None => return,
            }
        }
    }

    /// Runs plain handlers one after the other.
    #[inline]
    fn serve(&self, core: &mut Core<A>, mut next: Option<A::Item>, slice: &mut u32) -> Served<A::Item> {
        let run = AssertUnwindSafe(|| {
            loop {
                let Some(item) = next.take().or_else(|| core.batch.pop_front()) else { return Ok(Served::Idle) };
                if self.signalled.load(Acquire) {
                    core.batch.push_front(item);
                    return Ok(Served::Signal);
                }
                if *slice == 0 {
                    core.batch.push_front(item);
                    return Ok(Served::Spent);
                }
                *slice -= 1;
                if item.is_async() {
                    return Ok(Served::Async(item));
                }
                let Some(state) = &mut core.state else { return Ok(Served::Idle) };
                let handled = match state.dispatch(item, &mut core.ctx) {
                    Dispatch::Done(handled) => handled,
                    Dispatch::Pending(_) => unreachable!("an async handler was said to be a plain one"),
                };
                core.ended(handled)?;
            }
        });
        match catch_unwind(run) {
            Ok(Ok(served)) => served,
            Ok(Err(failure)) => Served::Failed(failure),
            Err(payload) => {
                let failure = caught(&*payload);
                Served::Failed(core.ended(Err(failure)).err().unwrap_or_else(|| "unreachable".into()))
            }
        }
    }

    /// Returns the actor to its seat, unless there is more to handle now.
    #[inline]
    fn put_back(
        self: &Arc<Self>,
        mut core: Box<Core<A>>,
        served: Served<A::Item>,
        slice: &mut u32,
    ) -> Option<(Box<Core<A>>, Option<A::Item>)> {
        match served {
            Served::Idle | Served::Spent | Served::Signal => {}
            Served::Async(item) => return self.first_poll(Box::pin(drive(core, item, *slice)), slice),
            Served::Failed(failure) => return self.first_poll(Box::pin(life::failed(core, failure)), slice),
        }
        let mut inbox = lock(&self.inbox);
        if inbox.killed {
            drop(inbox);
            self.finish(Some(core), &StopReason::Killed);
            return None;
        }
        if let Some(signal) = inbox.next_signal(&self.signalled) {
            drop(inbox);
            return self.first_poll(Box::pin(life::signalled(core, signal)), slice);
        }
        let spent = *slice == 0;
        if core.batch.is_empty() && !spent {
            match inbox.next_mail(&mut core.batch) {
                Some(item) => {
                    drop(inbox);
                    self.made_room();
                    return Some((core, Some(item)));
                }
                None => {
                    inbox.shrink();
                    core.shrink();
                }
            }
        }
        let more = !core.batch.is_empty() || !inbox.queue.is_empty();
        inbox.seat = Seat::Resting(core);
        if more {
            self.rouse(inbox);
        }
        None
    }

    fn first_poll(self: &Arc<Self>, work: Work<A>, slice: &mut u32) -> Option<(Box<Core<A>>, Option<A::Item>)> {
        self.resume(work, slice);
        None
    }

    /// Goes on with an async handler or hook.
    fn resume(self: &Arc<Self>, mut work: Work<A>, slice: &mut u32) {
        let waker = Waker::from(self.clone());
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(&mut TaskContext::from_waker(&waker))));
        match polled {
            Ok(Poll::Pending) => self.seat_busy(work),
            Ok(Poll::Ready(Some((core, served)))) => {
                drop(work);
                *slice = slice.saturating_sub(1);
                if let Some((core, next)) = self.put_back(core, served, slice) {
                    self.turn(core, next, slice);
                }
            }
            // It ended itself.
            Ok(Poll::Ready(None)) => {}
            Err(payload) => {
                let failure = caught(&*payload);
                tracing::error!(actor = %self.label(), %failure, "an actor broke down outside of its handlers and hooks");
                drop(work);
                self.finish(None, &StopReason::Failed(failure));
            }
        }
    }

    fn seat_busy(self: &Arc<Self>, work: Work<A>) {
        let mut inbox = lock(&self.inbox);
        inbox.seat = Seat::Busy(work);
        if inbox.killed {
            drop(inbox);
            self.finish(None, &StopReason::Killed);
        } else if inbox.rerun {
            self.rouse(inbox);
        }
    }
}

/// Handles a message whose handler is async, and those behind it.
async fn drive<A: Actor>(mut core: Box<Core<A>>, mut item: A::Item, mut budget: u32) -> Outcome<A> {
    loop {
        if let Err(failure) = core.handle(item).await {
            return Some((core, Served::Failed(failure)));
        }
        if core.cell().signalled.load(Acquire) {
            return Some((core, Served::Signal));
        }
        item = match core.batch.pop_front() {
            None => return Some((core, Served::Idle)),
            Some(item) if budget == 0 => {
                core.batch.push_front(item);
                return Some((core, Served::Spent));
            }
            Some(item) => item,
        };
        budget -= 1;
    }
}
