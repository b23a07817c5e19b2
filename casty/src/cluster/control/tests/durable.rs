//! Data directories: restarts, and what can be wrong with one.

use std::{path::Path, time::Duration};

use super::{
    super::{Answer, Command, DataDir, Joins, LogStore, OpenError, SimDisk, recover_alone},
    cluster::{TestNode, Wires, node, nodes},
    genesis, join, key, register,
};
use crate::{
    cluster::{NodeId, generation::Generation},
    host::Host,
};

async fn open(dir: &Path) -> Result<DataDir, OpenError> {
    DataDir::open(&Host::current(), dir, None).await
}

#[tokio::test]
async fn a_node_comes_back_with_all_it_knew() {
    let dir = tempfile::tempdir().expect("a directory");
    let wires = Wires::default();
    let owner = key("n1", 1);
    let first = open(dir.path()).await.expect("a new directory");
    assert!(first.store.is_empty() && first.previous.is_none());
    let identity = first.identity.clone();
    let closer = first.closer();
    let node = TestNode::start(1, &wires, first.store, first.snapshots).await;
    node.raft.initialize(nodes([1])).await.expect("a first leader");
    assert!(node.leads(Duration::from_secs(5)).await);
    node.write(genesis()).await;
    node.write(join(&owner, 1)).await;
    node.write(register(&owner, [("in the snapshot", 1)])).await;
    let index = node.applied();
    node.raft.trigger().snapshot().await.expect("a snapshot is made");
    let made = node.raft.wait(Some(Duration::from_secs(5)));
    made.metrics(|metrics| metrics.snapshot.is_some_and(|id| id.index >= index), "snapshot").await.expect("in time");
    node.raft.trigger().purge_log(index).await.expect("the log is purged");
    node.write(register(&owner, [("in the log", 2)])).await;
    let index = node.applied();
    node.stop().await;
    drop(node);
    closer.close().await;

    let second = open(dir.path()).await.expect("it is closed");
    assert!(!second.store.is_empty());
    assert_eq!(second.previous, Some(identity.clone()));
    assert_eq!((second.identity.raft_id, &second.identity.node_id), (identity.raft_id, &identity.node_id));
    assert!(second.identity.incarnation > identity.incarnation);
    let node = TestNode::start(1, &wires, second.store, second.snapshots).await;
    assert!(node.leads(Duration::from_secs(5)).await);
    node.has_applied(index).await;
    assert!(node.published.lookup("in the snapshot").is_some());
    assert!(node.published.lookup("in the log").is_some());
    assert!(node.published.view().is_up(&owner));
    assert!(matches!(node.write(Command::Nothing).await, Answer::Done));
}

#[tokio::test]
async fn a_directory_is_locked_while_it_is_open() {
    let dir = tempfile::tempdir().expect("a directory");
    let first = open(dir.path()).await.expect("a new directory");
    assert!(matches!(open(dir.path()).await, Err(OpenError::Locked { .. })));
    let closer = first.closer();
    closer.close().await;
    assert!(first.store.sync().await.is_err(), "a closed store takes nothing");
    open(dir.path()).await.expect("it is closed");
}

#[tokio::test]
async fn a_directory_is_one_nodes() {
    let dir = tempfile::tempdir().expect("a directory");
    let host = Host::current();
    let first = DataDir::open(&host, dir.path(), Some(NodeId::from("a"))).await.expect("a new directory");
    first.closer().close().await;
    let other = DataDir::open(&host, dir.path(), Some(NodeId::from("b"))).await;
    assert!(matches!(&other, Err(OpenError::OtherNode { theirs, .. }) if theirs.as_str() == "a"));
    let same = open(dir.path()).await.expect("nobody else was asked for");
    assert_eq!(same.identity.node_id.as_str(), "a");
}

#[tokio::test]
async fn what_is_no_store_is_told_apart_and_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("raft.redb");
    let noise = b"certainly no file of redb's".repeat(500);
    std::fs::write(&file, &noise).expect("a file");
    let opened = open(dir.path()).await.err().expect("not opened");
    assert!(matches!(opened, OpenError::Corrupt { .. }), "{opened}");
    assert_eq!(std::fs::read(&file).expect("still there"), noise);
}

#[tokio::test]
async fn a_damaged_entry_is_found_at_the_start() {
    const LOG: redb::TableDefinition<'_, u64, &[u8]> = redb::TableDefinition::new("log");
    let dir = tempfile::tempdir().expect("a directory");
    open(dir.path()).await.expect("a new directory").closer().close().await;
    change(dir.path(), |transaction| {
        transaction.open_table(LOG).expect("a table").insert(0, &b"noise"[..]).expect("written");
    });
    let opened = open(dir.path()).await.err().expect("not opened");
    assert!(matches!(&opened, OpenError::Corrupt { what, .. } if what.contains("entry of the log")), "{opened}");
}

#[tokio::test]
async fn a_newer_format_is_refused() {
    const VALUES: redb::TableDefinition<'_, &str, &[u8]> = redb::TableDefinition::new("values");
    let dir = tempfile::tempdir().expect("a directory");
    open(dir.path()).await.expect("a new directory").closer().close().await;
    change(dir.path(), |transaction| {
        let newer = rmp_serde::to_vec(&2u32).expect("a number");
        transaction.open_table(VALUES).expect("a table").insert("format", &newer[..]).expect("written");
    });
    let opened = open(dir.path()).await.err().expect("not opened");
    assert!(matches!(opened, OpenError::NewerFormat { found: 2, known: 1, .. }), "{opened}");
}

fn change(dir: &Path, work: impl FnOnce(&redb::WriteTransaction)) {
    let database = redb::Database::open(dir.join("raft.redb")).expect("a database");
    let transaction = database.begin_write().expect("a transaction");
    work(&transaction);
    transaction.commit().expect("a commit");
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_made_is_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    let dir = tempfile::tempdir().expect("a directory");
    let (above, made) = (dir.path().join("a"), dir.path().join("a/b"));
    open(&made).await.expect("a new directory").closer().close().await;
    assert_eq!((mode(&made), mode(&made.join("raft.redb"))), (0o700, 0o600));
    // What was there is as somebody wanted it.
    std::fs::set_permissions(&made, std::fs::Permissions::from_mode(0o750)).expect("it is changed");
    std::fs::remove_file(made.join("raft.redb")).expect("it is there");
    open(&made).await.expect("a new file").closer().close().await;
    assert_eq!((mode(&made), mode(&made.join("raft.redb"))), (0o750, 0o600));
    assert_ne!(mode(&above), 0o700);
}

#[tokio::test]
async fn a_directory_that_can_not_be_made_is_an_error() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("file"), b"").expect("a file");
    let opened = open(&dir.path().join("file/below")).await;
    assert!(matches!(opened, Err(OpenError::Io { .. })));
}

#[tokio::test]
async fn a_simulated_disk_keeps_what_was_synced_and_the_raft_id() {
    let host = Host::current();
    let disk = SimDisk::default();
    let (first, store, snapshots) = disk.open(&host, &NodeId::from("a"));
    let node = TestNode::start(1, &Wires::default(), store, snapshots).await;
    node.raft.initialize(nodes([1])).await.expect("a first leader");
    assert!(node.leads(Duration::from_secs(5)).await);
    node.write(genesis()).await;
    let (second, store, snapshots) = disk.open(&host, &NodeId::from("a"));
    node.stop().await;
    assert_eq!(first.raft_id, second.raft_id);
    assert!(first.incarnation < second.incarnation);
    let node = TestNode::start(1, &Wires::default(), store, snapshots).await;
    assert!(node.leads(Duration::from_secs(5)).await);
    node.write(Command::Nothing).await;
    assert!(node.published.view().cluster.is_some());
}

#[tokio::test]
async fn a_survivor_goes_on_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let wires = Wires::default();
    let opened = open(dir.path()).await.expect("a new directory");
    let closer = opened.closer();
    let survivor = TestNode::start(1, &wires, opened.store, opened.snapshots).await;
    let mut others = Vec::new();
    for id in 2..=3 {
        let (store, snapshots) = LogStore::in_memory();
        others.push(TestNode::start(id, &wires, store, snapshots).await);
    }
    survivor.raft.initialize(nodes(1..=3)).await.expect("a first leader");
    assert!(survivor.leads(Duration::from_secs(5)).await);
    survivor.write(genesis()).await;
    for other in &others {
        other.stop().await;
    }
    survivor.stop().await;
    drop(survivor);
    closer.close().await;

    let mut opened = open(dir.path()).await.expect("it is closed");
    recover_alone(&Host::current(), 1, node(1), &mut opened.store, &opened.snapshots).await.expect("it is recovered");
    opened.closer().close().await;
    let opened = open(dir.path()).await.expect("it is closed");
    let survivor = TestNode::start(1, &wires, opened.store, opened.snapshots).await;
    assert!(survivor.leads(Duration::from_secs(5)).await);
    let cluster = survivor.published.view().cluster.clone().expect("it has begun");
    assert_eq!((&*cluster.name, Generation(cluster.generation).count()), ("test", 1));
}

#[tokio::test]
async fn a_recovery_that_is_cut_short_is_whole_or_none() {
    let (host, name, wires) = (Host::current(), NodeId::from("n1"), Wires::default());
    let before = SimDisk::default();
    let (_, store, snapshots) = before.open(&host, &name);
    let mut all = vec![TestNode::start(1, &wires, store.clone(), snapshots).await];
    for id in 2..=3 {
        let (store, snapshots) = LogStore::in_memory();
        all.push(TestNode::start(id, &wires, store, snapshots).await);
    }
    all[0].raft.initialize(nodes(1..=3)).await.expect("a first leader");
    assert!(all[0].leads(Duration::from_secs(5)).await);
    all[0].write(genesis()).await;
    // The others have it, and by now this disk as well.
    store.sync().await.expect("it is written");
    for node in all {
        node.stop().await;
    }
    let mut whole = 0;
    for writes in 0.. {
        let disk = before.copy();
        disk.dies_after(writes);
        let (_, mut store, snapshots) = disk.open(&host, &name);
        let recovered = recover_alone(&host, 1, node(1), &mut store, &snapshots).await;
        disk.dies_after(u64::MAX);
        let (_, store, snapshots) = disk.open(&host, &name);
        let survivor = TestNode::start(1, &wires, store, snapshots).await;
        let wait = survivor.raft.wait(Some(Duration::from_secs(5)));
        let knows = wait.metrics(|metrics| metrics.membership_config.voter_ids().count() > 0, "it knows who votes");
        let voters = knows.await.expect("in time").membership_config.voter_ids().count();
        if voters == 1 {
            whole += 1;
            assert!(survivor.leads(Duration::from_secs(5)).await, "after {writes} writes");
            survivor.write(Command::Nothing).await;
        } else {
            assert!(recovered.is_err() && whole == 0 && voters == 3, "after {writes} writes: {voters} voters");
        }
        let cluster = survivor.published.view().cluster.clone();
        let generations = cluster.map_or(0, |cluster| Generation(cluster.generation).count());
        assert_eq!(generations == 1, voters == 1, "after {writes} writes");
        survivor.stop().await;
        if recovered.is_ok() {
            break;
        }
    }
    assert!(whole > 1, "some were cut short");
}

#[tokio::test]
async fn who_begins_anew_keeps_nothing_but_its_name() {
    let dir = tempfile::tempdir().expect("a directory");
    let opened = open(dir.path()).await.expect("a new directory");
    let (identity, closer) = (opened.identity.clone(), opened.closer());
    let (store, snapshots) = (opened.store.clone(), opened.snapshots.clone());
    let node = TestNode::start(1, &Wires::default(), opened.store, opened.snapshots).await;
    node.raft.initialize(nodes([1])).await.expect("a first leader");
    assert!(node.leads(Duration::from_secs(5)).await);
    node.write(genesis()).await;
    node.raft.trigger().snapshot().await.expect("a snapshot is made");
    let made = node.raft.wait(Some(Duration::from_secs(5)));
    made.metrics(|metrics| metrics.snapshot.is_some(), "snapshot").await.expect("in time");
    node.stop().await;
    drop(node);
    let anew = identity.anew(&Host::current(), Joins { cluster: 7, generation: 1 << 32, seeds: vec!["a:1".into()] });
    store.begin_anew(&snapshots, &anew).await.expect("it is written");
    assert!(store.is_empty() && snapshots.current().is_none());
    closer.close().await;

    let opened = open(dir.path()).await.expect("it is closed");
    assert!(opened.store.is_empty() && opened.snapshots.current().is_none());
    assert_eq!(opened.previous, Some(anew.clone()));
    assert_eq!((opened.identity.raft_id, opened.identity.node_id), (anew.raft_id, identity.node_id));
    assert_ne!(anew.raft_id, identity.raft_id);
}
