//! Going on without the majority.

use std::{collections::BTreeMap, io};

use futures_util::StreamExt as _;
use openraft::{
    RaftLogReader as _, RaftSnapshotBuilder as _,
    storage::{RaftLogStorage as _, RaftStateMachine as _},
    vote::RaftLeaderId as _,
};

use super::{
    machine::Machine,
    raft::{LogId, Membership, RaftNode, Vote},
    store::{LogStore, Snapshots},
};
use crate::host::Host;

/// Makes this node the only voter of a cluster whose majority will never be back, while no Raft runs on the store. All that
/// its log has counts as agreed from then on, also what was not.
///
/// Nothing tells the others: a new [`Generation`](super::Command::Generation) has to be proposed once this node leads, and
/// nodes of the former one have to be kept out.
///
/// # Errors
/// If the store can not be read or written.
pub(crate) async fn recover_alone(
    host: &Host,
    raft_id: u64,
    node: RaftNode,
    store: &mut LogStore,
    snapshots: &Snapshots,
) -> io::Result<()> {
    let (mut machine, ..) = Machine::new(host.clone(), snapshots.clone());
    if let Some(snapshot) = snapshots.current() {
        machine.install_snapshot(&snapshot.meta, snapshot.snapshot).await?;
    }
    let (applied, _) = machine.applied_state().await?;
    let next = applied.map_or(0, |id| id.index + 1);
    let entries = store.entries_stream(next..).await.map(|entry| Ok((entry?, None)));
    machine.apply(Box::pin(entries)).await?;

    let (last, _) = machine.applied_state().await?;
    let voted = store.read_vote().await?.map_or(0, |vote| vote.leader_id.term);
    let term = voted.max(last.map_or(0, |id| id.leader_id.term)) + 1;
    let id = LogId::new(openraft::impls::leader_id_adv::LeaderId::new(term, raft_id), last.map_or(0, |id| id.index + 1));
    let only = BTreeMap::from([(raft_id, node)]);
    machine.adopt(id, Membership::new(vec![[raft_id].into()], only).map_err(io::Error::other)?);

    // In this order: whatever of it a crash leaves can be done again, or is whole.
    if let Some(mut builder) = machine.try_create_snapshot_builder(true).await {
        builder.build_snapshot().await?;
    }
    store.save_vote(&Vote::new(term, raft_id)).await?;
    store.purge(id).await?;
    store.save_committed(Some(id)).await?;
    store.sync().await
}
