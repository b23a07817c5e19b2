//! Who a data directory belongs to.

use serde::{Deserialize, Serialize};

use crate::{
    cluster::{Incarnation, NodeId},
    host::Host,
};

/// What a start of a node goes by. The raft id belongs to the data directory, and never to the node id: a voter whose
/// data is lost could vote twice under its old one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) raft_id: u64,
    pub(crate) node_id: NodeId,
    /// This start's, greater than that of any earlier one from the same directory.
    pub(crate) incarnation: Incarnation,
    /// Which boot of the machine the last start was in, where the system tells.
    #[serde(default)]
    pub(crate) boot_id: Option<String>,
    /// The generation of its cluster that it was about to join when it forgot the one before.
    #[serde(default)]
    pub(crate) joins: Option<Joins>,
}

/// A generation of a cluster, and where nodes of it may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Joins {
    pub(crate) cluster: u128,
    pub(crate) generation: u64,
    pub(crate) seeds: Vec<String>,
}

impl Identity {
    /// The first one of a new directory, or of a start without one.
    pub(crate) fn new(host: &Host, node_id: NodeId) -> Self {
        Self {
            raft_id: host.random().max(1),
            node_id,
            incarnation: Incarnation(host.unix_millis()),
            boot_id: boot_id(),
            joins: None,
        }
    }

    /// The same start as another node of Raft, which joins that.
    pub(crate) fn anew(&self, host: &Host, joins: Joins) -> Self {
        Self { raft_id: host.random().max(1), joins: Some(joins), ..self.clone() }
    }

    /// The one of the next start from the same directory.
    pub(crate) fn next(&self, host: &Host) -> Self {
        let incarnation = Incarnation(host.unix_millis().max(self.incarnation.0 + 1));
        Self { incarnation, boot_id: boot_id(), ..self.clone() }
    }
}

fn boot_id() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().into())
}
