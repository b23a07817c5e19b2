//! Which actor it is about.

use std::{fmt, sync::Arc};

use crate::{
    EntityId, NodeId,
    actor::{ActorId, FarAddress},
};

/// Which actor an error or an event is about: its type, its name if it has one, its id.
///
/// It is displayed as `Worker "boss/worker-1"`, or as `Worker #3.5` if it has no name; an actor of another node as
/// `Worker "boss/worker-1" on node-2`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ActorLabel(Who);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Who {
    Here { id: ActorId, kind: &'static str, name: Option<Arc<str>> },
    Far(Arc<FarAddress>),
}

impl ActorLabel {
    pub(crate) fn here(id: ActorId, kind: &'static str, name: Option<Arc<str>>) -> Self {
        Self(Who::Here { id, kind, name })
    }

    /// Of an actor that need not be there.
    pub(crate) fn entity(kind: &'static str, id: &EntityId) -> Self {
        Self(Who::Here { id: ActorId(0), kind, name: Some(Self::entity_name(kind, id)) })
    }

    /// What an entity is called: a singleton, which has no id, by its type.
    pub(crate) fn entity_name(kind: &'static str, id: &EntityId) -> Arc<str> {
        if id.as_str().is_empty() { kind.into() } else { id.into() }
    }

    pub(crate) fn far(address: Arc<FarAddress>) -> Self {
        Self(Who::Far(address))
    }

    /// The actor's id, at its node.
    pub fn id(&self) -> ActorId {
        match &self.0 {
            Who::Here { id, .. } => *id,
            Who::Far(address) => address.actor,
        }
    }

    /// The actor's declared name, `#[actor(name = ..)]` or that of its type. Empty for an actor of another node that only
    /// one message is known of.
    pub fn kind(&self) -> &str {
        match &self.0 {
            Who::Here { kind, .. } => kind,
            Who::Far(address) => &address.kind,
        }
    }

    /// The name that it was spawned under.
    pub fn name(&self) -> Option<&str> {
        match &self.0 {
            Who::Here { name, .. } => name.as_deref(),
            Who::Far(address) => address.name.as_deref(),
        }
    }

    /// The node that it lives on, if that is another one.
    pub fn node(&self) -> Option<&NodeId> {
        match &self.0 {
            Who::Here { .. } => None,
            Who::Far(address) => Some(&address.node.id),
        }
    }
}

impl fmt::Display for ActorLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Who::Here { kind, name: Some(name), .. } => write!(f, "{kind} \"{name}\""),
            Who::Here { kind, id, .. } => write!(f, "{kind} {id}"),
            Who::Far(address) => fmt::Display::fmt(address, f),
        }
    }
}

impl fmt::Debug for ActorLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
