//! The frames of a handshake.
//!
//! They are maps: later versions may add fields, which earlier ones pass over.

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::Local;
use crate::cluster::{Incarnation, NodeId};

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Lane {
    /// Messages of actors.
    Data,
    /// Calls of the control plane.
    Control,
    /// Calls that carry much, such as snapshots.
    Bulk,
}

impl Lane {}

/// How a node wants peers to prove that they belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Auth {
    None,
    Secret,
}

/// The connecting side's first words.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) version_min: u16,
    pub(super) version_max: u16,
    pub(super) auth: Auth,
    pub(super) nonce: ByteArray<32>,
}

/// The accepting side's first words.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Welcome {
    pub(super) version: u16,
    pub(super) auth: Auth,
    pub(super) nonce: ByteArray<32>,
}

/// An encoded [`Introduction`], and the proof that it is no stranger's. Empty without a secret.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Proven {
    pub(super) introduction: ByteBuf,
    pub(super) proof: ByteBuf,
}

/// Who a side is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Introduction {
    pub(super) cluster: String,
    pub(super) cluster_id: Option<u128>,
    pub(super) node: NodeId,
    pub(super) incarnation: Incarnation,
    pub(super) raft_id: u64,
    pub(super) advertise: String,
    /// What the connection is for; the connecting side says it.
    pub(super) lane: Option<Lane>,
    pub(super) session: Option<u64>,
}

impl Introduction {
    pub(super) fn of(local: &Local, purpose: Option<(Lane, u64)>) -> Self {
        Self {
            cluster: local.cluster.clone(),
            cluster_id: local.cluster_id,
            node: local.node.clone(),
            incarnation: local.incarnation,
            raft_id: local.raft_id,
            advertise: local.advertise.clone(),
            lane: purpose.map(|(lane, _)| lane),
            session: purpose.map(|(_, session)| session),
        }
    }
}
