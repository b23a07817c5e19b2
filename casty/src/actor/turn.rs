//! An actor's turn: messages are handled until there are none, or until it is another actor's turn.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering::Acquire},
    task::{Context as TaskContext, Poll, Wake, Waker},
    time::Instant,
};

use super::{
    Actor, Cell, Core, Dispatch, Extras, Item as _, StopReason,
    core::{caught, discard},
    inbox::{Mail, Outcome, Seat, Served, Work},
    life,
    stack::Frame,
};
use crate::{
    Failure,
    reply::{Pace, Watched},
    scheduler::{self, Run},
    sync::lock,
};

/// Messages in one turn, before other actors get theirs.
const SLICE: u32 = 256;
/// Messages that an asker's thread handles for the actor it asked, its own first.
const INLINE: u32 = 8;

impl<A: Actor> Run for Cell<A> {
    fn run(self: Arc<Self>, budget: &mut u32) {
        let Some(_frame) = Frame::enter_with(self.system(), self.id(), self.outputs()) else {
            // Actors run within actors here, as deep as they may. Somebody else's turn will do.
            return self.system().scheduler().schedule(self.clone());
        };
        let _unwinding = Unwinding(&self);
        let mut slice = SLICE.min(*budget);
        let given = slice;
        let mut inbox = lock(&self.inbox);
        inbox.queued = false;
        inbox.rerun = false;
        match std::mem::replace(&mut inbox.seat, Seat::Taken) {
            Seat::Resting(mut core) => {
                let mail = if core.advance() { Mail::Some } else { inbox.next_mail(&mut core) };
                drop(inbox);
                if mail == Mail::WithPlace {
                    self.made_room();
                }
                let timing = Timing::begin(&self, &core, true);
                self.turn(core, &mut slice);
                timing.end(given - slice);
            }
            Seat::Busy(work) => {
                drop(inbox);
                scheduler::trust(false);
                self.resume(work, &mut slice);
            }
            other @ (Seat::Taken | Seat::Ending | Seat::Elsewhere | Seat::Gone(_)) => {
                inbox.rerun = true;
                inbox.seat = other;
            }
        }
        *budget -= given - slice;
    }
}

/// A panic that gets out of a turn, past all that we catch, ends its actor and nothing else.
struct Unwinding<'a, A: Actor>(&'a Arc<Cell<A>>);

impl<A: Actor> Drop for Unwinding<'_, A> {
    fn drop(&mut self) {
        if std::thread::panicking() && matches!(lock(&self.0.inbox).seat, Seat::Taken) {
            self.0.break_down(None, "a panic got out of its turn".into());
        }
    }
}

/// How long a turn takes, now and then, if it is for a single message.
struct Timing(Option<(&'static Pace, Instant)>);

impl Timing {
    #[inline]
    fn begin<A: Actor>(cell: &Cell<A>, core: &Core<A>, trusted: bool) -> Self {
        let host = cell.system().host();
        if let Some(heads) = host.toss() {
            // No stopwatch: it would tell each run something else.
            scheduler::trust(trusted && heads);
            return Self(None);
        }
        let pace = core.next.as_ref().filter(|_| core.batch.is_empty()).map(A::Item::pace);
        scheduler::trust(trusted && pace.is_some_and(Pace::is_quick));
        Self(pace.filter(|pace| pace.is_sampled()).map(|pace| (pace, host.stopwatch())))
    }

    #[inline]
    fn end(self, messages: u32) {
        if let Some((pace, started)) = self.0
            && messages <= 1
        {
            pace.took(started.elapsed());
        }
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
    pub(crate) fn run_inline(self: &Arc<Self>, item: A::Item, only_if_known: bool) -> Result<(), A::Item> {
        let pace = item.pace();
        let is_quick = || pace.allows_inline() && (!only_if_known || pace.is_quick());
        if !self.system().host().toss().unwrap_or_else(is_quick) || !self.system().scheduler().is_here() {
            return Err(item);
        }
        let mut inbox = lock(&self.inbox);
        if !matches!(inbox.seat, Seat::Resting(_)) || inbox.queued || inbox.closed || inbox.has_work() {
            return Err(item);
        }
        let Some(_frame) = Frame::enter_with(self.system(), self.id(), self.outputs()) else { return Err(item) };
        let Seat::Resting(mut core) = std::mem::replace(&mut inbox.seat, Seat::Taken) else { unreachable!("just seen") };
        inbox.rerun = false;
        drop(inbox);
        core.next = Some(item);
        let _unwinding = Unwinding(self);
        let trusted = scheduler::trusted();
        let timing = Timing::begin(self, &core, trusted);
        let mut slice = INLINE;
        self.turn(core, &mut slice);
        timing.end(INLINE - slice);
        scheduler::trust(trusted);
        Ok(())
    }

    /// Handles messages, and sees to what comes of it.
    fn turn(self: &Arc<Self>, mut core: Box<Core<A>>, slice: &mut u32) {
        loop {
            let served = self.serve(&mut core, slice);
            match self.put_back(core, served, slice) {
                Some(again) => core = again,
                None => return,
            }
        }
    }

    /// Runs plain handlers one after the other.
    #[inline]
    fn serve(&self, core: &mut Core<A>, slice: &mut u32) -> Served {
        let _watched = Watched::begin();
        let run = AssertUnwindSafe(|| {
            while core.advance() {
                if self.signalled.load(Acquire) {
                    return Ok(Served::Signal);
                }
                if *slice == 0 {
                    return Ok(Served::Spent);
                }
                if core.next.as_ref().is_some_and(A::Item::is_async) {
                    return Ok(Served::Async);
                }
                *slice -= 1;
                if core.refused_next() {
                    continue;
                }
                let (Some(state), Some(item)) = (&mut core.state, core.next.take()) else { break };
                let handled = match state.dispatch(item, &mut core.ctx) {
                    Dispatch::Done(handled) => handled,
                    Dispatch::Pending(_) => unreachable!("an async handler was said to be a plain one"),
                };
                core.ended(handled)?;
            }
            Ok(Served::Idle)
        });
        match catch_unwind(run) {
            Ok(Ok(served)) => served,
            Ok(Err(failure)) => Served::Failed(failure),
            Err(payload) => {
                let failure = caught(payload);
                Served::Failed(core.ended(Err(failure)).err().unwrap_or_else(|| "unreachable".into()))
            }
        }
    }

    /// Returns the actor to its seat, unless there is more to handle now.
    #[inline]
    fn put_back(self: &Arc<Self>, mut core: Box<Core<A>>, served: Served, slice: &mut u32) -> Option<Box<Core<A>>> {
        match served {
            Served::Idle | Served::Spent | Served::Signal => {}
            Served::Async => {
                self.resume(Box::pin(drive(core, *slice)), slice);
                return None;
            }
            Served::Failed(failure) => {
                self.resume(Box::pin(life::failed(core, failure)), slice);
                return None;
            }
        }
        let mut inbox = lock(&self.inbox);
        if inbox.killed {
            drop(inbox);
            self.finish(Some(core), &StopReason::Killed);
            return None;
        }
        if let Some(signal) = inbox.next_signal(&self.signalled) {
            drop(inbox);
            self.resume(Box::pin(life::signalled(core, signal)), slice);
            return None;
        }
        let in_hand = core.advance();
        if !in_hand && *slice > 0 {
            let mail = inbox.next_mail(&mut core);
            if mail != Mail::None {
                drop(inbox);
                if mail == Mail::WithPlace {
                    self.made_room();
                }
                // Nothing is known of what comes now.
                scheduler::trust(false);
                self.system().scheduler().share_next();
                return Some(core);
            }
            inbox.shrink();
            core.shrink();
        }
        let more = in_hand || !inbox.queue.is_empty();
        inbox.seat = Seat::Resting(core);
        if more {
            self.rouse(inbox);
        }
        None
    }

    /// Goes on with an async handler or hook.
    fn resume(self: &Arc<Self>, mut work: Work<A>, slice: &mut u32) {
        let waker = Waker::from(self.clone());
        let watched = Watched::begin();
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(&mut TaskContext::from_waker(&waker))));
        drop(watched);
        match polled {
            Ok(Poll::Pending) => self.seat_busy(work),
            Ok(Poll::Ready(Some((mut core, served)))) => {
                drop(work);
                *slice = slice.saturating_sub(std::mem::take(&mut core.driven));
                if let Some(core) = self.put_back(core, served, slice) {
                    self.turn(core, slice);
                }
            }
            // It ended itself.
            Ok(Poll::Ready(None)) => {}
            Err(payload) => {
                let failure = caught(payload);
                self.break_down(Some(work), failure);
            }
        }
    }

    /// The end of an actor that panicked where nothing should. Its children go with it.
    #[cold]
    fn break_down(self: &Arc<Self>, work: Option<Work<A>>, failure: Failure) {
        tracing::error!(actor = %self.label(), %failure, "an actor broke down outside of its handlers and hooks");
        discard(work);
        for child in self.had_extras().map(Extras::children_last_first).unwrap_or_default() {
            child.kill();
        }
        self.finish(None, &StopReason::Failed(failure));
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
async fn drive<A: Actor>(mut core: Box<Core<A>>, budget: u32) -> Outcome<A> {
    loop {
        core.driven += 1;
        if let Err(failure) = core.handle().await {
            return Some((core, Served::Failed(failure)));
        }
        if core.cell().signalled.load(Acquire) {
            return Some((core, Served::Signal));
        }
        if !core.advance() {
            return Some((core, Served::Idle));
        }
        if core.driven >= budget {
            return Some((core, Served::Spent));
        }
    }
}
