//! What was said is so: a node that goes is gone, one that stays stays, and what was asked for happens.

use std::time::Duration;

use casty::{ClusterEvent, MemberStatus, testkit::Cluster};

use crate::{actors::Clerk, book::Book};

fn leader(cluster: &Cluster) -> usize {
    let leads = |node: &usize| cluster.inspect(*node).is_some_and(|seen| seen.leads);
    (0..cluster.size()).find(leads).unwrap_or_else(|| panic!("nobody leads: {cluster:?}"))
}

/// The status of a node as another one has it.
fn status(cluster: &Cluster, at: usize, node: usize) -> Option<MemberStatus> {
    let id = format!("node-{node}");
    cluster.seen_members(at).into_iter().find(|member| member.node == id).map(|member| member.status)
}

/// The request was in a link that broke, and nobody made it again.
#[test]
fn an_actor_is_stopped_across_a_link_that_breaks() {
    let mut cluster = Cluster::of(3).seed(7).start();
    cluster.settle();
    let leader = leader(&cluster);
    let [here, there] = [(leader + 1) % 3, (leader + 2) % 3];
    let book = Book::default();
    cluster.on(there, |system| async move { system.spawn(Clerk::new(&book)).name("ada").await.unwrap() });
    let ada = cluster.on(here, |system| async move { system.lookup::<Clerk>("ada").await.unwrap().unwrap() });
    cluster.cut(here, there);
    cluster.cut(there, here);
    let stopped = ada.clone();
    cluster.on(here, |_| async move { stopped.stop().await }).unwrap();
    cluster.run_for(Duration::from_secs(1));
    cluster.heal();
    assert!(cluster.run_until(Duration::from_secs(20), |cluster| cluster.named_here(there).is_empty()));
}

/// The leader went on with it once it could, long after the node had been told that it stays.
#[test]
fn a_leave_that_has_failed_is_not_carried_out_later() {
    for seed in 0..6 {
        let mut cluster = Cluster::of(5).seed(seed).start();
        cluster.settle();
        let leader = leader(&cluster);
        let leaver = (leader + 1) % 5;
        let others: Vec<usize> = (0..5).filter(|node| ![leader, leaver].contains(node)).collect();
        others.iter().for_each(|node| cluster.pause(*node));
        let left = cluster.on(leaver, |system| async move { system.cluster().unwrap().leave().await });
        assert!(left.is_err(), "seed {seed}");
        cluster.run_for(Duration::from_secs(4));
        others.iter().for_each(|node| cluster.resume(*node));
        let leaves = |cluster: &Cluster| (0..5).any(|node| status(cluster, node, leaver).is_none());
        assert!(!cluster.run_until(Duration::from_secs(8), leaves), "seed {seed}: {cluster:?}");
        cluster.recover(Duration::from_secs(6)).unwrap_or_else(|missing| panic!("seed {seed}: {missing}\n{cluster:?}"));
    }
}

/// Its own renewal heard that it was no serving member any more, and had it join again on its way out.
#[test]
fn a_node_that_shuts_down_does_not_come_back_meanwhile() {
    for steps in 0..8 {
        let mut cluster = Cluster::of(3).seed(steps).with_disks().start();
        cluster.settle();
        let leader = leader(&cluster);
        let leaver = (leader + 1) % 3;
        let down = cluster.begin(leaver, |system| async move { system.shutdown().await });
        (0..steps).for_each(|_| cluster.step());
        // What the leader answers is lost.
        cluster.cut(leader, leaver);
        let away = |cluster: &Cluster| status(cluster, leader, leaver) == Some(MemberStatus::Away);
        let is_away = cluster.run_until(Duration::from_millis(300), away);
        cluster.heal();
        let back = |cluster: &Cluster| is_away && !away(cluster);
        assert!(!cluster.run_until(Duration::from_secs(10), back), "{steps} steps: {cluster:?}");
        drop(down);
    }
}

/// It had the names registered when it was answered that it is back, and the answer was lost.
#[test]
fn a_node_whose_return_is_not_answered_has_its_names_again() {
    for steps in 0..8 {
        let mut cluster = Cluster::of(3).seed(steps).start();
        cluster.settle();
        let leader = leader(&cluster);
        let node = (leader + 1) % 3;
        let book = Book::default();
        cluster.on(node, |system| async move { system.spawn(Clerk::new(&book)).name("ada").await.unwrap() });
        let mut joins = cluster.begin(node, |system| async move {
            let mut events = system.cluster().unwrap().events();
            while !matches!(events.next().await, Some(ClusterEvent::Fenced { .. })) {}
        });
        cluster.pause(node);
        let down = |cluster: &Cluster| status(cluster, leader, node) == Some(MemberStatus::Down);
        assert!(cluster.run_until(Duration::from_secs(10), down), "{steps} steps");
        cluster.resume(node);
        assert!(cluster.run_until(Duration::from_secs(10), |_| joins.take().is_some()), "{steps} steps");
        (0..steps).for_each(|_| cluster.step());
        cluster.cut(leader, node);
        // For longer than it asks for.
        cluster.run_for(Duration::from_secs(4));
        cluster.heal();
        cluster.recover(Duration::from_secs(20)).unwrap_or_else(|missing| panic!("{steps} steps: {missing}\n{cluster:?}"));
        let held = |cluster: &Cluster| cluster.holder(leader, "ada").is_some_and(|(owner, ..)| owner == format!("node-{node}"));
        assert!(cluster.run_until(Duration::from_secs(10), held), "{steps} steps: {cluster:?}");
    }
}

/// Each voter that was shut down for good kept its seat, until there was no majority.
#[test]
fn who_stays_away_for_long_is_replaced() {
    let settings = |_, builder: casty::DistributedBuilder| builder.away_for(Duration::from_secs(5));
    let mut cluster = Cluster::of(7).seed(7).with_disks().settings(settings).start();
    cluster.settle();
    for _ in 0..2 {
        let runs = |node: &usize| cluster.is_running(*node) && !cluster.inspect(*node).unwrap().leads;
        let node = (0..7).find(runs).unwrap();
        cluster.on(node, |system| async move { system.shutdown().await });
        cluster.crash(node);
        let leader = leader(&cluster);
        let is_forgotten = |cluster: &Cluster| status(cluster, leader, node).is_none();
        assert!(cluster.run_until(Duration::from_secs(30), is_forgotten), "{cluster:?}");
    }
    let leader = leader(&cluster);
    let up: Vec<u64> = cluster.seen_members(leader).into_iter().map(|member| member.raft_id).collect();
    let voters = &cluster.inspect(leader).unwrap().voters[0];
    assert!(voters.len() == 5 && voters.iter().all(|voter| up.contains(voter)), "{cluster:?}");
}
