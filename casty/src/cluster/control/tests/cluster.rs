//! Several nodes in one process.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use openraft::async_runtime::WatchReceiver as _;

use super::{
    super::{
        Answer, CallError, Calls, Command, DataDir, Lane, LogStore, Machine, NameResult, Published, Raft, RaftNode, RaftServer,
        RaftTimes, Snapshots, acks::Acks, raft::start,
    },
    genesis, join, key, register,
};
use crate::{cluster::NodeId, host::Host, sync::lock};

/// Calls within the process. Who is not in the table can not be reached.
#[derive(Clone, Default)]
pub(super) struct Wires(Arc<Mutex<HashMap<NodeId, RaftServer>>>);

impl Calls for Wires {
    async fn call(&self, _: u64, to: &RaftNode, _: Lane, method: u8, body: Vec<u8>, limit: Duration) -> Result<Bytes, CallError> {
        let server = lock(&self.0).get(&to.id).cloned();
        let Some(server) = server else { return Err(CallError::Unreachable(format!("{to} is off"))) };
        match Host::current().timeout(limit, server.serve(method, &body)).await {
            Ok(answer) => answer.map(Bytes::from).map_err(CallError::Remote),
            Err(_) => Err(CallError::Failed(format!("no answer within {limit:?}"))),
        }
    }
}

pub(super) struct TestNode {
    pub(super) raft: Raft,
    pub(super) published: Published,
    id: NodeId,
    wires: Wires,
}

impl TestNode {
    pub(super) async fn start(raft_id: u64, wires: &Wires, store: LogStore, snapshots: Snapshots) -> Self {
        let times = RaftTimes {
            heartbeat: Duration::from_millis(50),
            election_min: Duration::from_millis(150),
            election_max: Duration::from_millis(300),
        };
        let (machine, published, _) = Machine::new(Host::current(), snapshots);
        let raft = start(raft_id, "test", times, (wires.clone(), Acks::new(Host::current())), store, machine)
            .await
            .expect("raft starts");
        let id = node(raft_id).id;
        lock(&wires.0).insert(id.clone(), RaftServer::new(raft.clone()));
        Self { raft, published, id, wires: wires.clone() }
    }

    /// Has a command carried out. A new leader refuses until a quorum has answered it.
    pub(super) async fn write(&self, command: Command) -> Answer {
        for _ in 0..100 {
            match self.raft.client_write(command.clone()).await {
                Ok(written) => return written.data,
                Err(error) if error.forward_to_leader().is_some() => Host::current().sleep(Duration::from_millis(20)).await,
                Err(error) => panic!("{error}"),
            }
        }
        panic!("no leader takes {command}");
    }

    pub(super) async fn stop(&self) {
        lock(&self.wires.0).remove(&self.id);
        self.raft.shutdown().await.expect("raft stops");
    }

    pub(super) async fn leads(&self, term: Duration) -> bool {
        let wait = self.raft.wait(Some(term));
        wait.metrics(|metrics| metrics.current_leader == Some(metrics.id), "leads").await.is_ok()
    }

    pub(super) async fn has_applied(&self, index: u64) {
        let mut applied = self.published.applied();
        let waited = Host::current().timeout(Duration::from_secs(5), applied.wait_for(|applied| *applied >= index)).await;
        waited.expect("within 5 s").expect("the machine lives");
    }

    pub(super) fn applied(&self) -> u64 {
        *self.published.applied().borrow()
    }
}

pub(super) fn node(raft_id: u64) -> RaftNode {
    RaftNode::new(NodeId::from(format!("n{raft_id}")), format!("n{raft_id}:1").into())
}

pub(super) fn nodes(ids: impl IntoIterator<Item = u64>) -> BTreeMap<u64, RaftNode> {
    ids.into_iter().map(|id| (id, node(id))).collect()
}

#[tokio::test]
async fn names_outlive_the_leader() {
    let wires = Wires::default();
    let mut all = Vec::new();
    for id in 1..=3 {
        let (store, snapshots) = LogStore::in_memory();
        all.push(TestNode::start(id, &wires, store, snapshots).await);
    }
    all[0].raft.initialize(nodes(1..=3)).await.expect("a first leader");
    assert!(all[0].leads(Duration::from_secs(5)).await);
    let owner = key("n2", 1);
    assert!(matches!(all[0].write(genesis()).await, Answer::Cluster { .. }));
    assert!(matches!(all[0].write(join(&owner, 2)).await, Answer::Joined { .. }));
    assert_eq!(all[0].write(register(&owner, [("x", 1)])).await, Answer::Registered(vec![NameResult::Held]));

    let gone = all.remove(0);
    gone.stop().await;
    let leader = loop {
        let leader = all[0].raft.metrics().borrow_watched().current_leader;
        match leader.and_then(|leader| all.iter().find(|node| *node.raft.node_id() == leader)) {
            Some(leader) => break leader,
            None => Host::current().sleep(Duration::from_millis(20)).await,
        }
    };
    assert_eq!(leader.write(register(&owner, [("y", 2)])).await, Answer::Registered(vec![NameResult::Held]));
    for node in &all {
        node.has_applied(leader.applied()).await;
        assert_eq!(node.published.lookup("x").map(|entry| entry.owner), Some(owner.clone()));
        assert_eq!(node.published.lookup("y").map(|entry| entry.actor), Some(2));
        assert!(node.published.view().is_up(&owner));
    }
}

#[tokio::test]
async fn a_leader_that_was_killed_comes_back_and_catches_up() {
    let wires = Wires::default();
    let host = Host::current();
    let dirs: Vec<_> = (0..3).map(|_| tempfile::tempdir().expect("a directory")).collect();
    let mut all = HashMap::new();
    let mut closers = HashMap::new();
    for (id, dir) in (1..).zip(&dirs) {
        let opened = DataDir::open(&host, dir.path(), None).await.expect("a new directory");
        closers.insert(id, opened.closer());
        all.insert(id, TestNode::start(id, &wires, opened.store, opened.snapshots).await);
    }
    all[&1].raft.initialize(nodes(1..=3)).await.expect("a first leader");
    assert!(all[&1].leads(Duration::from_secs(5)).await);
    let owner = key("n2", 1);
    all[&1].write(genesis()).await;
    all[&1].write(join(&owner, 2)).await;
    all.remove(&1).expect("it was started").stop().await;
    closers.remove(&1).expect("it was started").close().await;

    let follows = all[&2].raft.wait(Some(Duration::from_secs(5)));
    let metrics = follows.metrics(|metrics| metrics.current_leader.is_some_and(|leader| leader != 1), "a leader").await;
    let leader = metrics.expect("in time").current_leader.expect("just seen");
    all[&leader].write(register(&owner, [("x", 1)])).await;

    let opened = DataDir::open(&host, dirs[0].path(), None).await.expect("it is closed");
    let back = TestNode::start(1, &wires, opened.store, opened.snapshots).await;
    back.has_applied(all[&leader].applied()).await;
    assert_eq!(back.published.lookup("x").map(|entry| entry.owner), Some(owner));
}

#[tokio::test]
async fn calls_that_make_no_sense_are_refused() {
    let wires = Wires::default();
    let (store, snapshots) = LogStore::in_memory();
    let only = TestNode::start(1, &wires, store, snapshots).await;
    let server = RaftServer::new(only.raft.clone());
    for method in 0..=9 {
        for body in [&b""[..], b"noise", &[0xdd, 0xff, 0xff, 0xff, 0xff], &[0x91; 5000]] {
            assert!(server.serve(method, body).await.is_err(), "method {method}");
        }
    }
    only.raft.initialize(nodes([1])).await.expect("it lives");
    assert!(only.leads(Duration::from_secs(5)).await);
}
