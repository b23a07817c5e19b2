//! Death watch: who is told when an actor ends, and what.

use std::{fmt, sync::Arc};

#[cfg(test)]
use serde::{Deserialize, Serialize};

use super::{ActorId, AnyCell, AnyRef, Extras};
#[cfg(test)]
use crate::wire::{self, CodecError};
use crate::{Failure, Message, sync::lock};

/// Why an actor ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum StopReason {
    /// It was told to, or told itself to.
    Stopped,
    /// It failed, and its supervisor (or its limit of restarts) ended it.
    Failed(Failure),
    /// Its parent ended or restarted.
    ParentStopped,
    /// The system shut down.
    Shutdown,
    /// It did not end in the time that it was given, and was dropped.
    Killed,
    /// It is an entity, was idle for long, and was put away with its state kept.
    Passivated,
    /// It is an entity, and is on another node from now on.
    Moved,
    /// It lived on another node, which was declared down.
    NodeLost,
    /// Its node was taken for dead and came back, and another actor has its name by now.
    NameLost,
}

impl StopReason {
    pub(super) fn for_children(&self) -> Self {
        match self {
            Self::Shutdown => Self::Shutdown,
            Self::Stopped
            | Self::Failed(_)
            | Self::ParentStopped
            | Self::Killed
            | Self::Passivated
            | Self::Moved
            | Self::NodeLost
            | Self::NameLost => Self::ParentStopped,
        }
    }

    #[cfg(test)]
    pub(crate) fn encode(&self, into: &mut Vec<u8>) {
        let travelling = match self {
            Self::Stopped => Travelling::Stopped,
            Self::Failed(failure) => Travelling::Failed(failure.clone()),
            Self::ParentStopped => Travelling::ParentStopped,
            Self::Shutdown => Travelling::Shutdown,
            Self::Killed => Travelling::Killed,
            Self::Passivated => Travelling::Passivated,
            Self::NodeLost => Travelling::NodeLost,
            Self::NameLost => Travelling::NameLost,
            Self::Moved => Travelling::Moved,
        };
        wire::encode(&travelling, into).expect("texts have bytes");
    }

    #[cfg(test)]
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        Ok(match wire::decode(bytes)? {
            Travelling::Stopped => Self::Stopped,
            Travelling::Failed(failure) => Self::Failed(failure),
            Travelling::ParentStopped => Self::ParentStopped,
            Travelling::Shutdown => Self::Shutdown,
            Travelling::Killed => Self::Killed,
            Travelling::Passivated => Self::Passivated,
            Travelling::NodeLost => Self::NodeLost,
            Travelling::NameLost => Self::NameLost,
            Travelling::Moved => Self::Moved,
        })
    }
}

/// A reason as bytes.
#[cfg(test)]
#[derive(Serialize, Deserialize)]
enum Travelling {
    Stopped,
    Failed(#[serde(with = "crate::failure::travelling")] Failure),
    ParentStopped,
    Shutdown,
    Killed,
    NodeLost,
    NameLost,
    Passivated,
    Moved,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped"),
            Self::Failed(failure) => write!(f, "failed: {failure}"),
            Self::ParentStopped => f.write_str("its parent stopped"),
            Self::Shutdown => f.write_str("the system shut down"),
            Self::Killed => f.write_str("killed"),
            Self::Passivated => f.write_str("idle, and put away"),
            Self::Moved => f.write_str("moved to another node"),
            Self::NodeLost => f.write_str("its node was lost"),
            Self::NameLost => f.write_str("its name went to another actor while its node was taken for dead"),
        }
    }
}

/// The message that a watcher gets, once, when an actor that it [watches](crate::Context::watch) has ended.
///
/// It comes behind everything that the actor sent before, and whatever the bound of the watcher's mailbox.
#[derive(Debug, Clone)]
pub struct Terminated {
    /// The actor that ended.
    pub actor: AnyRef,
    /// Why.
    pub reason: StopReason,
}

impl Message for Terminated {
    type Reply = ();
    const NAME: &'static str = "Terminated";
    const LOCAL: bool = true;
}

type Tell = Box<dyn FnOnce(Terminated) + Send>;

/// `tell` is called once, when the actor of `cell` has ended; at once if it has.
pub(crate) fn watch(cell: &Arc<dyn AnyCell>, watcher: ActorId, tell: Tell) {
    if let Some(to) = cell.far().filter(|_| !cell.is_gone()) {
        let Some(links) = cell.system().links() else { return };
        let proxy = cell.clone();
        links.watch(
            to,
            watcher,
            Box::new(move |reason| {
                proxy.ended_far(&reason);
                tell(Terminated { actor: AnyRef::of(proxy), reason });
            }),
        );
        return;
    }
    cell.extras().watch(watcher, tell);
    if let Some(reason) = cell.ended() {
        cell.extras().tell_watchers(cell.clone(), &reason);
    }
}

/// Takes a watch back.
pub(super) fn unwatch(cell: &dyn AnyCell, watcher: ActorId) {
    if let (Some(to), Some(links)) = (cell.far(), cell.system().links()) {
        links.unwatch(to, watcher);
    }
    if let Some(extras) = cell.had_extras() {
        extras.unwatch(watcher);
    }
}

#[derive(Default)]
pub(crate) struct Watchers(Vec<(ActorId, Tell)>);

impl Extras {
    /// `watcher` is told once; if it watches already, it still is.
    pub(super) fn watch(&self, watcher: ActorId, tell: Tell) {
        let mut watchers = lock(&self.watchers);
        if !watchers.0.iter().any(|(id, _)| *id == watcher) {
            watchers.0.push((watcher, tell));
        }
    }

    pub(crate) fn unwatch(&self, watcher: ActorId) {
        let mut watchers = lock(&self.watchers);
        let unwatched = watchers.0.extract_if(.., |(id, _)| *id == watcher).collect::<Vec<_>>();
        drop(watchers);
        drop(unwatched);
    }

    pub(super) fn tell_watchers(&self, ended: Arc<dyn AnyCell>, reason: &StopReason) {
        let watchers = std::mem::take(&mut *lock(&self.watchers));
        let actor = AnyRef::of(ended);
        for (_, tell) in watchers.0 {
            tell(Terminated { actor: actor.clone(), reason: reason.clone() });
        }
    }
}
