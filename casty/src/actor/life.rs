//! The rare parts of an actor's life: its start, its end, and what comes between when it fails.

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc, task::Poll, time::Duration};

use futures_util::FutureExt as _;
use tokio::sync::oneshot;
use tracing::Instrument as _;

use super::{
    Actor, AnyCell, AnyRef, Cell, Core, Handled, Signal, StopReason,
    asking::WaitsFor,
    core::caught,
    inbox::{Outcome, Served},
    signal::{ChildFailure, Verdict},
};
use crate::{
    Failure,
    error::SpawnError,
    supervision::{Children, Directive, group},
    system::Event,
};

/// The first thing that an actor with `on_start` does. Whoever spawned it waits for `started`.
pub(crate) async fn start<A: Actor>(mut core: Box<Core<A>>, started: oneshot::Sender<Result<(), SpawnError>>) -> Outcome<A> {
    match core.hook(Hook::Start).await {
        Ok(()) => {
            // Whoever spawned it may have gone; the actor is there all the same.
            drop(started.send(Ok(())));
            Some((core, Served::Idle))
        }
        Err(failure) => {
            let cell = core.cell().clone();
            stop_children(&cell, &StopReason::ParentStopped).await;
            cell.finish(Some(core), &StopReason::Failed(failure.clone()));
            drop(started.send(Err(SpawnError::Failed { kind: A::NAME, failure })));
            None
        }
    }
}

/// Acts on a signal that came between two messages.
pub(super) async fn signalled<A: Actor>(core: Box<Core<A>>, signal: Signal) -> Outcome<A> {
    match signal {
        Signal::Stop(reason) => stop(core, reason).await,
        Signal::ChildFailed(child) => child_failed(core, *child).await,
        Signal::Restart => {
            let failure = Failure::from("it was told to start anew");
            let core = give_up(core, &failure).await;
            come_back(core, failure).await
        }
        Signal::Suspend { failure, done } => suspended(core, failure, done).await,
        // To a failure that is settled, or a group that was given up, since.
        Signal::Verdict(_) => Some((core, Served::Idle)),
        Signal::Resume { done } => {
            let _gone = done.send(());
            Some((core, Served::Idle))
        }
    }
}

/// Decides about a failure and carries the decision out.
pub(super) async fn failed<A: Actor>(mut core: Box<Core<A>>, mut failure: Failure) -> Outcome<A> {
    loop {
        let cell = core.cell().clone();
        cell.system().emit(&Event::Failed { actor: cell.label(), failure: failure.clone() });
        let now = cell.system().host().now();
        let backoff = core.ctx.next_restart(now);
        let verdict = match judge(&cell, &failure, backoff).await {
            Judged::Verdict(verdict) => verdict,
            Judged::Stop(reason) => return stop(core, reason).await,
        };
        match (verdict, backoff) {
            (Verdict::Group, Some(_)) => {
                core.ctx.count_restart(now);
                return await_group(core, failure).await;
            }
            (Verdict::Restart, Some(backoff)) => {
                core.ctx.count_restart(now);
                core = give_up(core, &failure).await;
                if let Some(reason) = cell.wait_or_stop(backoff).await {
                    return stop(core, reason).await;
                }
                match renew(core, &failure).await {
                    Ok(core) => return Some((core, Served::Idle)),
                    Err((broken, next)) => (core, failure) = (broken, next),
                }
            }
            (Verdict::Stop, _) | (_, None) => return stop(core, StopReason::Failed(failure)).await,
        }
    }
}

enum Judged {
    Verdict(Verdict),
    /// A stop came before a verdict.
    Stop(StopReason),
}

/// Whose decision it is, and what it is.
async fn judge<A: Actor>(cell: &Arc<Cell<A>>, failure: &Failure, backoff: Option<Duration>) -> Judged {
    let strategy = cell.supervision().strategy;
    match cell.parent() {
        Some(parent) if parent.judges() || strategy == Directive::Escalate => {
            // A parent that waits for this child cannot judge it, and is freed only if the child goes on by itself.
            let Ok(_waits) = WaitsFor::enter(cell.clone(), parent.id()) else {
                return Judged::Verdict(if strategy == Directive::Restart { Verdict::Restart } else { Verdict::Stop });
            };
            let child = AnyRef::of(cell.clone());
            let failure = failure.clone();
            parent.clone().signal(Signal::ChildFailed(Box::new(ChildFailure { child, failure, strategy, backoff })));
            loop {
                match cell.clone().signal_comes().await {
                    Signal::Verdict(verdict) => return Judged::Verdict(verdict),
                    Signal::Stop(reason) => return Judged::Stop(reason),
                    other => drop(other),
                }
            }
        }
        None if strategy == Directive::Escalate => {
            cell.system().emit(&Event::Escalated { actor: cell.label(), failure: failure.clone() });
            Judged::Verdict(Verdict::Stop)
        }
        _ if strategy == Directive::Restart => Judged::Verdict(Verdict::Restart),
        _ => Judged::Verdict(Verdict::Stop),
    }
}

/// Decides about a child that failed.
async fn child_failed<A: Actor>(mut core: Box<Core<A>>, failed: ChildFailure) -> Outcome<A> {
    let ChildFailure { child, failure, strategy, backoff } = failed;
    let directive = match core.child_hook(&child, &failure).await {
        Ok(directive) => directive.unwrap_or(strategy),
        Err(own) => return Some((core, Served::Failed(own))),
    };
    let together = core.cell().supervision().children;
    match (directive, backoff) {
        (Directive::Escalate, _) => return Some((core, Served::Failed(failure))),
        (Directive::Stop, _) | (_, None) => child.cell().signal(Signal::Verdict(Verdict::Stop)),
        (Directive::Restart, Some(_)) if together == Children::OneForOne => {
            child.cell().signal(Signal::Verdict(Verdict::Restart));
        }
        (Directive::Restart, Some(backoff)) => {
            // First the verdict: a `Suspend` that came before it would be taken for another group's.
            child.cell().signal(Signal::Verdict(Verdict::Group));
            let system = core.cell().system();
            let round = group::Round { parent: core.cell().clone(), failed: child, together, failure, backoff };
            system.host().spawn(round.run(system.clone()));
        }
    }
    Some((core, Served::Idle))
}

/// Ends an instance before a restart: its children, its timers, then its own farewell.
async fn give_up<A: Actor>(mut core: Box<Core<A>>, failure: &Failure) -> Box<Core<A>> {
    let cell = core.cell().clone();
    core.ctx.cancel_timers();
    stop_children(&cell, &StopReason::ParentStopped).await;
    if core.state.is_some() {
        let farewell = core.hook(Hook::PreRestart(failure)).await;
        cell.tell_hook_failure("pre_restart", farewell);
        core.drop_state();
        // What the farewell spawned does not outlive the instance.
        stop_children(&cell, &StopReason::ParentStopped).await;
    }
    core
}

/// Makes the new instance.
async fn renew<A: Actor>(mut core: Box<Core<A>>, failure: &Failure) -> Result<Box<Core<A>>, (Box<Core<A>>, Failure)> {
    let made = std::panic::catch_unwind(AssertUnwindSafe(|| (core.factory)()));
    let state = match made {
        Ok(state) => state,
        Err(payload) => return Err((core, caught(payload))),
    };
    core.state = Some(state);
    if let Err(next) = core.hook(Hook::PostRestart(failure)).await {
        // It never started, so nothing of it has to be stopped.
        core.drop_state();
        return Err((core, next));
    }
    core.cell().system().emit(&Event::Restarted { actor: core.cell().label(), failure: failure.clone() });
    Ok(core)
}

/// [`renew`], and if that fails, what follows from it.
async fn come_back<A: Actor>(core: Box<Core<A>>, failure: Failure) -> Outcome<A> {
    match renew(core, &failure).await {
        Ok(core) => Some((core, Served::Idle)),
        Err((core, failure)) => Some((core, Served::Failed(failure))),
    }
}

/// Waits for its group's restart to begin.
async fn await_group<A: Actor>(core: Box<Core<A>>, failure: Failure) -> Outcome<A> {
    loop {
        match core.cell().clone().signal_comes().await {
            Signal::Suspend { done, .. } => return suspended(core, failure, done).await,
            Signal::Stop(reason) => return stop(core, reason).await,
            other => dismiss(other),
        }
    }
}

/// A signal that comes while there is no instance to act on it.
fn dismiss(signal: Signal) {
    match signal {
        // The instance that the child belonged to is gone.
        Signal::ChildFailed(failed) => failed.child.cell().signal(Signal::Verdict(Verdict::Stop)),
        Signal::Suspend { done, .. } | Signal::Resume { done } => {
            let _gone = done.send(());
        }
        Signal::Stop(_) | Signal::Verdict(_) | Signal::Restart => {}
    }
}

/// Without an instance until its group comes back.
async fn suspended<A: Actor>(core: Box<Core<A>>, failure: Failure, done: oneshot::Sender<()>) -> Outcome<A> {
    let core = give_up(core, &failure).await;
    // Who restarts the group may have ended with the parent; a stop follows then.
    let _gone = done.send(());
    loop {
        match core.cell().clone().signal_comes().await {
            Signal::Resume { done } => {
                let back = come_back(core, failure).await;
                let _gone = done.send(());
                return back;
            }
            Signal::Stop(reason) => return stop(core, reason).await,
            other => dismiss(other),
        }
    }
}

/// The end: children first, last spawned first; then the actor's own farewell.
async fn stop<A: Actor>(mut core: Box<Core<A>>, reason: StopReason) -> Outcome<A> {
    let cell = core.cell().clone();
    if matches!(reason, StopReason::Passivated)
        && let Some(activation) = cell.activation()
    {
        let begun = cell.system().host().now();
        let span = activation.putting_away();
        farewell(&mut core, &reason).instrument(span.clone()).await;
        let _within = span.entered();
        activation.put_away(cell.system().host().now().saturating_duration_since(begun));
    } else {
        farewell(&mut core, &reason).await;
    }
    cell.finish(Some(core), &reason);
    None
}

async fn farewell<A: Actor>(core: &mut Core<A>, reason: &StopReason) {
    let cell = core.cell().clone();
    cell.close();
    core.ctx.cancel_timers();
    stop_children(&cell, &reason.for_children()).await;
    if core.state.is_some() {
        let farewell = core.hook(Hook::Stop).await;
        cell.tell_hook_failure("on_stop", farewell);
        // A child that on_stop spawned, or a restart of a group brought back.
        stop_children(&cell, &reason.for_children()).await;
    }
}

/// Stops children one after the other, the last spawned first. One that does not end in time is killed.
async fn stop_children<A: Actor>(cell: &Arc<Cell<A>>, reason: &StopReason) {
    let Some(extras) = AnyCell::had_extras(&**cell) else { return };
    let limit = cell.system().shutdown_timeout();
    while let Some(child) = extras.last_child() {
        let child = AnyRef::of(child);
        child.cell().stop(reason.clone());
        if cell.system().host().timeout(limit, child.stopped()).await.is_err() {
            cell.system().emit(&Event::Killed { actor: child.label(), after: limit });
            child.cell().kill();
            extras.remove_child(child.cell().birth());
        }
    }
}

pub(super) enum Hook<'a> {
    Start,
    Stop,
    PreRestart(&'a Failure),
    PostRestart(&'a Failure),
}

impl<A: Actor> Core<A> {
    /// Runs a hook to its end, or to its panic.
    async fn hook(&mut self, hook: Hook<'_>) -> Handled {
        self.ctx.begin_hook();
        let Some(state) = &mut self.state else { return Ok(()) };
        let ctx = &mut self.ctx;
        let run = async {
            match hook {
                Hook::Start => state.__on_start(ctx).await,
                Hook::Stop => state.__on_stop(ctx).await,
                Hook::PreRestart(failure) => state.__pre_restart(failure, ctx).await,
                Hook::PostRestart(failure) => state.__post_restart(failure, ctx).await,
            }
        };
        let handled = AssertUnwindSafe(run).catch_unwind().await.unwrap_or_else(|payload| Err(caught(payload)));
        if self.ctx.has_extra() {
            self.after_hook(handled.is_ok());
        }
        handled
    }

    async fn child_hook(&mut self, child: &AnyRef, failure: &Failure) -> Result<Option<Directive>, Failure> {
        self.ctx.begin_hook();
        let Some(state) = &mut self.state else { return Ok(None) };
        let ctx = &mut self.ctx;
        // Within the block, so that a plain hook's panic is caught as well.
        let run = async { state.__on_child_failure(child, failure, ctx).await };
        AssertUnwindSafe(run).catch_unwind().await.map_err(caught)
    }
}

impl<A: Actor> Cell<A> {
    /// The next signal. Signals wake an actor whatever it waits for.
    fn signal_comes(self: Arc<Self>) -> impl Future<Output = Signal> {
        std::future::poll_fn(move |_| self.next_signal().map_or(Poll::Pending, Poll::Ready))
    }

    /// Waits for `left`. If a stop comes before, that is its reason.
    async fn wait_or_stop(self: &Arc<Self>, left: Duration) -> Option<StopReason> {
        let host = self.system().host();
        let wait = async {
            if left.is_zero() {
                // Nothing to wait for, but others may want their turn before the next failure.
                tokio::task::yield_now().await;
            } else {
                host.sleep(left).await;
            }
        };
        tokio::pin!(wait);
        loop {
            tokio::select! {
                biased;
                signal = self.clone().signal_comes() => match signal {
                    Signal::Stop(reason) => return Some(reason),
                    Signal::Restart => return None,
                    // If it is a group's restart: this one comes back by itself.
                    other => dismiss(other),
                },
                () = &mut wait => return None,
            }
        }
    }

    fn tell_hook_failure(&self, hook: &'static str, outcome: Handled) {
        if let Err(failure) = outcome {
            self.system().emit(&Event::HookFailed { actor: self.label(), hook, failure });
        }
    }
}
