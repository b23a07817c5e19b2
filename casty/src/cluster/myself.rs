//! Who this node is to others.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering::SeqCst},
};

use super::{NodeKey, generation::Generation, wire::handshake::Secret};
use crate::{host::watch, sync::lock};

/// What every connection of this node says of it.
#[derive(Debug)]
pub(crate) struct Myself {
    key: NodeKey,
    /// Another one in a generation that this node had to join anew.
    raft_id: AtomicU64,
    /// What others dial.
    address: Arc<str>,
    cluster: Arc<str>,
    secret: Option<Secret>,
    #[cfg(feature = "tls")]
    tls: Option<super::tls::Handshakes>,
    /// Once it is known: the cluster's id, and its generation.
    belongs_to: Mutex<Option<(u128, Generation)>>,
    /// What others are told of that.
    cluster_id: watch::Sender<Option<u128>>,
    /// The generation that ended this node's, once it was met.
    ended_by: watch::Sender<Option<Generation>>,
    /// Why the last node of another cluster was refused, or refused this one.
    stranger: watch::Sender<Arc<str>>,
}

impl Myself {
    pub(crate) fn new(key: NodeKey, raft_id: u64, address: Arc<str>, cluster: Arc<str>, secret: Option<Secret>) -> Self {
        Self {
            key,
            raft_id: AtomicU64::new(raft_id),
            address,
            cluster,
            secret,
            #[cfg(feature = "tls")]
            tls: None,
            belongs_to: Mutex::default(),
            cluster_id: watch::Sender::new(None),
            ended_by: watch::Sender::new(None),
            stranger: watch::Sender::new("".into()),
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
        self.raft_id.load(SeqCst)
    }

    /// Nobody is to take this node for the voter that it was.
    pub(crate) fn has_new_raft_id(&self, raft_id: u64) {
        self.raft_id.store(raft_id, SeqCst);
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
        *self.cluster_id.borrow()
    }

    /// The cluster that this node belongs to from now on, or a later generation of it. Another one is none of ours.
    pub(crate) fn belongs_to(&self, cluster_id: u128, generation: u64) {
        let generation = Generation(generation);
        let mut belongs_to = lock(&self.belongs_to);
        let (known, newest) = *belongs_to.get_or_insert((cluster_id, generation));
        if known == cluster_id && generation.ends(newest) {
            *belongs_to = Some((cluster_id, generation));
        }
        let told = belongs_to.map(|(id, Generation(generation))| id.wrapping_add(u128::from(generation)));
        self.cluster_id.change(|id| std::mem::replace(id, told) != told);
    }

    /// Waits until this node belongs to another cluster, or another generation, than it said in a handshake.
    ///
    /// A connection from before is of the past: the two sides may turn out to belong to different ones.
    pub(crate) async fn belongs_elsewhere_than(&self, said: Option<u128>) {
        let _ = self.cluster_id.subscribe().wait_for(|id| *id != said).await;
    }

    /// A node of another cluster was met, which has proved that it may say so.
    pub(crate) fn met(&self, other: u128) {
        let Some((id, own)) = *lock(&self.belongs_to) else { return };
        let Ok(generation) = u64::try_from(other.wrapping_sub(id)) else { return };
        if Generation(generation).ends(own) {
            self.ended_by.set(Some(Generation(generation)));
        }
    }

    /// Whether that generation follows the one that this node belongs to.
    pub(crate) fn is_ended_by(&self, generation: Generation) -> bool {
        lock(&self.belongs_to).is_none_or(|(_, own)| generation.ends(own))
    }

    /// A node of another cluster, or generation, has refused this one, or the other way round.
    pub(crate) fn refuses(&self, why: &str) {
        self.stranger.set(why.into());
    }

    /// The last time that this happened.
    pub(crate) fn strangers(&self) -> watch::Receiver<Arc<str>> {
        self.stranger.subscribe()
    }

    /// Waits until this node has met a generation that ended its own. Returns it, and the cluster's id.
    pub(crate) async fn is_over(&self) -> (u128, Generation) {
        let mut ended_by = self.ended_by.subscribe();
        loop {
            let met = *ended_by.borrow_and_update();
            let belongs_to = *lock(&self.belongs_to);
            if let (Some(met), Some((id, own))) = (met, belongs_to)
                && met.ends(own)
            {
                return (id, met);
            }
            // Its sender is this node's, which waits.
            let _ = ended_by.changed().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::cluster::Incarnation;

    fn myself() -> Myself {
        let key = NodeKey { id: "a".into(), incarnation: Incarnation(1) };
        Myself::new(key, 1, "a:1".into(), "casty".into(), None)
    }

    #[test]
    fn connections_from_before_the_cluster_was_known_are_told_of_it() {
        let myself = myself();
        let mut before = Box::pin(myself.belongs_elsewhere_than(None));
        assert!((&mut before).now_or_never().is_none());
        myself.belongs_to(7, 0);
        let mut after = Box::pin(myself.belongs_elsewhere_than(myself.cluster_id()));
        assert!((&mut before).now_or_never().is_some());
        assert!((&mut after).now_or_never().is_none());
        // One that was being greeted meanwhile.
        assert!(myself.belongs_elsewhere_than(None).now_or_never().is_some());
        // One of the generation before.
        myself.belongs_to(7, Generation(0).next(1).0);
        assert!((&mut after).now_or_never().is_some());
    }

    #[test]
    fn a_later_generation_of_its_own_cluster_ends_a_nodes() {
        let myself = myself();
        let id = 7 << 100;
        let (first, later) = (Generation(0).next(1 << 32), Generation(0).next(2 << 32));
        let at = |generation: Generation| id + u128::from(generation.0);
        myself.met(at(first));
        myself.belongs_to(id, 0);
        assert!(myself.is_over().now_or_never().is_none());
        myself.met(8 << 100);
        assert!(myself.is_over().now_or_never().is_none());
        myself.met(at(first));
        assert_eq!(myself.is_over().now_or_never(), Some((id, first)));
        myself.belongs_to(id, first.0);
        assert!(myself.is_over().now_or_never().is_none());
        // Of two that were made at once neither ends the other.
        myself.met(at(later));
        myself.belongs_to(id, later.0);
        assert!(myself.is_over().now_or_never().is_none());
        assert_eq!(myself.cluster_id(), Some(at(first)));
    }
}
