//! What the system tells an actor. Signals have a lane of their own, ahead of all messages.

use std::{fmt, time::Duration};

use tokio::sync::oneshot;

use super::{AnyRef, StopReason};
use crate::{Failure, supervision::Directive};

pub(crate) enum Signal {
    /// End after the message in hand.
    Stop(StopReason),
    /// A child failed and waits for a [`Signal::Verdict`].
    ChildFailed(Box<ChildFailure>),
    /// What the parent decided about this actor, which failed.
    Verdict(Verdict),
    /// Start anew, because the parent said so.
    Restart,
    /// Give up the instance because a sibling failed, say so, and wait for [`Signal::Resume`].
    Suspend { failure: Failure, done: oneshot::Sender<()> },
    /// Make the new instance and say so.
    Resume { done: oneshot::Sender<()> },
}

pub(crate) struct ChildFailure {
    pub(crate) child: AnyRef,
    pub(crate) failure: Failure,
    /// What the child would do by itself.
    pub(crate) strategy: Directive,
    /// How long its restart would back off; `None` once it is over its limit.
    pub(crate) backoff: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Restart,
    Stop,
    /// A group is restarting: wait for [`Signal::Suspend`].
    Group,
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stop(_) => "Stop",
            Self::ChildFailed(_) => "ChildFailed",
            Self::Verdict(_) => "Verdict",
            Self::Restart => "Restart",
            Self::Suspend { .. } => "Suspend",
            Self::Resume { .. } => "Resume",
        })
    }
}
