//! The restart of several children together, beside their parent, which goes on with its work.

use std::{sync::Arc, time::Duration};

use tokio::sync::oneshot;

use super::Children;
use crate::{
    Failure,
    actor::{ActorId, AnyCell, AnyRef, Extras, Signal, StopReason},
    host::Host,
};

/// Who restarts when `failed` does, in the order of their spawning. `None` if it alone does.
pub(crate) fn members(siblings: &Extras, failed: &AnyRef, together: Children) -> Option<Vec<Arc<dyn AnyCell>>> {
    match together {
        Children::OneForOne => None,
        Children::OneForAll => Some(siblings.children_from(0)),
        Children::RestForOne => Some(siblings.children_from(failed.cell().birth())),
    }
}

/// Ends the members, last first; waits; and starts them, first to last. Those that are not to be restarted end for good.
pub(crate) async fn restart(
    parent: Arc<dyn AnyCell>,
    host: Host,
    failed: ActorId,
    members: Vec<Arc<dyn AnyCell>>,
    failure: Failure,
    backoff: Duration,
) {
    // One group at a time: a failure meanwhile starts the next round after this one.
    let _turn = parent.extras().grouping().lock().await;
    let mut suspended = Vec::new();
    for member in members.into_iter().rev() {
        if member.strategy() == super::Directive::Stop && member.id() != failed {
            member.clone().stop(StopReason::ParentStopped);
            AnyRef::of(member).stopped().await;
            continue;
        }
        let (done, ended) = oneshot::channel();
        member.clone().signal(Signal::Suspend { failure: failure.clone(), done });
        // An error is a member that has stopped, or fails itself just now and will be heard of.
        if ended.await.is_ok() {
            suspended.push(member);
        }
    }
    host.sleep(backoff).await;
    for member in suspended.into_iter().rev() {
        let (done, started) = oneshot::channel();
        member.signal(Signal::Resume { done });
        drop(started.await);
    }
}
