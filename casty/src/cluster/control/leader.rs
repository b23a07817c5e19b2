//! What is asked of whoever leads, and of whoever may know, and how it is answered.

use std::sync::Arc;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::RaftNode;
use crate::cluster::{NodeId, NodeKey, wire};

/// The calls that are not Raft's.
pub(crate) mod method {
    /// Who are you, and do you belong to a cluster?
    pub(crate) const PROBE: u8 = 10;
    /// To the leader: propose this.
    pub(crate) const PROPOSE: u8 = 11;
    /// To the leader: up to which entry must I have applied to know all that is committed by now?
    pub(crate) const READ_INDEX: u8 = 12;
    /// To the leader: I am alive, and want a lease.
    pub(crate) const RENEW: u8 = 13;
    /// To the leader: I want to go.
    pub(crate) const LEAVE: u8 = 14;
    /// To the leader: let me in.
    pub(crate) const JOIN: u8 = 15;
    /// A node is about to end: its slots are to go to others. Whether anybody can have them.
    pub(crate) const DRAIN: u8 = 16;
}

/// What a node answers to a probe.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Probed {
    pub(crate) node: NodeId,
    pub(crate) raft_id: u64,
    pub(crate) address: Arc<str>,
    /// The cluster that it belongs to.
    pub(crate) cluster_id: Option<u128>,
    /// Whom it asks for one.
    #[serde(default)]
    pub(crate) seeds: Vec<Arc<str>>,
}

/// A call's answer, by a node that leads or does not.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ByLeader<T> {
    Done(T),
    /// Ask this one, if it is known.
    NotLeader(Option<Leader>),
    /// It leads, and could not do it now.
    Failed(String),
}

/// Who leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Leader {
    pub(crate) raft_id: u64,
    pub(crate) node: RaftNode,
}

/// The leader's side of leases.
pub(crate) trait Renewals: Send + Sync {
    /// Answers a node that wants a lease; the bytes are for that node's side.
    fn renew(&self, node: &NodeKey, body: &[u8]) -> Result<Vec<u8>, String>;
    /// Whether no lease of the node is left anywhere. If so, it is granted none any more: another start of it is to join.
    fn gives_way(&self, node: &NodeKey) -> bool;
}

pub(super) fn encode(value: &impl Serialize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    wire::encode(value, &mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    wire::decode(bytes).map_err(|error| format!("a call that makes no sense: {error}"))
}
