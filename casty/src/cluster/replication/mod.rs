//! How the state of entities is kept on several nodes. Pure.
//!
//! A [`Core`] is what one node has and does for one slot: its copies, whether it may serve, what its backups have
//! acknowledged. What is agreed, messages and ticks come in; messages, permissions and news come out. No clock, no socket,
//! no task, and the same inputs always give the same outputs. Who has the slot is decided by `control`, activating entities
//! and holding answers back is the driver's.

mod codec;
mod copies;
mod core;
mod message;
#[cfg(test)]
mod walk;

use std::{collections::BTreeSet, sync::Arc};

pub(crate) use self::{
    core::Core,
    message::{Content, Message},
};
use crate::{
    EntityId,
    cluster::{
        NodeKey,
        placement::{Chain, Epoch, Stage, TypeNumber, TypeTable},
    },
};

/// How often an entity was changed. 0: it was never there. Goes on rising over epochs.
pub(crate) type Version = u64;

/// What identifies content: it was written by the primary of that epoch, as that version. Within an epoch one node writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Written {
    pub(crate) epoch: Epoch,
    pub(crate) version: Version,
}

/// An entity of the slot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) kind: TypeNumber,
    pub(crate) id: EntityId,
}

/// What the cluster has agreed on about a slot, as this node has applied it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Agreed {
    pub(crate) chain: Arc<Chain>,
    pub(crate) types: Arc<TypeTable>,
    /// Those that the chain names and that are up.
    pub(crate) up: BTreeSet<NodeKey>,
    /// Those that the chain names and that are over for good: what they remembered is gone.
    pub(crate) ended: BTreeSet<NodeKey>,
}

/// What a core wants done. `G` is the driver's handle of an entity that is awake.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Out<G> {
    /// To be sent to that node, for this slot. It may be lost.
    Send(NodeKey, Message),
    /// All of this entity up to that version is on enough copies.
    Kept(G, Version),
    /// Entities of the slot may be activated and answer in this epoch. The lease is the driver's to check.
    Serves(Epoch),
    /// They may not any more. In order: handlers may end, then `released` is to be called. Otherwise they end at once.
    Stops { epoch: Epoch, orderly: bool },
    /// To be proposed. Repeated until the chain shows it.
    Reached(Epoch, Stage),
    /// The next configuration of the slot, with the same members, is to be proposed, so that what is remembered of entities that
    /// were destroyed in this one can be forgotten.
    Renew(Epoch),
    /// Too many copies are gone for good: the slot is not served until that is accepted.
    Lost(Epoch),
}

/// Whether answers that depend on a version may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// At once.
    Kept(Version),
    /// When `Out::Kept` says this version or a later one.
    Pending(Version),
}

/// This node does not serve the slot: nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotServing;
