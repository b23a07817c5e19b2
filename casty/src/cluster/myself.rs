//! Who this node is to others.

use std::sync::{Arc, Mutex};

use super::{NodeKey, wire::handshake::Secret};
use crate::{host::watch, sync::lock};

/// What every connection of this node says of it.
#[derive(Debug)]
pub(crate) struct Myself {
    key: NodeKey,
    raft_id: u64,
    /// What others dial.
    address: Arc<str>,
    cluster: Arc<str>,
    secret: Option<Secret>,
    #[cfg(feature = "tls")]
    tls: Option<super::tls::Handshakes>,
    /// Once it is known: the cluster's id, and its generation.
    belongs_to: Mutex<Option<(u128, u64)>>,
    /// Becomes true with that.
    knows: watch::Sender<bool>,
}

impl Myself {
    pub(crate) fn new(key: NodeKey, raft_id: u64, address: Arc<str>, cluster: Arc<str>, secret: Option<Secret>) -> Self {
        Self {
            key,
            raft_id,
            address,
            cluster,
            secret,
            #[cfg(feature = "tls")]
            tls: None,
            belongs_to: Mutex::default(),
            knows: watch::Sender::new(false),
        }
    }

    /// The same, whose connections are within TLS.
    #[cfg(feature = "tls")]
    pub(crate) fn with_tls(self, tls: Option<super::tls::Handshakes>) -> Self {
        Self { tls, ..self }
    }

    #[cfg(feature = "tls")]
    pub(crate) fn tls(&self) -> Option<&super::tls::Handshakes> {
        self.tls.as_ref()
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

    pub(crate) fn secret(&self) -> Option<&Secret> {
        self.secret.as_ref()
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
        drop(belongs_to);
        self.knows.set(true);
    }

    /// Waits until this node learns which cluster it belongs to; for ever if it knows already, before `handshake` says so.
    ///
    /// A connection from before has not been asked for its cluster: the two sides may turn out to belong to different ones.
    pub(crate) async fn learns_its_cluster(&self, known_before: bool) {
        if known_before {
            return std::future::pending().await;
        }
        let _ = self.knows.subscribe().wait_for(|knows| *knows).await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::cluster::Incarnation;

    #[test]
    fn connections_from_before_the_cluster_was_known_are_told_of_it() {
        let key = NodeKey { id: "a".into(), incarnation: Incarnation(1) };
        let myself = Myself::new(key, 1, "a:1".into(), "casty".into(), None);
        let mut before = Box::pin(myself.learns_its_cluster(false));
        let mut after = Box::pin(myself.learns_its_cluster(true));
        assert!((&mut before).now_or_never().is_none());
        myself.belongs_to(7, 0);
        assert!((&mut before).now_or_never().is_some());
        assert!((&mut after).now_or_never().is_none());
        // One that was being greeted meanwhile.
        assert!(myself.learns_its_cluster(false).now_or_never().is_some());
    }
}
