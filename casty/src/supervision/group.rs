//! The restart of several children together, beside their parent, which goes on with its work.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::sync::oneshot;

use super::{Children, Directive};
use crate::{
    ActorSystem, Event, Failure,
    actor::{AnyCell, AnyRef, Signal, StopReason},
};

/// One restart of several children, because one of them failed.
pub(crate) struct Round {
    pub(crate) parent: Arc<dyn AnyCell>,
    pub(crate) failed: AnyRef,
    pub(crate) together: Children,
    pub(crate) failure: Failure,
    pub(crate) backoff: Duration,
}

impl Round {
    /// Ends the members, last first; waits; and starts them, first to last. Those that are not to be restarted end for
    /// good, and so does one that does not do its part in time.
    pub(crate) async fn run(self, system: ActorSystem) {
        // One round at a time: a failure meanwhile starts the next one after this.
        let _turn = self.parent.extras().grouping().lock().await;
        let mut suspended = Vec::new();
        for member in self.members().into_iter().rev() {
            if member.strategy() == Directive::Stop && member.id() != self.failed.id() {
                member.clone().stop(StopReason::ParentStopped);
                let stopped = AnyRef::of(member.clone());
                in_time(&system, &member, stopped.stopped()).await;
                continue;
            }
            let (done, ended) = oneshot::channel();
            member.clone().signal(Signal::Suspend { failure: self.failure.clone(), done });
            // An error is a member that has stopped, or fails itself just now and will be heard of.
            if let Some(Ok(())) = in_time(&system, &member, ended).await {
                suspended.push(member);
            }
        }
        system.host().sleep(self.backoff).await;
        for member in suspended.into_iter().rev() {
            let (done, started) = oneshot::channel();
            member.clone().signal(Signal::Resume { done });
            in_time(&system, &member, started).await;
        }
    }

    /// Who restarts, in the order of their spawning.
    fn members(&self) -> Vec<Arc<dyn AnyCell>> {
        let siblings = self.parent.extras();
        match self.together {
            Children::OneForOne => vec![self.failed.cell()],
            Children::OneForAll => siblings.children_from(0),
            Children::RestForOne => siblings.children_from(self.failed.cell().birth()),
        }
    }
}

/// Waits for a member to do its part, as long as an actor has to end. After that it is killed: the others go on.
async fn in_time<F: Future>(system: &ActorSystem, member: &Arc<dyn AnyCell>, part: F) -> Option<F::Output> {
    let limit = system.shutdown_timeout();
    let done = system.host().timeout(limit, part).await.ok();
    if done.is_none() {
        system.emit(&Event::Killed { actor: member.label(), after: limit });
        member.clone().kill();
    }
    done
}
