//! Many nodes at once.

use std::{collections::BTreeSet, time::Duration};

use casty::testkit::Cluster;

/// Three of them are everybody's seeds. The leader replicates to all, seven vote.
fn form(nodes: usize, calm: Duration) {
    let seeds = |_, builder: casty::DistributedBuilder| builder.seeds(["node-0:4000", "node-1:4000", "node-2:4000"]);
    let mut cluster = Cluster::of(nodes).seed(11).settings(seeds).begin();
    let took = cluster.recover(Duration::from_secs(60)).unwrap_or_else(|missing| panic!("{missing}\n{cluster:?}"));
    println!("{nodes} nodes are one cluster after {took:?}");
    cluster.run_for(Duration::from_secs(5));
    let look = |cluster: &Cluster| {
        let seen: Vec<_> = (0..nodes).filter_map(|node| cluster.inspect(node)).collect();
        assert_eq!(seen.len(), nodes);
        let terms: BTreeSet<_> = seen.iter().map(|seen| (seen.term, seen.leader.clone(), seen.view)).collect();
        (terms, seen.iter().all(|seen| seen.lease), seen[0].voters.clone())
    };
    let before = look(&cluster);
    assert_eq!((before.0.len(), before.1, before.2.iter().map(Vec::len).collect::<Vec<_>>()), (1, true, vec![7]));
    cluster.run_for(calm);
    assert_eq!(look(&cluster), before, "nobody was taken for dead, nobody else leads");
}

#[test]
fn fifteen_nodes_form_and_stay() {
    form(15, Duration::from_secs(20));
}

#[test]
#[ignore = "takes minutes"]
fn a_hundred_nodes_form_and_stay() {
    form(100, Duration::from_secs(120));
}

/// Five percent of the datagrams are lost, and everything takes up to 100 ms.
#[test]
#[ignore = "takes minutes"]
fn nobody_is_taken_for_dead_in_an_hour_on_a_bad_network() {
    let mut cluster = Cluster::of(5).seed(17).latency(Duration::ZERO, Duration::from_millis(100)).start();
    (0..5).for_each(|node| cluster.datagrams(node, 0.05, 0.0));
    cluster.run_for(Duration::from_secs(10));
    let members = |cluster: &Cluster| (0..5).map(|node| cluster.members(node)).collect::<Vec<_>>();
    let (before, view) = (members(&cluster), cluster.inspect(0).unwrap().view);
    let mut without_lease = 0;
    for _ in 0..36_000 {
        cluster.run_for(Duration::from_millis(100));
        without_lease += (0..5).filter(|node| !cluster.inspect(*node).unwrap().lease).count();
    }
    println!("looks at a node without a lease: {without_lease} of 180000; terms: {}", cluster.inspect(0).unwrap().term);
    assert_eq!(members(&cluster), before);
    assert_eq!(cluster.inspect(0).unwrap().view, view, "nobody was down in between");
}
