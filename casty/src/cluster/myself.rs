//! Who this node is to others.

use std::sync::{Arc, OnceLock};

use super::{NodeKey, settings::Secret};

/// What every connection of this node says of it.
#[derive(Debug)]
pub(crate) struct Myself {
    key: NodeKey,
    raft_id: u64,
    /// What others dial.
    address: Arc<str>,
    cluster: Arc<str>,
    secret: Option<Secret>,
    /// Once it is known.
    cluster_id: OnceLock<u128>,
}

impl Myself {
    pub(crate) fn new(key: NodeKey, raft_id: u64, address: Arc<str>, cluster: Arc<str>, secret: Option<Secret>) -> Self {
        Self { key, raft_id, address, cluster, secret, cluster_id: OnceLock::new() }
    }

    pub(crate) fn key(&self) -> &NodeKey {
        &self.key
    }

    pub(crate) fn raft_id(&self) -> u64 {
        self.raft_id
    }

    pub(crate) fn address(&self) -> &Arc<str> {
        &self.address
    }

    pub(crate) fn cluster(&self) -> &Arc<str> {
        &self.cluster
    }

    pub(crate) fn secret(&self) -> Option<&[u8]> {
        self.secret.as_ref().map(|secret| &*secret.0)
    }

    pub(crate) fn cluster_id(&self) -> Option<u128> {
        self.cluster_id.get().copied()
    }

    /// The cluster that this node belongs to from now on. A second one is none of ours.
    pub(crate) fn belongs_to(&self, cluster_id: u128) {
        let _ = self.cluster_id.set(cluster_id);
    }
}
