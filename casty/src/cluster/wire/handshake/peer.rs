//! Who this side is, and whom it met.

use super::{
    HandshakeError, Lane, RefuseCode, Secret,
    hello::{Auth, Introduction},
    refusal::{self, refusing},
};
use crate::cluster::{Incarnation, NodeId};

/// The longest name of a cluster, of a node, and the longest address, in bytes.
const NAME_LIMIT: usize = 255;

/// A range of protocol versions, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Versions {
    pub(crate) min: u16,
    pub(crate) max: u16,
}

impl Versions {
    /// What this build speaks.
    pub(crate) const SPOKEN: Self = Self { min: 1, max: 1 };

    /// The latest version that both sides speak.
    pub(super) fn agree(self, peer: Self) -> Result<u16, HandshakeError> {
        let latest = self.max.min(peer.max);
        if latest >= self.min && latest >= peer.min {
            return Ok(latest);
        }
        refusing(
            RefuseCode::Version,
            format!(
                "this node speaks protocol versions {self}, the peer {peer}; run builds whose versions overlap, one step of an upgrade at a time"
            ),
        )
    }
}

impl std::fmt::Display for Versions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to {}", self.min, self.max)
    }
}

/// Who this side is. `nonce` is fresh for each handshake.
#[derive(Debug, Clone)]
pub(crate) struct Local {
    pub(crate) versions: Versions,
    pub(crate) cluster: String,
    /// None until the node belongs to a cluster.
    pub(crate) cluster_id: Option<u128>,
    pub(crate) node: NodeId,
    pub(crate) incarnation: Incarnation,
    pub(crate) raft_id: u64,
    /// Where other nodes reach this one.
    pub(crate) advertise: String,
    pub(crate) secret: Option<Secret>,
    pub(crate) nonce: [u8; 32],
}

/// A peer that has proved who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peer {
    /// The protocol version agreed on.
    pub(crate) version: u16,
    pub(crate) node: NodeId,
    pub(crate) incarnation: Incarnation,
    pub(crate) raft_id: u64,
    /// None if it does not belong to a cluster yet.
    pub(crate) cluster_id: Option<u128>,
    /// Where it says that other nodes reach it.
    pub(crate) advertise: String,
    /// What the connection is for, as the connecting side said.
    pub(crate) lane: Lane,
    /// The connecting side's number for this connection.
    pub(crate) session: u64,
}

impl Local {
    /// Whether this side can introduce itself at all.
    pub(super) fn check(&self) -> Result<(), HandshakeError> {
        named("cluster's name", &self.cluster)
            .and_then(|()| named("node's id", self.node.as_str()))
            .and_then(|()| named("address to advertise", &self.advertise))
            .map_err(|what| HandshakeError::Local { what })
    }

    pub(super) fn auth(&self) -> Auth {
        if self.secret.is_some() { Auth::Secret } else { Auth::None }
    }

    /// Both sides have a secret, or neither has.
    pub(super) fn agree_auth(&self, peer: Auth) -> Result<(), HandshakeError> {
        match (self.auth(), peer) {
            (Auth::None, Auth::None) | (Auth::Secret, Auth::Secret) => Ok(()),
            (Auth::Secret, Auth::None) => {
                refusing(RefuseCode::NeedsSecret, "this cluster needs a secret, and the peer has none; give both sides the same")
            }
            (Auth::None, Auth::Secret) => refusing(
                RefuseCode::NeedsSecret,
                "the peer needs a secret, and this node has none; give both sides the same, or neither",
            ),
        }
    }

    /// Checks that the peer is another node of the same cluster.
    pub(super) fn meet(&self, peer: Introduction, version: u16, lane: Lane, session: u64) -> Result<Peer, HandshakeError> {
        let Introduction { cluster, cluster_id, node, incarnation, raft_id, advertise, .. } = peer;
        named("cluster's name", &cluster)
            .and_then(|()| named("node's id", node.as_str()))
            .and_then(|()| named("address to advertise", &advertise))
            .map_err(refusal::malformed)?;
        if cluster != self.cluster {
            return refusing(
                RefuseCode::ClusterName,
                format!("this node is of cluster {:?}, the peer of {cluster:?}; is an address or a setting wrong?", self.cluster),
            );
        }
        if let (Some(own), Some(other)) = (self.cluster_id, cluster_id)
            && own != other
        {
            // Where a cluster went on without its majority, generations are told apart by the lower half.
            if own.abs_diff(other) <= u64::MAX.into() {
                return refusing(
                    RefuseCode::ClusterId,
                    format!(
                        "this node, {}, and the peer, {node} at {advertise}, belong to different generations of cluster {cluster:?}, which went on without its majority: whoever is of the older one joins the other by itself; of two that went on at once, stop one",
                        self.node
                    ),
                );
            }
            return refusing(
                RefuseCode::ClusterId,
                format!(
                    "this node belongs to cluster {own:032x}, the peer, {node} at {advertise}, to {other:032x}, both of the name {cluster:?}; clusters never merge: start the nodes of one of them without their data, as new members of the other"
                ),
            );
        }
        if node == self.node && raft_id == self.raft_id {
            return refusing(RefuseCode::Itself, format!("the peer is this node, {node}, itself"));
        }
        if node == self.node {
            return refusing(
                RefuseCode::SameNode,
                format!(
                    "two nodes have the id {node}: this one at {}, the peer at {advertise}; give one of them another id",
                    self.advertise
                ),
            );
        }
        Ok(Peer { version, node, incarnation, raft_id, cluster_id, advertise, lane, session })
    }
}

fn named(what: &str, name: &str) -> Result<(), String> {
    match name.len() {
        _ if name.contains(char::is_control) => Err(format!("the {what} {name:?} has control characters")),
        0 => Err(format!("the {what} is empty")),
        1..=NAME_LIMIT => Ok(()),
        length => Err(format!("the {what} has {length} bytes, and the limit is {NAME_LIMIT}")),
    }
}
