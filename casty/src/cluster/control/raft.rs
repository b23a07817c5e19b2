//! openraft, as this crate sets it up.

use std::{convert::Infallible, fmt, future::Future, sync::Arc, time::Duration};

use openraft::{AsyncRuntime, Config, OptionalSend, SnapshotPolicy, errors::Fatal};
use openraft_rt_tokio::TokioRuntime;
use rand::{Rng as _, TryRng, rngs::ThreadRng};
use serde::{Deserialize, Serialize};

use super::{
    acks::Acks,
    command::{Answer, Command},
    machine::Machine,
    network::{Calls, Network},
    store::LogStore,
};
use crate::{
    cluster::NodeId,
    host::{self, Host},
};

openraft::declare_raft_types!(
    /// The types of our Raft.
    pub(crate) TypeConfig:
        D = Command,
        R = Answer,
        NodeId = u64,
        Node = RaftNode,
        // One leader a term, as in the paper; the other kind lets a later candidate of the term take over.
        LeaderId = openraft::impls::leader_id_std::LeaderId<u64, u64>,
        AsyncRuntime = HostRuntime,
);

pub(crate) type Raft = openraft::Raft<TypeConfig, Machine>;
pub(crate) type LogId = openraft::type_config::alias::LogIdOf<TypeConfig>;
pub(super) type Entry = openraft::type_config::alias::EntryOf<TypeConfig>;
pub(super) type Vote = openraft::type_config::alias::VoteOf<TypeConfig>;
pub(crate) type Membership = openraft::Membership<u64, RaftNode>;
pub(super) type StoredMembership = openraft::type_config::alias::StoredMembershipOf<TypeConfig>;
pub(super) type SnapshotMeta = openraft::type_config::alias::SnapshotMetaOf<TypeConfig>;
pub(super) type Snapshot = openraft::type_config::alias::SnapshotOf<TypeConfig, bytes::Bytes>;

/// A node that takes part in Raft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RaftNode {
    pub(crate) id: NodeId,
    pub(crate) address: Arc<str>,
    /// Of the first voters: by chance, and the same for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) begun: Option<u64>,
}

impl RaftNode {
    pub(crate) fn new(id: NodeId, address: Arc<str>) -> Self {
        Self { id, address, begun: None }
    }

    /// In the place of a seed that has said nothing: it counts as a voter, and never votes, until the cluster has begun.
    pub(crate) fn made_up(seed: Arc<str>) -> Self {
        Self::new(NodeId::from(""), seed)
    }

    /// No node has an empty name.
    pub(crate) fn is_made_up(&self) -> bool {
        self.id.as_str().is_empty()
    }
}

impl Default for RaftNode {
    fn default() -> Self {
        Self::new(NodeId::from(""), Arc::from(""))
    }
}

impl fmt::Display for RaftNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.id, self.address)
    }
}

/// How soon a leader is missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RaftTimes {
    pub(crate) heartbeat: Duration,
    pub(crate) election_min: Duration,
    pub(crate) election_max: Duration,
}

impl RaftTimes {
    fn config(self, cluster: &str) -> Config {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
        let heartbeat = millis(self.heartbeat);
        let election_timeout_min = millis(self.election_min).max(heartbeat + 1);
        Config {
            cluster_name: cluster.into(),
            heartbeat_interval: heartbeat,
            election_timeout_min,
            election_timeout_max: millis(self.election_max).max(election_timeout_min + 1),
            // Without it, a node that was cut off comes back with a term that ends the leader's.
            enable_pre_vote: Some(true),
            // The state is in memory, so a leader that restarts has to be elected before it is sure of what is committed.
            enable_leader_restore: Some(false),
            // The time that a whole snapshot may take, not a part of one.
            install_snapshot_timeout: 30_000,
            snapshot_policy: SnapshotPolicy::LogsSinceLast(5_000),
            // A follower that is behind by more gets a snapshot, so it has to be more than a snapshot leaves behind.
            replication_lag_threshold: 8_000,
            max_in_snapshot_log_to_keep: 1_000,
            purge_batch_size: 256,
            max_payload_entries: 300,
            backoff: format!("{heartbeat}ms {}ms ...{}ms", heartbeat * 2, heartbeat * 10),
            ..Config::default()
        }
    }
}

/// Why Raft did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The times make no sense together.
    #[error("raft's times are refused: {0}")]
    Times(String),
    /// What is stored can not be read.
    #[error("raft can not start from what is stored: {0}")]
    Stored(Box<Fatal<TypeConfig>>),
}

/// Starts this node's part. The runtime that the caller is in runs all of it.
pub(crate) async fn start<C: Calls>(
    raft_id: u64,
    cluster: &str,
    times: RaftTimes,
    (calls, acks): (C, Acks),
    store: LogStore,
    machine: Machine,
) -> Result<Raft, StartError> {
    let config = times.config(cluster).validate().map_err(|error| StartError::Times(error.to_string()))?;
    Raft::new(raft_id, Arc::new(config), Network::new(calls, acks), store, machine)
        .await
        .map_err(|fatal| StartError::Stored(Box::new(fatal)))
}

/// tokio, except that the tasks of a simulated node are its host's, and so is its chance; and that no chance wakes those who
/// watch.
#[derive(Debug)]
pub(crate) struct HostRuntime(TokioRuntime);

type Tokio = TokioRuntime;

impl AsyncRuntime for HostRuntime {
    type JoinError = <Tokio as AsyncRuntime>::JoinError;
    type JoinHandle<T: OptionalSend + 'static> = <Tokio as AsyncRuntime>::JoinHandle<T>;
    type Sleep = <Tokio as AsyncRuntime>::Sleep;
    type Instant = <Tokio as AsyncRuntime>::Instant;
    type TimeoutError = <Tokio as AsyncRuntime>::TimeoutError;
    type Timeout<R, T: Future<Output = R> + OptionalSend> = <Tokio as AsyncRuntime>::Timeout<R, T>;
    type ThreadLocalRng = Chance;
    type Mpsc = <Tokio as AsyncRuntime>::Mpsc;
    type Watch = host::watch::HostWatch;
    type Oneshot = <Tokio as AsyncRuntime>::Oneshot;
    type Mutex<T: OptionalSend + 'static> = <Tokio as AsyncRuntime>::Mutex<T>;

    fn spawn<T>(future: T) -> Self::JoinHandle<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        match host::polled() {
            Some(host) => host.spawn(future),
            None => Tokio::spawn(future),
        }
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        Tokio::sleep(duration)
    }

    fn sleep_until(deadline: Self::Instant) -> Self::Sleep {
        Tokio::sleep_until(deadline)
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(duration: Duration, future: F) -> Self::Timeout<R, F> {
        Tokio::timeout(duration, future)
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(deadline: Self::Instant, future: F) -> Self::Timeout<R, F> {
        Tokio::timeout_at(deadline, future)
    }

    fn is_panic(join_error: &Self::JoinError) -> bool {
        Tokio::is_panic(join_error)
    }

    fn thread_rng() -> Self::ThreadLocalRng {
        match host::polled() {
            Some(host) => Chance::Simulated(host),
            None => Chance::Thread(rand::rng()),
        }
    }

    fn new(threads: usize) -> Self {
        Self(Tokio::new(threads))
    }

    fn block_on<F, T>(&mut self, future: F) -> T
    where
        F: Future<Output = T>,
    {
        self.0.block_on(future)
    }
}

/// Random numbers for election timeouts.
pub(crate) enum Chance {
    Thread(ThreadRng),
    Simulated(Host),
}

impl TryRng for Chance {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        // The upper half of a number with 64 bits fits.
        self.try_next_u64().map(|number| (number >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(match self {
            Self::Thread(rng) => rng.next_u64(),
            Self::Simulated(host) => host.random(),
        })
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Infallible> {
        for chunk in into.chunks_mut(8) {
            let bytes = self.try_next_u64()?.to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
        Ok(())
    }
}
