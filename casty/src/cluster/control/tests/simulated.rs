//! Raft on simulated hosts: time stands still while all wait, chance has a seed, and a gate holds up a node.

use std::{net::IpAddr, sync::Arc, time::Duration};

use openraft::async_runtime::WatchReceiver as _;

use super::{
    super::SimDisk,
    cluster::{TestNode, Wires, node, nodes},
};
use crate::host::{Host, SimNode};

/// One node that can be paused.
struct Simulated {
    sim: Arc<SimNode>,
    node: TestNode,
}

async fn start(raft_id: u64, seed: u64, wires: &Wires, disk: &SimDisk) -> Simulated {
    let sim = Arc::new(SimNode::new(IpAddr::from([10, 0, 0, 1]), seed * 100 + raft_id));
    let host = Host::simulated(sim.clone());
    let (on_host, wires, disk) = (host.clone(), wires.clone(), disk.clone());
    let started = host.spawn(async move {
        let (_, store, snapshots) = disk.open(&on_host, &node(raft_id).id);
        TestNode::start(raft_id, &wires, store, snapshots).await
    });
    Simulated { sim, node: started.await.expect("it starts") }
}

fn leader_of<'n>(nodes: impl IntoIterator<Item = &'n Simulated>) -> Option<(u64, u64)> {
    let of = |it: &Simulated| {
        let metrics = it.node.raft.metrics().borrow_watched().clone();
        metrics.current_leader.map(|leader| (metrics.current_term, leader))
    };
    nodes.into_iter().filter_map(of).max()
}

/// Runs three nodes, pauses the one that leads, lets it go on, and tells who led when.
async fn elections(seed: u64) -> Vec<(u64, u64, u128)> {
    let wires = Wires::default();
    let begin = Host::current().now();
    let mut all = Vec::new();
    for id in 1..=3 {
        all.push(start(id, seed, &wires, &SimDisk::default()).await);
    }
    all[0].node.raft.initialize(nodes(1..=3)).await.expect("a first leader");
    let mut seen: Vec<(u64, u64, u128)> = Vec::new();
    let mut paused = None;
    for tick in 0..400 {
        Host::current().sleep(Duration::from_millis(10)).await;
        let awake = all.iter().enumerate().filter(|(index, _)| Some(*index) != paused).map(|(_, it)| it);
        if let Some((term, leader)) = leader_of(awake)
            && seen.last().is_none_or(|last| last.0 < term)
        {
            seen.push((term, leader, begin.elapsed().as_millis()));
        }
        match tick {
            100 => {
                paused = seen.last().map(|last| last.1 as usize - 1);
                all[paused.expect("a leader within a second")].sim.gate().shut();
            }
            300 => all[paused.expect("it was paused")].sim.gate().open(),
            _ => {}
        }
    }
    let last = seen.last().map(|(term, leader, _)| (*term, *leader));
    for it in &all {
        assert_eq!(leader_of([it]), last, "all know the last leader");
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn equal_seeds_give_equal_elections() {
    let first = elections(7).await;
    assert_eq!(first.len(), 2, "one leader, and after its pause another: {first:?}");
    assert_eq!(first, elections(7).await);
    let others = [elections(8).await, elections(9).await, elections(10).await];
    assert!(others.iter().any(|other| *other != first), "chance comes from the seed");
}

#[tokio::test(start_paused = true)]
async fn a_vote_outlives_a_crash_unless_the_disk_lies() {
    for lies in [false, true] {
        let (wires, disk) = (Wires::default(), SimDisk::default());
        if lies {
            disk.forget_votes();
        }
        let it = start(1, 3, &wires, &disk).await;
        it.node.raft.initialize(nodes([1])).await.expect("a first leader");
        assert!(it.node.leads(Duration::from_secs(5)).await);
        it.sim.gate().shut();
        let (_, store, _) = disk.open(&Host::current(), &node(1).id);
        let vote = openraft::storage::RaftLogReader::read_vote(&mut store.clone()).await.expect("it can be read");
        assert_eq!(vote.is_none(), lies);
    }
}
