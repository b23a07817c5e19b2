//! What a node that is behind gets.

use std::time::Duration;

use super::{
    super::{Answer, Command, LogStore, NameClaim},
    cluster::{TestNode, Wires, node, nodes},
    genesis, join, key,
};

fn claims(count: u64) -> Vec<NameClaim> {
    (0..count)
        .map(|actor| NameClaim { name: format!("a name of some length, number {actor}").into(), kind: "kind".into(), actor })
        .collect()
}

#[tokio::test]
async fn a_new_node_gets_a_snapshot_in_parts() {
    let wires = Wires::default();
    let (store, snapshots) = LogStore::in_memory();
    let first = TestNode::start(1, &wires, store, snapshots).await;
    first.raft.initialize(nodes([1])).await.expect("a first leader");
    assert!(first.leads(Duration::from_secs(5)).await);
    let owner = key("n1", 1);
    first.write(genesis()).await;
    first.write(join(&owner, 1)).await;
    // More than fits into one part.
    let names = claims(20_000);
    for batch in names.chunks(500) {
        let answer = first.write(Command::Register { owner: owner.clone(), names: batch.to_vec() }).await;
        assert!(matches!(answer, Answer::Registered(_)));
    }
    let index = first.applied();
    first.raft.trigger().snapshot().await.expect("a snapshot is made");
    let made = first.raft.wait(Some(Duration::from_secs(10)));
    made.metrics(|metrics| metrics.snapshot.is_some_and(|id| id.index >= index), "snapshot").await.expect("in time");
    first.raft.trigger().purge_log(index).await.expect("the log is purged");
    let purged = first.raft.wait(Some(Duration::from_secs(10)));
    purged.metrics(|metrics| metrics.purged.is_some_and(|id| id.index >= index), "purged").await.expect("in time");

    let (store, snapshots) = LogStore::in_memory();
    let second = TestNode::start(2, &wires, store, snapshots).await;
    first.raft.add_learner(2, node(2), false).await.expect("a learner");
    second.has_applied(first.applied()).await;
    assert_eq!(second.published.name_count(), names.len());
    assert_eq!(second.published.view().members, first.published.view().members);
}
