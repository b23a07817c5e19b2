//! Raft's messages to other nodes, over calls that the transport makes.

use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use openraft::{
    OptionalSend,
    errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable},
    network::{RPCOption, RaftNetworkFactory, v2::RaftNetworkV2},
    raft::{
        AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest, TransferLeaderResponse,
        VoteRequest, VoteResponse,
    },
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    acks::Acks,
    raft::{Raft, RaftNode, Snapshot, SnapshotMeta, TypeConfig, Vote},
    snapshot::MAX_SNAPSHOT,
};
use crate::sync::lock;

/// Which of the connections to a node a call takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Lane {
    /// What is small and must not wait.
    Control,
    /// What is large.
    Bulk,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// There is no connection. The call was not made.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// The call may have arrived.
    #[error("failed: {0}")]
    Failed(String),
    /// The other end is this node.
    #[error("that is this node itself")]
    Itself,
    /// The other end goes by this node's id.
    #[error("another node at {address} goes by this node's id")]
    SameId { address: Arc<str> },
    /// The two nodes cannot be of one cluster.
    #[error("{0}")]
    Refused(String),
    /// The other node refused.
    #[error("refused: {0}")]
    Remote(String),
}

/// Calls to other nodes, as the transport makes them. A call that is dropped or late is none that a later one could be
/// taken for.
pub(crate) trait Calls: Clone + Send + Sync + 'static {
    fn call(
        &self,
        raft_id: u64,
        to: &RaftNode,
        lane: Lane,
        method: u8,
        body: Vec<u8>,
        limit: Duration,
    ) -> impl Future<Output = Result<Bytes, CallError>> + Send;
}

/// The numbers of Raft's calls. Those from 10 on are not Raft's.
pub(crate) mod method {
    pub(crate) const APPEND: u8 = 1;
    pub(crate) const VOTE: u8 = 2;
    pub(crate) const PRE_VOTE: u8 = 3;
    pub(crate) const TRANSFER_LEADER: u8 = 4;
    pub(crate) const SNAPSHOT: u8 = 5;
    /// None of Raft's has a greater one.
    pub(crate) const LAST: u8 = 9;
}

/// How many bytes of a snapshot go into one call.
const PIECE: usize = 512 * 1024;

/// At most so much is reserved for a snapshot before it is here.
const RESERVED: usize = 32 * 1024 * 1024;

/// A part of a snapshot. The last one is answered with a [`SnapshotResponse`], any other with nothing.
#[derive(Serialize, Deserialize)]
struct Piece {
    vote: Vote,
    meta: SnapshotMeta,
    /// Where it begins.
    offset: u64,
    /// How long the snapshot is.
    total: u64,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
}

/// Makes clients.
pub(crate) struct Network<C> {
    calls: C,
    acks: Acks,
}

impl<C> Network<C> {
    pub(crate) fn new(calls: C, acks: Acks) -> Self {
        Self { calls, acks }
    }
}

// Control calls do not wait for one another, and snapshots have a lane: one kind of client does for all.
impl<C: Calls> RaftNetworkFactory<TypeConfig> for Network<C> {
    type Network = Client<C>;

    async fn new_client(&mut self, raft_id: u64, node: &RaftNode) -> Client<C> {
        Client { calls: self.calls.clone(), acks: self.acks.clone(), raft_id, node: node.clone() }
    }
}

/// Sends to one node.
pub(crate) struct Client<C> {
    calls: C,
    acks: Acks,
    raft_id: u64,
    node: RaftNode,
}

impl<C: Calls> Client<C> {
    async fn call<A: DeserializeOwned>(
        &self,
        lane: Lane,
        method: u8,
        body: &impl Serialize,
        limit: Duration,
    ) -> Result<A, CallError> {
        let body = rmp_serde::to_vec_named(body).map_err(|error| CallError::Failed(error.to_string()))?;
        let answer = self.calls.call(self.raft_id, &self.node, lane, method, body, limit).await?;
        rmp_serde::from_slice(&answer).map_err(|error| CallError::Failed(format!("an answer that makes no sense: {error}")))
    }

    async fn send_snapshot(
        &self,
        vote: Vote,
        snapshot: Snapshot,
        option: &RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, CallError> {
        let Snapshot { meta, snapshot } = snapshot;
        let total = snapshot.len() as u64;
        let mut offset = 0;
        loop {
            let end = (offset + PIECE).min(snapshot.len());
            let bytes = snapshot[offset..end].to_vec();
            let piece = Piece { vote, meta: meta.clone(), offset: offset as u64, total, bytes };
            let response: Option<SnapshotResponse<TypeConfig>> =
                self.call(Lane::Bulk, method::SNAPSHOT, &piece, option.hard_ttl()).await?;
            match response {
                Some(response) => return Ok(response),
                None if end == snapshot.len() => return Err(CallError::Failed("a snapshot that was not taken whole".into())),
                None => offset = end,
            }
        }
    }
}

impl<C: Calls> RaftNetworkV2<TypeConfig> for Client<C> {
    type SnapshotData = Bytes;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RPCError<TypeConfig>> {
        // A heartbeat that is late is of no use. Entries may take longer to send and to sync than the time between two.
        let limit = if request.entries.is_empty() { option.hard_ttl() } else { option.hard_ttl() * 10 };
        let (term, asked) = (request.vote.leader_id.term, self.acks.asks());
        let answer = self.call(Lane::Control, method::APPEND, &request, limit).await.map_err(|error| rpc_error(&error))?;
        if !matches!(answer, AppendEntriesResponse::HigherVote(_)) {
            self.acks.answered(self.raft_id, term, asked);
        }
        Ok(answer)
    }

    async fn vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        self.call(Lane::Control, method::VOTE, &request, option.hard_ttl()).await.map_err(|error| rpc_error(&error))
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        self.call(Lane::Control, method::PRE_VOTE, &request, option.hard_ttl()).await.map_err(|error| rpc_error(&error))
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<TypeConfig>, RPCError<TypeConfig>> {
        self.call(Lane::Control, method::TRANSFER_LEADER, &request, option.hard_ttl()).await.map_err(|error| rpc_error(&error))
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        tokio::select! {
            biased;
            closed = cancel => Err(StreamingError::Closed(closed)),
            sent = self.send_snapshot(vote, snapshot, &option) => sent.map_err(|error| rpc_error(&error).into()),
        }
    }
}

fn rpc_error(error: &CallError) -> RPCError<TypeConfig> {
    match error {
        CallError::Failed(_) => RPCError::Network(NetworkError::new(error)),
        CallError::Unreachable(_)
        | CallError::Itself
        | CallError::SameId { .. }
        | CallError::Refused(_)
        | CallError::Remote(_) => RPCError::Unreachable(Unreachable::new(error)),
    }
}

/// Answers the calls of other nodes. Clones are handles to the same.
#[derive(Clone)]
pub(crate) struct RaftServer {
    raft: Raft,
    incoming: Arc<Mutex<Option<Incoming>>>,
}

/// A snapshot of which the first part is here.
struct Incoming {
    vote: Vote,
    meta: SnapshotMeta,
    bytes: Vec<u8>,
}

impl RaftServer {
    pub(crate) fn new(raft: Raft) -> Self {
        Self { raft, incoming: Arc::default() }
    }

    /// Answers one call.
    ///
    /// # Errors
    /// What to tell the caller, as [`CallError::Remote`].
    pub(crate) async fn serve(&self, method: u8, body: &[u8]) -> Result<Vec<u8>, String> {
        match method {
            method::APPEND => encode(&self.raft.append_entries(decode(body)?).await.map_err(text)?),
            method::VOTE => encode(&self.raft.vote(decode(body)?).await.map_err(text)?),
            method::PRE_VOTE => encode(&self.raft.pre_vote(decode(body)?).await.map_err(text)?),
            method::TRANSFER_LEADER => encode(&self.raft.handle_transfer_leader(decode(body)?).await.map_err(text)?),
            method::SNAPSHOT => match self.gather(&decode(body)?)? {
                Some((vote, snapshot)) => encode(&Some(self.raft.install_full_snapshot(vote, snapshot).await.map_err(text)?)),
                None => encode(&None::<SnapshotResponse<TypeConfig>>),
            },
            other => Err(format!("there is no method {other}")),
        }
    }

    /// The snapshot, once its last part is here.
    fn gather(&self, piece: &Piece) -> Result<Option<(Vote, Snapshot)>, String> {
        if piece.total > MAX_SNAPSHOT {
            return Err(format!("a snapshot of {} bytes is too large", piece.total));
        }
        let mut slot = lock(&self.incoming);
        if piece.offset == 0 {
            let expected = usize::try_from(piece.total).unwrap_or(usize::MAX);
            let bytes = Vec::with_capacity(expected.min(RESERVED));
            *slot = Some(Incoming { vote: piece.vote, meta: piece.meta.clone(), bytes });
        }
        let follows =
            slot.as_mut().filter(|it| it.vote == piece.vote && it.meta == piece.meta && it.bytes.len() as u64 == piece.offset);
        let Some(incoming) = follows else { return Err("a part of a snapshot without those before it".into()) };
        incoming.bytes.extend_from_slice(&piece.bytes);
        if (incoming.bytes.len() as u64) < piece.total {
            return Ok(None);
        }
        let whole = slot.take().map(|Incoming { vote, meta, bytes }| (vote, Snapshot { meta, snapshot: bytes.into() }));
        Ok(whole)
    }
}

fn encode(answer: &impl Serialize) -> Result<Vec<u8>, String> {
    rmp_serde::to_vec_named(answer).map_err(text)
}

fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    rmp_serde::from_slice(body).map_err(|error| format!("a call that makes no sense: {error}"))
}

fn text(error: impl fmt::Display) -> String {
    error.to_string()
}
