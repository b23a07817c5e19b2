//! Who this node is to others.

use std::sync::{Arc, Mutex};

use super::{NodeKey, settings::Secret};
use crate::sync::lock;

/// What every connection of this node says of it.
#[derive(Debug)]
pub(crate) struct Myself {
    key: NodeKey,
    raft_id: u64,
    /// What others dial.
    address: Arc<str>,
    cluster: Arc<str>,
    secret: Option<Secret>,
    /// Once it is known: the cluster's id, and its generation.
    belongs_to: Mutex<Option<(u128, u64)>>,
}

impl Myself {
    pub(crate) fn new(key: NodeKey, raft_id: u64, address: Arc<str>, cluster: Arc<str>, secret: Option<Secret>) -> Self {
        Self { key, raft_id, address, cluster, secret, belongs_to: Mutex::default() }
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

    /// What nodes of one cluster have in common, and of one generation of it: a cluster that went on without its majority is
    /// another one to those who were left behind.
    pub(crate) fn cluster_id(&self) -> Option<u128> {
        let (id, generation) = (*lock(&self.belongs_to))?;
        Some(id.wrapping_add(u128::from(generation)))
    }

    /// The cluster that this node belongs to from now on, or its new generation. Another one is none of ours.
    pub(crate) fn belongs_to(&self, cluster_id: u128, generation: u64) {
        let mut belongs_to = lock(&self.belongs_to);
        let (known, newest) = *belongs_to.get_or_insert((cluster_id, generation));
        if known == cluster_id && generation > newest {
            *belongs_to = Some((cluster_id, generation));
        }
    }
}
