//! What the leader does about the members: who is down, who votes, who has gone. One task does all of it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use openraft::{ChangeMembers, async_runtime::WatchReceiver as _};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::{
    Command, Leases, Member, MemberStatus, Placing, Plane, RaftNode,
    command::LeaseMillis,
    leases::Lapsed,
    placing::keeps_slots,
    plan::{Known, Living, Standing, Step},
};
use crate::{
    cluster::{
        NodeKey,
        swim::{Opinion, SealKey, SwimCommand, SwimHandle},
    },
    host::Host,
};

/// One change of the membership may take so long. What it has not done by then another round finishes.
const CHANGE: Duration = Duration::from_secs(2);

/// Who may come to vote has been heard within so many ticks: four heartbeats.
const FRESH: u32 = 16;

/// As much of the log, of that term.
type Needed = (u64, u64);

pub(crate) struct Driver {
    pub(crate) host: Host,
    pub(crate) plane: Plane,
    pub(crate) leases: Arc<Leases>,
    pub(crate) swim: SwimHandle,
    /// Whether SWIM's suspicion is enough for a node whose lease has lapsed.
    pub(crate) on_suspicion: bool,
    /// How often it looks.
    pub(crate) tick: Duration,
    /// For how long the entry of a member that is down is kept.
    pub(crate) keep_gone: Duration,
    /// Since when members are seen to be down.
    pub(crate) gone_since: HashMap<NodeKey, Instant>,
    /// Those that are about to be let go, and are granted nothing any more: once as much of the log is applied.
    pub(crate) parting: BTreeMap<NodeKey, Needed>,
    /// What it does about slots.
    pub(crate) placing: Placing,
    /// The name of the cluster that it begins, if there is none yet.
    pub(crate) cluster: Arc<str>,
    /// Whether it is to have a key for datagrams.
    pub(crate) seals: bool,
    /// How long leases are there.
    pub(crate) lease: LeaseMillis,
}

impl Driver {
    pub(crate) async fn run(mut self) {
        loop {
            tokio::select! {
                biased;
                () = self.plane.changed().notified() => {}
                () = self.host.sleep(self.tick) => {}
            }
            if self.leases.observe() {
                self.lead().await;
            } else {
                self.gone_since.clear();
                self.parting.clear();
                self.placing = Placing::default();
            }
        }
    }

    /// One round of a leader.
    async fn lead(&mut self) {
        // One that began without TLS, and was stopped and started with it, has no key yet.
        if self.plane.view().cluster.as_ref().is_none_or(|cluster| self.seals && cluster.seal.is_none()) {
            let cluster_id = self.cluster_id();
            let seal = self.seals.then(|| SealKey::new(&self.host));
            self.propose(Command::Genesis { cluster_id, name: self.cluster.clone(), lease: self.lease, seal }).await;
            return;
        }
        // Looked for anew each time: a proposal can take long, and who is heard meanwhile is not down.
        while self.leases.observe()
            && let Some((node, since)) = self.fallen().into_iter().next()
        {
            // From the moment of the proposal on it is granted nothing.
            self.leases.proposes_down(&node);
            tracing::info!(%node, "declared down");
            self.parting.remove(&node);
            if !self.propose(Command::Down { node, since: Some(since) }).await {
                break;
            }
        }
        // Those of the fallen first: nobody waits for the membership to change.
        self.place().await;
        self.bury().await;
        let Some(step) = self.known().next() else {
            self.part().await;
            return;
        };
        tracing::debug!(?step, "membership");
        // Slots are not kept waiting by who votes.
        let change = self.carry_out(step);
        tokio::pin!(change);
        loop {
            tokio::select! {
                biased;
                () = &mut change => return,
                () = self.plane.changed().notified() => {}
                () = self.host.sleep(self.tick) => {}
            }
            self.place().await;
        }
    }

    /// The id of the cluster that begins. It follows from the first entry of the log, part of which is by chance: whoever of
    /// the first voters leads begins the same one, also if another has done so before and nobody has heard of that.
    fn cluster_id(&self) -> u128 {
        let metrics = self.plane.raft().metrics();
        let metrics = metrics.borrow_watched();
        let mut hash = Sha256::new_with_prefix(b"casty cluster");
        for (id, node) in metrics.membership_config.membership().nodes() {
            hash.update(id.to_be_bytes());
            hash.update(node.begun.unwrap_or_default().to_be_bytes());
        }
        let hash = hash.finalize();
        u128::from_be_bytes(std::array::from_fn(|at| hash[at]))
    }

    /// Members that are to be declared down, and since when they are up.
    fn fallen(&self) -> Vec<(NodeKey, u64)> {
        let myself = self.plane.myself().key();
        let mut fallen = Vec::new();
        for (id, member) in self.plane.view().members.iter() {
            let node = NodeKey { id: id.clone(), incarnation: member.incarnation };
            if member.status != MemberStatus::Up || node == *myself {
                continue;
            }
            match self.leases.lapsed(&node) {
                Lapsed::No => {
                    if self.leases.silent_for(&node) > self.tick * 4 {
                        // Not the full time yet, but SWIM may begin to look.
                        let _ = self.swim.commands.try_send(SwimCommand::Doubt(node.clone()));
                    }
                }
                // What was proposed came to nothing, and it has been granted nothing since.
                _ if self.leases.is_down(&node) && !self.parting.contains_key(&node) => fallen.push((node, member.since)),
                Lapsed::Long => fallen.push((node, member.since)),
                Lapsed::Once => match self.swim.opinions.of(&node) {
                    Opinion::Down => fallen.push((node, member.since)),
                    Opinion::Suspect if self.on_suspicion => fallen.push((node, member.since)),
                    Opinion::Suspect | Opinion::Alive | Opinion::Unknown => {
                        let _ = self.swim.commands.try_send(SwimCommand::Doubt(node));
                    }
                },
            }
        }
        fallen
    }

    /// Has slots go to the nodes that are to have them.
    async fn place(&mut self) {
        let (view, leaving) = (self.plane.view(), self.plane.giving());
        for command in self.placing.next(&view, &leaving, |node| self.leases.is_down(node)) {
            tracing::debug!(%command, "placement");
            if !self.propose(command).await {
                return;
            }
        }
        if self.plane.view().index == view.index {
            // Nothing is to be done, or what was to be comes to nothing.
            self.placing.rests(view.index, leaving);
        }
    }

    /// Members that have been away for long do not come back: they are down, and others vote in their place. Entries of
    /// those that have been down for long go away.
    async fn bury(&mut self) {
        let view = self.plane.view();
        let gone = view.members.iter().filter(|(_, member)| member.status != MemberStatus::Up);
        let gone: BTreeMap<NodeKey, &Member> =
            gone.map(|(id, member)| (NodeKey { id: id.clone(), incarnation: member.incarnation }, member)).collect();
        self.gone_since.retain(|node, _| gone.contains_key(node));
        let now = self.host.now();
        let voters: BTreeSet<u64> = self.known().voters.concat_all();
        for (node, member) in gone {
            let since = *self.gone_since.entry(node.clone()).or_insert(now);
            // It may have come back while another was seen to.
            let view = self.plane.view();
            let is_so = view.current(&node).is_some_and(|now| (now.since, now.status) == (member.since, member.status));
            if !is_so || now.saturating_duration_since(since) < self.keep_gone {
                continue;
            }
            if member.status == MemberStatus::Away {
                self.leases.proposes_down(&node);
                self.propose(Command::Down { node, since: Some(member.since) }).await;
            } else if !voters.contains(&member.raft_id) {
                // A dead voter that nobody replaces keeps its seat, and with it its name.
                self.propose(Command::Forget { id: node.id }).await;
            }
        }
        self.leases.forget(|node| view.members.get(&node.id).is_none_or(|member| member.incarnation != node.incarnation));
    }

    /// Lets those go who want to and have no vote, and no slots that others could have, any more.
    async fn part(&mut self) {
        let known = self.known();
        let voters = known.voters.concat_all();
        let leaving = self.plane.leaving();
        let leases = &self.leases;
        self.parting.retain(|node, _| {
            let leaves = leaving.contains(node);
            if !leaves {
                leases.grants_again(node);
            }
            leaves
        });
        for node in leaving.clone() {
            let view = self.plane.view();
            let Some(member) = view.current(&node) else {
                self.plane.has_left(&node);
                continue;
            };
            // A new leader may not know yet of all slots that the node has.
            let keeps = !view.types.types.is_empty() && (!self.has_caught_up() || keeps_slots(&view, &node, &leaving));
            // The only voter goes once another one votes. Where nobody else is up, it does not ask.
            if voters.contains(&member.raft_id) || keeps {
                if self.parting.remove(&node).is_some() {
                    self.leases.grants_again(&node);
                }
                continue;
            }
            // From here on it is granted nothing: it may have thought better of it.
            self.leases.refuses(&node);
            let (term, written, applied) = self.log();
            let needed = self.parting.entry(node.clone()).or_insert((term, written));
            if needed.0 != term {
                *needed = (term, written);
            }
            let needed = needed.1;
            // What slots it has left, or is given by what is on its way, are others' then: it may serve them until its lease
            // has ended.
            let is_named = view.slots.iter().any(|chain| chain.0.iter().any(|config| config.has(&node)));
            if applied < needed || (is_named && self.leases.lapsed(&node) == Lapsed::No) {
                continue;
            }
            self.leases.proposes_down(&node);
            let since = Some(member.since);
            self.propose(Command::Leave { node: node.clone(), since }).await;
            self.parting.remove(&node);
            self.plane.has_left(&node);
        }
    }

    /// Whether all that former leaders had agreed on is applied here.
    fn has_caught_up(&self) -> bool {
        let metrics = self.plane.raft().metrics();
        let metrics = metrics.borrow_watched();
        metrics.last_applied.is_some_and(|applied| applied.committed_leader_id().term == metrics.current_term)
    }

    /// The term, and up to where the log is written here, and applied.
    fn log(&self) -> (u64, u64, u64) {
        let metrics = self.plane.raft().metrics();
        let metrics = metrics.borrow_watched();
        (
            metrics.current_term,
            metrics.last_log_index.unwrap_or_default(),
            metrics.last_applied.as_ref().map_or(0, |applied| applied.index),
        )
    }

    fn known(&self) -> Known {
        let metrics = self.plane.raft().metrics();
        let metrics = metrics.borrow_watched();
        let stored = &metrics.membership_config;
        let membership = stored.membership();
        let leaving = self.plane.leaving();
        let view = self.plane.view();
        let myself = self.plane.myself().raft_id();
        // Those whom a survivor of the former generation took for down are nobody in Raft.
        let members = view.members.iter().filter(|(_, member)| member.raft_id != Member::NO_RAFT_ID).map(|(id, member)| {
            let node = NodeKey { id: id.clone(), incarnation: member.incarnation };
            let state = match member.status {
                MemberStatus::Up if leaving.contains(&node) => Living::Leaving,
                MemberStatus::Up if member.raft_id == myself => Living::Up,
                // A leader that was paused, or has just been elected, knows of nobody that it lives still.
                MemberStatus::Up if !self.leases.heard_within(&node, self.tick * FRESH) => Living::Silent,
                MemberStatus::Up => Living::Up,
                MemberStatus::Away => Living::Silent,
                MemberStatus::Down => Living::Down,
            };
            Standing { raft_id: member.raft_id, state }
        });
        let index = |id: &super::LogId| id.index;
        let acknowledged: BTreeMap<u64, u64> = metrics.replication.as_ref().map_or_else(BTreeMap::new, |replication| {
            replication.iter().filter_map(|(id, matched)| Some((*id, matched.as_ref().map(index)?))).collect()
        });
        Known {
            leader: myself,
            members: members.collect(),
            voters: membership.get_joint_config().clone(),
            nodes: membership.nodes().map(|(id, _)| *id).collect(),
            made_up: membership.nodes().filter(|(_, node)| node.is_made_up()).map(|(id, _)| *id).collect(),
            first: stored.log_id().as_ref().is_some_and(|id| id.index == 0),
            settled: metrics.committed_membership_config.log_id() == stored.log_id(),
            needed: stored.log_id().as_ref().map_or(0, index),
            acknowledged,
        }
    }

    fn carry_out(&self, step: Step) -> impl Future<Output = ()> + Send + use<> {
        let (raft, plane, host) = (self.plane.raft(), self.plane.clone(), self.host.clone());
        let change = async move {
            match step {
                Step::AddLearner(raft_id) => {
                    let Some((node, member)) = plane.view().by_raft_id(raft_id).map(|(key, member)| (key, member.clone())) else {
                        return Ok(());
                    };
                    let node = RaftNode::new(node.id, member.address);
                    raft.add_learner(raft_id, node, false).await.map(drop)
                }
                Step::SetVoters(voters) => raft.change_membership(ChangeMembers::ReplaceAllVoters(voters), true).await.map(drop),
                Step::Remove(nodes) => raft.change_membership(ChangeMembers::RemoveNodes(nodes), true).await.map(drop),
            }
        };
        async move {
            match host.timeout(CHANGE, change).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "a change of the membership was refused; it is tried again"),
                Err(_) => tracing::warn!("a change of the membership is not committed within {CHANGE:?}; it is tried again"),
            }
        }
    }

    /// As the leader that this node is. If it is one no more, what it knew is of the past, and nobody else is to hear it.
    async fn propose(&self, command: Command) -> bool {
        let proposed = self.plane.propose_here(command, CHANGE).await;
        if let Err(error) = &proposed {
            tracing::warn!(%error, "a proposal of the leader came to nothing; it is made again");
        }
        proposed.is_ok()
    }
}

trait ConcatAll {
    fn concat_all(&self) -> BTreeSet<u64>;
}

impl ConcatAll for Vec<BTreeSet<u64>> {
    fn concat_all(&self) -> BTreeSet<u64> {
        self.iter().flatten().copied().collect()
    }
}
