//! This node's part in the control plane: proposals that find the leader, reads that are up to date, calls that others make.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use openraft::{
    ReadPolicy,
    async_runtime::WatchReceiver as _,
    errors::{ClientWriteError, LinearizableReadError, RaftError},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{sync::Notify, time::Instant};

use super::{
    Answer, CallError, Command, Lane, Published, Raft, Seat,
    inquiry::Inquiry,
    leader::{ByLeader, Leader, Probed, Renewals, decode, encode, method},
    publish::View,
};
use crate::{
    cluster::{
        ClusterError, NodeId, NodeKey,
        myself::Myself,
        placement::{TypeNumber, TypeSettings},
        transport::{Callee, Caller, Serve},
        wire::handshake::Peer,
    },
    host::Host,
    sync::lock,
};

/// One attempt at a call of the leader.
const TRY: Duration = Duration::from_millis(2000);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(20);
/// How long a node has to answer that may only know who leads.
const GUESS: Duration = Duration::from_millis(500);

/// A node that wants to go says so again sooner than this; one that says it no more has thought better of it.
const WISH: Duration = Duration::from_secs(3);

/// Clones are handles to the same.
#[derive(Clone)]
pub(crate) struct Plane(Arc<Inner>);

struct Inner {
    host: Host,
    myself: Arc<Myself>,
    seat: Seat,
    caller: Caller,
    published: Published,
    /// Who wants to go, and when each last said so.
    leaving: Mutex<BTreeMap<NodeKey, Instant>>,
    /// Who gives its slots away, and when each last said so.
    draining: Mutex<BTreeMap<NodeKey, Instant>>,
    /// Something that the leader may have to act on.
    changed: Notify,
    renewals: Arc<dyn Renewals>,
    seeds: Vec<String>,
    inquiry: Inquiry,
}

impl Plane {
    pub(crate) fn new(
        host: Host,
        myself: Arc<Myself>,
        seat: Seat,
        caller: Caller,
        published: Published,
        renewals: Arc<dyn Renewals>,
        seeds: Vec<String>,
    ) -> Self {
        let (leaving, draining) = (Mutex::default(), Mutex::default());
        let (changed, inquiry) = (Notify::new(), Inquiry::default());
        Self(Arc::new(Inner { host, myself, seat, caller, published, leaving, draining, changed, renewals, seeds, inquiry }))
    }

    /// The instance of raft that runs here now.
    pub(crate) fn raft(&self) -> Raft {
        self.0.seat.raft()
    }

    pub(crate) fn seat(&self) -> &Seat {
        &self.0.seat
    }

    pub(crate) fn host(&self) -> &Host {
        &self.0.host
    }

    pub(crate) fn myself(&self) -> &Arc<Myself> {
        &self.0.myself
    }

    pub(crate) fn published(&self) -> &Published {
        &self.0.published
    }

    pub(crate) fn view(&self) -> Arc<View> {
        self.0.published.view()
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.0.caller
    }

    pub(super) fn leaving(&self) -> BTreeSet<NodeKey> {
        said_lately(&self.0.leaving, self.0.host.now())
    }

    /// Who is to have no slots: who wants to go, and who gives them away.
    pub(super) fn giving(&self) -> BTreeSet<NodeKey> {
        let mut giving = self.leaving();
        giving.append(&mut said_lately(&self.0.draining, self.0.host.now()));
        giving
    }

    pub(super) fn has_left(&self, node: &NodeKey) {
        lock(&self.0.leaving).remove(node);
    }

    pub(crate) fn changed(&self) -> &Notify {
        &self.0.changed
    }

    /// Who leads, as far as this node knows.
    pub(crate) fn leader(&self) -> Option<Leader> {
        let metrics = self.raft().metrics();
        let metrics = metrics.borrow_watched();
        let raft_id = metrics.current_leader?;
        let mut node = metrics.membership_config.membership().get_node(&raft_id)?.clone();
        // It may have come back at another address since it was made part of raft.
        if let Some((_, member)) = self.view().by_raft_id(raft_id) {
            node.address.clone_from(&member.address);
        }
        Some(Leader { raft_id, node })
    }

    /// Whether this node leads, as far as it knows.
    pub(crate) fn leads(&self) -> bool {
        let metrics = self.raft().metrics();
        let leader = metrics.borrow_watched().current_leader;
        leader == Some(self.0.myself.raft_id())
    }

    /// Has the cluster agree on `command`, within `limit`. Each command can be proposed twice, and may be.
    pub(crate) async fn propose(&self, command: Command, limit: Duration) -> Result<Answer, ClusterError> {
        self.at_leader(method::PROPOSE, &command, limit).await
    }

    /// Has the cluster agree on types of entities. Returns for each, in order, its number and what holds for it: that is what
    /// was declared first.
    pub(crate) async fn declare(
        &self,
        types: Vec<(Arc<str>, TypeSettings)>,
        limit: Duration,
    ) -> Result<Vec<(TypeNumber, TypeSettings)>, ClusterError> {
        let count = types.len();
        let none = |reason: &str| ClusterError::Unavailable { after: Duration::ZERO, reason: reason.into() };
        match self.propose(Command::Declare { types }, limit).await? {
            Answer::Declared(agreed) if agreed.len() == count => Ok(agreed),
            Answer::Declared(_) => Err(none("the cluster has no number left for another type of entities")),
            _ => Err(none("the leader's answer makes no sense")),
        }
    }

    /// The same as [`propose`](Self::propose), for what only this node may propose, and only while it leads.
    pub(super) async fn propose_here(&self, command: Command, limit: Duration) -> Result<Answer, String> {
        match self.0.host.timeout(limit, self.write(command)).await {
            Ok(ByLeader::Done(answer)) => Ok(answer),
            Ok(ByLeader::NotLeader(_)) => Err("this node does not lead any more".into()),
            Ok(ByLeader::Failed(why)) => Err(why),
            Err(_) => Err(format!("no majority answered within {limit:?}")),
        }
    }

    /// Waits until this node has applied all that was committed when this was called.
    pub(crate) async fn catch_up(&self, limit: Duration) -> Result<(), ClusterError> {
        let index: u64 = self.at_leader(method::READ_INDEX, &(), limit).await?;
        let this = self.clone();
        let applied = self.0.host.within(async move { this.applied(index, limit).await }).await;
        applied.unwrap_or(Err(ClusterError::ShuttingDown))
    }

    /// Waits until this node has applied the entry.
    pub(crate) async fn applied(&self, index: u64, limit: Duration) -> Result<(), ClusterError> {
        let mut applied = self.0.published.applied();
        match self.0.host.timeout(limit, applied.wait_for(|applied| *applied >= index)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(ClusterError::ShuttingDown),
            Err(_) => Err(ClusterError::Unavailable { after: limit, reason: format!("entry {index} has not come to this node") }),
        }
    }

    /// Calls whoever leads, for as long as `limit` lets it look for that.
    pub(crate) async fn at_leader<T: Serialize + DeserializeOwned + Send + 'static>(
        &self,
        method: u8,
        call: &(impl Serialize + Sync),
        limit: Duration,
    ) -> Result<T, ClusterError> {
        self.at_leader_through(None, method, call, limit).await
    }

    /// The same; `first` is asked before anybody else, and again where this node knows no leader.
    pub(crate) async fn at_leader_through<T: Serialize + DeserializeOwned + Send + 'static>(
        &self,
        first: Option<Callee>,
        method: u8,
        call: &(impl Serialize + Sync),
        limit: Duration,
    ) -> Result<T, ClusterError> {
        let body = encode(call).map_err(|reason| ClusterError::Unavailable { after: Duration::ZERO, reason })?;
        let this = self.clone();
        // Its clock is the control plane's, which ends before the last user of the node may.
        let called = self.0.host.within(async move { this.look_for_leader(first, method, &body, limit).await }).await;
        called.unwrap_or(Err(ClusterError::ShuttingDown))
    }

    async fn look_for_leader<T: Serialize + DeserializeOwned>(
        &self,
        first: Option<Callee>,
        method: u8,
        body: &[u8],
        limit: Duration,
    ) -> Result<T, ClusterError> {
        let host = &self.0.host;
        let deadline = host.now() + limit;
        let mut told: Option<Callee> = first.clone();
        loop {
            let left = deadline.saturating_duration_since(host.now());
            let was_told = told.is_some();
            let to = told.take().or_else(|| self.whom());
            let reason = match self.attempt(to.clone(), method, body, left.min(TRY)).await {
                Ok(ByLeader::Done(answer)) => {
                    self.0.inquiry.answered(to.as_ref());
                    return Ok(answer);
                }
                Ok(ByLeader::NotLeader(leader)) => {
                    self.0.inquiry.no_answer(to.as_ref(), self.leader().as_ref());
                    told = leader.map(|leader| Callee { address: leader.node.address, raft_id: Some(leader.raft_id) });
                    if told.is_some() && told != to {
                        continue_soon(host).await;
                        if host.now() < deadline {
                            continue;
                        }
                    }
                    "nobody leads".to_owned()
                }
                Ok(ByLeader::Failed(reason)) => reason,
                // Whoever it is, it is another process with this node's id.
                Err(CallError::SameId { address }) => return Err(ClusterError::NodeIdInUse { address: address.to_string() }),
                Err(error) => {
                    self.0.inquiry.no_answer(to.as_ref(), self.leader().as_ref());
                    error.to_string()
                }
            };
            if host.now() + PAUSE >= deadline {
                return Err(ClusterError::Unavailable { after: limit, reason });
            }
            host.sleep(PAUSE).await;
            // In turns: what this node knows by itself, and whom it was told to ask.
            told = if was_told { None } else { first.clone() };
        }
    }

    /// Who leads, or may know.
    fn whom(&self) -> Option<Callee> {
        let known = self.known();
        self.0.inquiry.whom(self.leader(), known.iter().map(|address| &**address).collect())
    }

    /// Where other nodes may be.
    pub(crate) fn known(&self) -> BTreeSet<Arc<str>> {
        let mut known: BTreeSet<_> = self.view().members.values().map(|member| member.address.clone()).collect();
        known.extend(self.0.seeds.iter().map(|seed| Arc::from(seed.as_str())));
        known.remove(self.0.myself.address());
        known
    }

    async fn attempt<T: Serialize + DeserializeOwned>(
        &self,
        to: Option<Callee>,
        method: u8,
        body: &[u8],
        limit: Duration,
    ) -> Result<ByLeader<T>, CallError> {
        let Some(to) = to else { return Ok(ByLeader::NotLeader(None)) };
        if to.raft_id == Some(self.0.myself.raft_id()) {
            if !self.leads() {
                return Ok(ByLeader::NotLeader(None));
            }
            let here = self.0.host.timeout(limit, self.lead(self.0.myself.key(), method, body)).await;
            let here = here.map_err(|_| CallError::Failed(format!("no majority answered within {limit:?}")))?;
            return decode(&here.map_err(CallError::Remote)?).map_err(CallError::Remote);
        }
        // Who is only to tell who leads is not waited for long.
        let limit = if to.raft_id.is_none() { limit.min(GUESS) } else { limit };
        let answer = self.0.caller.call(to, Lane::Control, method, body.to_vec(), limit).await?;
        decode(&answer).map_err(CallError::Remote)
    }

    /// Does what only the leader does, or says who leads.
    async fn lead(&self, from: &NodeKey, method: u8, body: &[u8]) -> Result<Vec<u8>, String> {
        if !self.leads() {
            return encode(&ByLeader::<()>::NotLeader(self.leader()));
        }
        match method {
            method::PROPOSE => {
                let command: Command = decode(body)?;
                let is_for_leader = matches!(command, Command::Declare { .. });
                let answer = self.write(command).await;
                if is_for_leader {
                    self.0.changed.notify_one();
                }
                encode(&answer)
            }
            method::READ_INDEX => encode(&self.read_index().await),
            method::RENEW => encode(&match self.0.renewals.renew(from, body) {
                Ok(grant) => ByLeader::Done(serde_bytes::ByteBuf::from(grant)),
                Err(why) => ByLeader::Failed(why),
            }),
            method::LEAVE => {
                let node: NodeKey = decode(body)?;
                lock(&self.0.leaving).insert(node, self.0.host.now());
                self.0.changed.notify_one();
                encode(&ByLeader::Done(()))
            }
            method::DRAIN => {
                let node: NodeKey = decode(body)?;
                lock(&self.0.draining).insert(node, self.0.host.now());
                self.0.changed.notify_one();
                let (view, giving) = (self.view(), self.giving());
                let stays = |id: &NodeId, incarnation| {
                    let node = NodeKey { id: id.clone(), incarnation };
                    view.is_up(&node) && !giving.contains(&node)
                };
                encode(&ByLeader::Done(view.members.iter().any(|(id, member)| stays(id, member.incarnation))))
            }
            method::JOIN => encode(&self.join(decode(body)?).await),
            other => Err(format!("there is no method {other}")),
        }
    }

    async fn join(&self, mut join: Command) -> ByLeader<Answer> {
        // Another process may go by this node id until its lease has ended.
        if let Command::Join { node, takes_over, .. } = &mut join {
            let view = self.view();
            let holder =
                view.members.get(&node.id).map(|member| NodeKey { id: node.id.clone(), incarnation: member.incarnation });
            let other = holder.filter(|holder| holder.incarnation < node.incarnation);
            *takes_over = other.is_some_and(|other| self.0.renewals.gives_way(&other));
        }
        let answer = self.write(join).await;
        self.0.changed.notify_one();
        answer
    }

    async fn write(&self, command: Command) -> ByLeader<Answer> {
        match self.raft().client_write(command).await {
            Ok(written) => ByLeader::Done(written.data),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(to))) => {
                let leader = to.leader_id.zip(to.leader_node).map(|(raft_id, node)| Leader { raft_id, node });
                ByLeader::NotLeader(leader)
            }
            Err(error) => ByLeader::Failed(error.to_string()),
        }
    }

    async fn read_index(&self) -> ByLeader<u64> {
        match self.raft().ensure_linearizable(ReadPolicy::ReadIndex).await {
            Ok(read) => ByLeader::Done(read.log_id().index),
            Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(to))) => {
                let leader = to.leader_id.zip(to.leader_node).map(|(raft_id, node)| Leader { raft_id, node });
                ByLeader::NotLeader(leader)
            }
            Err(error) => ByLeader::Failed(error.to_string()),
        }
    }

    fn probed(&self) -> Probed {
        let myself = &self.0.myself;
        Probed {
            node: myself.key().id.clone(),
            raft_id: myself.raft_id(),
            address: myself.address().clone(),
            cluster_id: myself.cluster_id(),
            seeds: self.0.seeds.iter().map(|seed| seed.as_str().into()).collect(),
        }
    }
}

impl Serve for Plane {
    async fn serve(self: Arc<Self>, peer: Arc<Peer>, method: u8, body: Bytes) -> Result<Vec<u8>, String> {
        self.0.caller.is_at(peer.raft_id, &peer.advertise);
        // A call from before this node's generation began, or ended.
        if let (Some(theirs), Some(ours)) = (peer.cluster_id, self.0.myself.cluster_id())
            && theirs != ours
        {
            return Err("the two nodes are not of one generation of their cluster any more".into());
        }
        let from = NodeKey { id: peer.node.clone(), incarnation: peer.incarnation };
        match method {
            ..=super::network::method::LAST => self.0.seat.server().serve(method, &body).await,
            method::PROBE => encode(&self.probed()),
            _ => self.lead(&from, method, &body).await,
        }
    }
}

/// Those who said so a short while ago.
fn said_lately(wishes: &Mutex<BTreeMap<NodeKey, Instant>>, now: Instant) -> BTreeSet<NodeKey> {
    let mut wishes = lock(wishes);
    wishes.retain(|_, said| now.saturating_duration_since(*said) < WISH);
    wishes.keys().cloned().collect()
}

async fn continue_soon(host: &Host) {
    host.sleep(Duration::from_millis(1)).await;
}
