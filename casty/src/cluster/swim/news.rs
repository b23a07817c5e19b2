//! What the core tells, and what it asks its driver to do.

use std::{net::SocketAddr, time::Duration};

use foca::State;

use super::identity::Identity;
use crate::cluster::{NodeId, NodeKey};

/// What this node thinks of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opinion {
    Alive,
    Suspect,
    /// It did not object to its suspicion, it left, or a later start of it was heard of.
    Down,
    Unknown,
}

/// What changed. The opinions are what holds; this says which to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SwimEvent {
    /// Heard of for the first time, or again, or it objected to its suspicion.
    Alive(NodeKey),
    Suspect(NodeKey),
    Down(NodeKey),
    /// A later start of the same node was heard of. An opinion of the new one follows.
    Restarted {
        old: NodeKey,
        new: NodeKey,
    },
    /// This node was taken for dead, and is back under the same incarnation.
    Rejoined,
    /// A later start of this very node is about: this one is ignored by whoever knows.
    Superseded(NodeKey),
    /// This node stood still for so long, and gives others the time to speak up again.
    Paused(Duration),
}

/// What the core asks its driver to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Send this packet, sealed. It may be lost.
    Send {
        to: SocketAddr,
        packet: Vec<u8>,
    },
    Tell(SwimEvent),
}

/// A node that is to be asked whether it is there, until it is known to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) id: NodeId,
    pub(crate) address: SocketAddr,
}

/// A node that was heard of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) key: NodeKey,
    pub(crate) address: SocketAddr,
    pub(crate) opinion: Opinion,
}

impl SwimEvent {
    pub(super) fn of(identity: &Identity, state: State) -> Self {
        match state {
            State::Alive => Self::Alive(identity.key()),
            State::Suspect => Self::Suspect(identity.key()),
            State::Down => Self::Down(identity.key()),
        }
    }
}

impl From<State> for Opinion {
    fn from(state: State) -> Self {
        match state {
            State::Alive => Self::Alive,
            State::Suspect => Self::Suspect,
            State::Down => Self::Down,
        }
    }
}
