//! The replicated state: a pure function of the commands so far.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    command::{Answer, Command, JoinRefused, LeaseMillis, NameClaim, NameResult, Protocols},
    names::{Litter, NameEntry, Names},
};
use crate::cluster::{
    Incarnation, NodeId, NodeKey,
    placement::{Slot, SlotTable, TypeTable},
    swim::SealKey,
};

/// How many nodes that are no members any more are remembered, so that an old join of theirs is known for one.
const REMEMBERED: usize = 4096;

/// Which cluster this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cluster {
    pub(crate) id: u128,
    pub(crate) name: Arc<str>,
    /// Rises each time the cluster goes on without its majority. See [`Generation`](crate::cluster::generation::Generation).
    pub(crate) generation: u64,
    /// How long leases are. Who leads grants and awaits as long ones, whatever its own settings are.
    #[serde(default)]
    pub(crate) lease: LeaseMillis,
    /// What datagrams are sealed with, where there is no secret for that. Only members learn it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seal: Option<SealKey>,
}

/// A node of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) incarnation: Incarnation,
    pub(crate) raft_id: u64,
    pub(crate) address: Arc<str>,
    pub(crate) status: MemberStatus,
    pub(crate) protocol: Protocols,
    /// The index of the entry that gave it this status and incarnation.
    pub(crate) since: u64,
}

impl Member {
    /// Of one that has no part in Raft: it had one in a generation that is over.
    pub(super) const NO_RAFT_ID: u64 = 0;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MemberStatus {
    Up,
    /// Does not answer. It serves nothing and has no names.
    Down,
    /// Serves nothing for now.
    Away,
}

/// What a command changed, as listeners on each node get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// The cluster has begun, or has a new generation.
    Cluster(Cluster),
    /// A node serves: it is new, or back. A `Replaced` comes before if an older start of it was known.
    Up { node: NodeKey, member: Member },
    /// A node that serves has another address or other versions of the protocol.
    Moved { node: NodeKey, member: Member },
    /// A node does not answer. Its names are free, all its actors gone.
    Down { node: NodeKey },
    /// A node serves nothing for now, and keeps its names.
    Away { node: NodeKey },
    /// A node has gone in good order. Its names are free.
    Left { node: NodeKey },
    /// A start of a node has ended since a newer one joined. Its names are free. The `Up` of the newer follows.
    Replaced { node: NodeKey, by: Incarnation },
    /// A node that was down is no member any more.
    Forgotten { node: NodeKey },
    /// A start of a node that is no member, or was none of late, is over for good: its copies are gone.
    GivenUp { node: NodeKey },
    /// An actor holds a name that was free.
    NameTaken { name: Arc<str>, entry: NameEntry },
    /// An actor gave up a name. Names that go with their node are not told one by one.
    NameFreed { name: Arc<str>, owner: NodeKey, actor: u64 },
    /// Any number of names changed, and which is not known: this node was behind, and got the state as a whole.
    NamesChanged,
    /// Another type has been agreed on, or other settings for one.
    Types,
    /// These slots have other configurations than before, or theirs have come further.
    Slots(Arc<[Slot]>),
}

/// The last start of a node that is no member any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Past {
    pub(super) incarnation: Incarnation,
    /// It went in good order, and is not to come back as the same start.
    pub(super) left: bool,
    /// It was given up, and never comes back as the same start.
    #[serde(default)]
    pub(super) given_up: bool,
    pub(super) since: u64,
}

impl Past {
    /// Whether that start of the node is over for good, and what it remembered with it.
    pub(super) fn ends(&self, incarnation: Incarnation) -> bool {
        self.incarnation > incarnation || ((self.left || self.given_up) && self.incarnation == incarnation)
    }
}

/// What all nodes agree on. Clones share the names: see [`Names`].
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(super) cluster: Option<Cluster>,
    pub(super) members: Arc<BTreeMap<NodeId, Member>>,
    pub(super) past: Arc<BTreeMap<NodeId, Past>>,
    pub(super) types: Arc<TypeTable>,
    pub(super) slots: Arc<SlotTable>,
    pub(super) names: Names,
    /// Left to [`Names::sweep`].
    pub(super) litter: Litter,
}

impl State {
    /// Carries out the command at `index` of the log.
    pub(crate) fn apply(&mut self, index: u64, command: Command, changes: &mut Vec<Change>) -> Answer {
        match command {
            Command::Genesis { cluster_id, name, lease, seal } => self.genesis(cluster_id, name, lease, seal, changes),
            Command::Generation { generation } => self.new_generation(generation, changes),
            Command::Join { node, raft_id, address, protocol, takes_over, lease, returns } => {
                let member =
                    Member { incarnation: node.incarnation, raft_id, address, status: MemberStatus::Up, protocol, since: index };
                match self.join(&node, member, (takes_over, returns), lease, changes) {
                    Ok(joined) => joined,
                    Err(refused) => Answer::Refused(refused),
                }
            }
            Command::Down { node, since } if self.is_so(&node, since) => self.down(index, node, changes),
            Command::Leave { node, since } if self.is_so(&node, since) => self.leave(index, node, changes),
            Command::Down { .. } | Command::Leave { .. } => Answer::Done,
            Command::Away { node } => self.away(index, node, changes),
            Command::Forget { id } => self.forget(index, id, changes),
            Command::GiveUp { node } => self.give_up(index, node, changes),
            Command::Register { owner, names } => self.register(&owner, names, changes),
            Command::Unregister { owner, names } => self.unregister(&owner, names, changes),
            Command::Declare { types } => self.declare(&types, changes),
            Command::Settings { name, after, settings } => self.change_type(&name, after, settings, changes),
            Command::Slots { nodes, configurations } => self.begin(&nodes, configurations, changes),
            Command::Reached { node, slots } => self.reached(&node, slots, changes),
            Command::AcceptLoss { slots } => self.accept_loss(slots, changes),
            Command::Nothing => Answer::Done,
        }
    }

    fn genesis(
        &mut self,
        id: u128,
        name: Arc<str>,
        lease: LeaseMillis,
        seal: Option<SealKey>,
        changes: &mut Vec<Change>,
    ) -> Answer {
        let begins = self.cluster.is_none();
        let cluster = self.cluster.get_or_insert(Cluster { id, name, generation: 0, lease, seal: None });
        let has_new_key = cluster.seal.is_none() && seal.is_some();
        if has_new_key {
            cluster.seal = seal;
        }
        if begins || has_new_key {
            changes.push(Change::Cluster(cluster.clone()));
        }
        Answer::Cluster { cluster_id: cluster.id, name: cluster.name.clone() }
    }

    fn new_generation(&mut self, generation: u64, changes: &mut Vec<Change>) -> Answer {
        if let Some(cluster) = &mut self.cluster
            && cluster.generation < generation
        {
            cluster.generation = generation;
            changes.push(Change::Cluster(cluster.clone()));
            self.begin_generation(changes);
        }
        Answer::Done
    }

    fn join(
        &mut self,
        node: &NodeKey,
        mut new: Member,
        (takes_over, returns): (bool, bool),
        lease: LeaseMillis,
        changes: &mut Vec<Change>,
    ) -> Result<Answer, JoinRefused> {
        let cluster = self.cluster.as_ref().ok_or(JoinRefused::NoCluster)?;
        let joined = Answer::Joined { cluster_id: cluster.id, generation: cluster.generation };
        let old = self.members.get(&node.id);
        self.admit(node, &new, old, takes_over, returns)?;
        let new_lease = self.other_lease(node, lease)?;
        match old {
            Some(old) if old.incarnation == node.incarnation => {
                let is_back = old.status != MemberStatus::Up;
                if !is_back {
                    new.since = old.since;
                }
                if *old != new {
                    let (node, member) = (node.clone(), new.clone());
                    changes.push(if is_back { Change::Up { node, member } } else { Change::Moved { node, member } });
                }
            }
            Some(old) => {
                let older = NodeKey { id: node.id.clone(), incarnation: old.incarnation };
                self.names.free(&older, &mut self.litter);
                changes.push(Change::Replaced { node: older, by: node.incarnation });
                changes.push(Change::Up { node: node.clone(), member: new.clone() });
            }
            None => changes.push(Change::Up { node: node.clone(), member: new.clone() }),
        }
        if let (Some(lease), Some(cluster)) = (new_lease, &mut self.cluster) {
            cluster.lease = lease;
            changes.push(Change::Cluster(cluster.clone()));
        }
        if self.members.get(&node.id) != Some(&new) {
            Arc::make_mut(&mut self.members).insert(node.id.clone(), new);
        }
        if self.past.contains_key(&node.id) {
            Arc::make_mut(&mut self.past).remove(&node.id);
        }
        Ok(joined)
    }

    /// What the length of leases is to be from now on, if it is another one than before. That can be while no other node has a
    /// lease: when all have been stopped, and are started with other settings.
    fn other_lease(&self, node: &NodeKey, wanted: LeaseMillis) -> Result<Option<LeaseMillis>, JoinRefused> {
        let known = self.cluster.as_ref().map_or(0, |cluster| cluster.lease);
        if wanted == known || wanted == 0 {
            return Ok(None);
        }
        let is_up = |(id, member): (&NodeId, &Member)| *id != node.id && member.status == MemberStatus::Up;
        if known != 0 && (self.members.is_empty() || self.members.iter().any(is_up)) {
            return Err(JoinRefused::OtherLease(known));
        }
        Ok(Some(wanted))
    }

    /// Whether the node may be a member.
    fn admit(
        &self,
        node: &NodeKey,
        new: &Member,
        old: Option<&Member>,
        takes_over: bool,
        returns: bool,
    ) -> Result<(), JoinRefused> {
        let past = self.past.get(&node.id);
        // It may never have noticed, and what it has counts for nothing any more.
        if past.is_some_and(|past| past.given_up && past.incarnation == node.incarnation) {
            return Err(JoinRefused::GivenUp);
        }
        // A request from before it left may come late; one to come back was made when it knew that it is gone.
        if let Some(past) = past
            && (node.incarnation < past.incarnation || (past.left && !returns && node.incarnation == past.incarnation))
        {
            return Err(JoinRefused::NewerIncarnation(past.incarnation));
        }
        let Some(old) = old else { return Ok(()) };
        if old.raft_id != new.raft_id && old.status != MemberStatus::Down && !takes_over {
            return Err(JoinRefused::IdInUse { incarnation: old.incarnation, address: old.address.clone() });
        }
        // Two processes must not go by the same incarnation, so the second one takes a greater.
        let is_same_start = old.incarnation == node.incarnation && [new.raft_id, Member::NO_RAFT_ID].contains(&old.raft_id);
        if is_same_start || old.incarnation < node.incarnation {
            Ok(())
        } else {
            Err(JoinRefused::NewerIncarnation(old.incarnation))
        }
    }

    fn down(&mut self, index: u64, node: NodeKey, changes: &mut Vec<Change>) -> Answer {
        if self.turn(index, &node, MemberStatus::Down, |from| from != MemberStatus::Down) {
            self.names.free(&node, &mut self.litter);
            changes.push(Change::Down { node });
        }
        Answer::Done
    }

    fn away(&mut self, index: u64, node: NodeKey, changes: &mut Vec<Change>) -> Answer {
        if self.turn(index, &node, MemberStatus::Away, |from| from == MemberStatus::Up) {
            // Its actors have ended with it.
            self.names.free(&node, &mut self.litter);
            changes.push(Change::Away { node });
        }
        Answer::Done
    }

    fn leave(&mut self, index: u64, node: NodeKey, changes: &mut Vec<Change>) -> Answer {
        if self.current(&node).is_some() {
            self.names.free(&node, &mut self.litter);
            self.remove(index, &node, true);
            changes.push(Change::Left { node });
        }
        Answer::Done
    }

    fn forget(&mut self, index: u64, id: NodeId, changes: &mut Vec<Change>) -> Answer {
        if let Some(member) = self.members.get(&id)
            && member.status == MemberStatus::Down
        {
            let node = NodeKey { incarnation: member.incarnation, id };
            self.remove(index, &node, false);
            changes.push(Change::Forgotten { node });
        }
        Answer::Done
    }

    /// A member that is up is not given up: it may be serving. Of a node that is none, whatever is known of it by then.
    fn give_up(&mut self, index: u64, node: NodeKey, changes: &mut Vec<Change>) -> Answer {
        match self.current(&node).map(|member| member.status) {
            Some(MemberStatus::Up) => return Answer::Over(false),
            Some(MemberStatus::Down | MemberStatus::Away) => {
                let _ = self.down(index, node.clone(), changes);
                self.remove(index, &node, false);
                changes.push(Change::Forgotten { node: node.clone() });
            }
            None => {}
        }
        if let Some(other) = self.members.get(&node.id) {
            return Answer::Over(other.incarnation > node.incarnation);
        }
        if self.past.get(&node.id).is_some_and(|past| past.given_up && past.incarnation >= node.incarnation) {
            return Answer::Over(true);
        }
        let past = Arc::make_mut(&mut self.past);
        let entry = past.entry(node.id.clone()).or_insert(Past {
            incarnation: node.incarnation,
            left: false,
            given_up: true,
            since: index,
        });
        if entry.incarnation <= node.incarnation {
            (entry.incarnation, entry.given_up) = (node.incarnation, true);
            changes.push(Change::GivenUp { node });
        }
        self.forget_oldest();
        Answer::Over(true)
    }

    fn register(&mut self, owner: &NodeKey, names: Vec<NameClaim>, changes: &mut Vec<Change>) -> Answer {
        let serves = self.current(owner).is_some_and(|member| member.status == MemberStatus::Up);
        let claim = |NameClaim { name, kind, actor }| {
            if !serves {
                return NameResult::NotMember;
            }
            let entry = NameEntry { owner: owner.clone(), kind, actor };
            match self.names.take(&name, entry.clone()) {
                None => {
                    changes.push(Change::NameTaken { name, entry });
                    NameResult::Held
                }
                Some(held) if held.owner == *owner && held.actor == actor => NameResult::Held,
                Some(held) => NameResult::Taken { by: held.owner, kind: held.kind, actor: held.actor },
            }
        };
        Answer::Registered(names.into_iter().map(claim).collect())
    }

    fn unregister(&mut self, owner: &NodeKey, names: Vec<(Arc<str>, u64)>, changes: &mut Vec<Change>) -> Answer {
        for (name, actor) in names {
            if self.names.give_up(&name, owner, actor) {
                changes.push(Change::NameFreed { name, owner: owner.clone(), actor });
            }
        }
        Answer::Done
    }

    /// The member, if it is this start of the node.
    pub(super) fn current(&self, node: &NodeKey) -> Option<&Member> {
        self.members.get(&node.id).filter(|member| member.incarnation == node.incarnation)
    }

    /// Whether the member is what it became by that entry.
    fn is_so(&self, node: &NodeKey, since: Option<u64>) -> bool {
        since.is_none_or(|since| self.current(node).is_some_and(|member| member.since == since))
    }

    /// Gives this start of the node another status, if it is a member with one that may be left.
    fn turn(&mut self, index: u64, node: &NodeKey, to: MemberStatus, may: impl FnOnce(MemberStatus) -> bool) -> bool {
        let turns = self.current(node).is_some_and(|member| may(member.status));
        if turns && let Some(member) = Arc::make_mut(&mut self.members).get_mut(&node.id) {
            member.status = to;
            member.since = index;
        }
        turns
    }

    fn remove(&mut self, index: u64, node: &NodeKey, left: bool) {
        Arc::make_mut(&mut self.members).remove(&node.id);
        let past = Arc::make_mut(&mut self.past);
        past.insert(node.id.clone(), Past { incarnation: node.incarnation, left, given_up: false, since: index });
        self.forget_oldest();
    }

    /// Of those who are no members any more. Whoever was given up is remembered for longer than others.
    fn forget_oldest(&mut self) {
        if self.past.len() > REMEMBERED
            && let Some(oldest) = self.past.iter().min_by_key(|(_, past)| (past.given_up, past.since)).map(|(id, _)| id.clone())
        {
            Arc::make_mut(&mut self.past).remove(&oldest);
        }
    }

    /// What somebody who knows `self` has to be told to know `newer`. Names are not compared.
    pub(super) fn changes_to(&self, newer: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.cluster != newer.cluster
            && let Some(cluster) = &newer.cluster
        {
            changes.push(Change::Cluster(cluster.clone()));
        }
        for (id, old) in self.members.iter().filter(|(id, _)| !newer.members.contains_key(*id)) {
            let node = NodeKey { id: id.clone(), incarnation: old.incarnation };
            let left = newer.past.get(id).is_some_and(|past| past.left);
            if !left && old.status != MemberStatus::Down {
                changes.push(Change::Down { node: node.clone() });
            }
            changes.push(if left { Change::Left { node } } else { Change::Forgotten { node } });
        }
        let generation = |state: &Self| state.cluster.as_ref().map(|cluster| cluster.generation);
        // Another generation counts its entries anew, and in its eyes all but its survivor were down.
        let anew = generation(self).is_some() && generation(self) != generation(newer);
        for (id, member) in newer.members.iter() {
            compare(id, self.members.get(id), member, anew, &mut changes);
        }
        self.placement_changes_to(newer, &mut changes);
        changes.push(Change::NamesChanged);
        changes
    }
}

/// Tells what became of one member.
fn compare(id: &NodeId, old: Option<&Member>, new: &Member, anew: bool, changes: &mut Vec<Change>) {
    let key = |member: &Member| NodeKey { id: id.clone(), incarnation: member.incarnation };
    let (node, member) = (key(new), new.clone());
    let mut before = old.map(|old| old.status);
    if let Some(old) = old
        && old.incarnation != new.incarnation
    {
        changes.push(Change::Replaced { node: key(old), by: new.incarnation });
        before = None;
    }
    match (new.status, before) {
        (MemberStatus::Up, Some(MemberStatus::Up)) if !anew && old.is_some_and(|old| old.since == new.since) => {
            if old != Some(new) {
                changes.push(Change::Moved { node, member });
            }
        }
        // It has been down in between, or away.
        (MemberStatus::Up, Some(MemberStatus::Up)) => {
            changes.push(Change::Down { node: node.clone() });
            changes.push(Change::Up { node, member });
        }
        (MemberStatus::Up, _) => changes.push(Change::Up { node, member }),
        (MemberStatus::Away, Some(MemberStatus::Away)) | (MemberStatus::Down, Some(MemberStatus::Down)) => {}
        (MemberStatus::Away, Some(MemberStatus::Up)) => changes.push(Change::Away { node }),
        (MemberStatus::Away, _) => {
            changes.push(Change::Up { node: node.clone(), member });
            changes.push(Change::Away { node });
        }
        (MemberStatus::Down, Some(_)) => changes.push(Change::Down { node }),
        (MemberStatus::Down, None) => {
            changes.push(Change::Up { node: node.clone(), member });
            changes.push(Change::Down { node });
        }
    }
}
