//! What a node knows of its cluster from what it stores, before any Raft runs on that.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
};

use futures_util::TryStreamExt as _;
use openraft::{EntryPayload, RaftLogReader as _};

use super::{
    Command, Membership,
    command::LeaseMillis,
    snapshot::{self, Outline},
    store::{LogStore, Snapshots},
};
use crate::{cluster::generation::Generation, host::Host};

#[derive(Debug, Default)]
pub(crate) struct Remembered {
    /// Its cluster, and the generation of it.
    pub(crate) cluster: Option<(u128, Generation)>,
    /// How long leases are there at most, in milliseconds; 0 if that is not known.
    pub(crate) lease: LeaseMillis,
    /// Where those are whose votes count, by the last that it heard of that; two majorities are needed during a change.
    pub(crate) voters: Vec<BTreeSet<u64>>,
    pub(crate) nodes: BTreeMap<u64, Arc<str>>,
    /// Where other nodes were, and this one.
    pub(crate) addresses: BTreeSet<Arc<str>>,
}

impl Remembered {
    /// # Errors
    /// If what is stored can not be read.
    pub(crate) async fn of(host: &Host, store: &LogStore, snapshots: &Snapshots) -> io::Result<Self> {
        let mut this = Self::default();
        if let Some(snapshot) = snapshots.current() {
            let Outline { cluster, members } = host.blocking(move || snapshot::outline(&snapshot.snapshot)).await??;
            this.lease = cluster.as_ref().map_or(0, |cluster| cluster.lease);
            this.cluster = cluster.map(|cluster| (cluster.id, Generation(cluster.generation)));
            this.addresses.extend(members.values().map(|member| member.address.clone()));
            this.votes(snapshot.meta.last_membership.membership());
            this.nodes.extend(members.values().map(|member| (member.raft_id, member.address.clone())));
        }
        let mut store = store.clone();
        let mut entries = std::pin::pin!(store.entries_stream(..).await);
        while let Some(entry) = entries.try_next().await? {
            match entry.payload {
                // Whether it was agreed on or not: the same voters agree on no other one.
                EntryPayload::Normal(Command::Genesis { cluster_id, lease, .. }) => {
                    this.cluster.get_or_insert((cluster_id, Generation(0)));
                    this.lease = this.lease.max(lease);
                }
                EntryPayload::Normal(Command::Join { raft_id, address, lease, .. }) => {
                    this.lease = this.lease.max(lease);
                    this.nodes.insert(raft_id, address.clone());
                    this.addresses.insert(address);
                }
                EntryPayload::Membership(membership) => {
                    this.addresses.extend(membership.nodes().map(|(_, node)| node.address.clone()));
                    this.votes(&membership);
                }
                EntryPayload::Normal(_) | EntryPayload::Blank => {}
            }
        }
        Ok(this)
    }

    fn votes(&mut self, membership: &Membership) {
        self.voters.clone_from(membership.get_joint_config());
        self.nodes
            .extend(membership.nodes().filter(|(_, node)| !node.is_made_up()).map(|(id, node)| (*id, node.address.clone())));
    }
}
