//! Going on without the majority.

use std::{collections::BTreeMap, io, sync::Arc};

use futures_util::StreamExt as _;
use openraft::{
    RaftLogReader as _, RaftSnapshotBuilder as _,
    storage::{RaftLogStorage as _, RaftStateMachine as _},
    vote::RaftLeaderId as _,
};

use super::{
    Command, Member, MemberStatus,
    machine::Machine,
    raft::{LogId, Membership, RaftNode, Vote},
    state::{Cluster, State},
    store::{LogStore, Snapshots},
};
use crate::{
    cluster::{NodeId, NodeKey, generation::Generation},
    host::Host,
};

/// Makes this node the only voter of a cluster whose majority will never be back, while no Raft runs on the store. All that
/// its log has counts as agreed from then on, also what was not; and the cluster has a new generation, in which all other
/// nodes are down until they have joined anew.
///
/// What the store holds afterwards is that, or as before, wherever it was interrupted. Returns the cluster as it is then,
/// or nothing if the store knows of none: that changes nothing.
///
/// # Errors
/// If the store can not be read or written.
pub(crate) async fn recover_alone(
    host: &Host,
    raft_id: u64,
    node: RaftNode,
    store: &mut LogStore,
    snapshots: &Snapshots,
) -> io::Result<Option<Cluster>> {
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
    let id = LogId::new(Vote::new(term, raft_id).leader_id.to_committed(), last.map_or(0, |id| id.index + 1));
    let (survivor, chance) = (node.id.clone(), host.random());
    let only = BTreeMap::from([(raft_id, node)]);
    let membership = Membership::new(vec![[raft_id].into()], only).map_err(io::Error::other)?;
    let mut cluster = None;
    machine.adopt(id, membership, |state| {
        go_on_alone(state, id.index, &survivor, chance);
        cluster.clone_from(&state.cluster);
    });

    if cluster.is_none() {
        return Ok(None);
    }
    // In this order: whatever of it a crash leaves can be done again, or is whole.
    if let Some(mut builder) = machine.try_create_snapshot_builder(true).await {
        builder.build_snapshot().await?;
    }
    store.save_vote(&Vote::new(term, raft_id)).await?;
    store.purge(id).await?;
    store.save_committed(Some(id)).await?;
    store.sync().await?;
    Ok(cluster)
}

/// What becomes of the state.
fn go_on_alone(state: &mut State, index: u64, survivor: &NodeId, chance: u64) {
    // Whoever goes through what is stored tells of it.
    let mut untold = Vec::new();
    let others: Vec<_> = state.members.iter().filter(|(id, _)| *id != survivor).collect();
    let others: Vec<_> = others.into_iter().map(|(id, member)| (id.clone(), member.incarnation, member.status)).collect();
    for (id, incarnation, status) in others {
        if status != MemberStatus::Down {
            let node = NodeKey { id: id.clone(), incarnation };
            let _ = state.apply(index, Command::Down { node, since: None }, &mut untold);
        }
        if let Some(member) = Arc::make_mut(&mut state.members).get_mut(&id) {
            member.raft_id = Member::NO_RAFT_ID;
        }
    }
    if let Some(cluster) = &state.cluster {
        let Generation(generation) = Generation(cluster.generation).next(chance);
        let _ = state.apply(index, Command::Generation { generation }, &mut untold);
    }
}
