//! What the nodes of a simulated cluster believe, for those who check it.

use std::fmt;

use openraft::{ServerState, async_runtime::WatchReceiver as _};

use super::{Cluster, node::State};
use crate::cluster::{Chain, Configuration, MemberStatus, Running, SLOTS, Stage, hash_of, kind_seed, slot_of_hash};

/// What a node believes at one moment. For the simulation's own checks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[doc(hidden)]
pub struct Inspection {
    /// Which start of the node.
    pub incarnation: u64,
    pub raft_id: u64,
    /// The cluster that it belongs to.
    pub cluster: Option<u128>,
    /// Which generation of it.
    pub generation: u64,
    pub term: u64,
    /// Whether it leads in this term.
    pub leads: bool,
    /// Who leads, as far as it knows.
    pub leader: Option<String>,
    /// The last entry that it has applied.
    pub applied: u64,
    /// The last entry that changed the members.
    pub view: u64,
    /// Whether it holds a lease.
    pub lease: bool,
    /// The raft ids of those that vote: one set, or two while that changes.
    pub voters: Vec<Vec<u64>>,
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { incarnation, term, leads, leader, applied, lease, .. } = self;
        let role = if *leads { "leads" } else { "follows" };
        let lease = if *lease { "a lease" } else { "no lease" };
        write!(f, "@{incarnation} {role} {leader:?} in term {term}, applied {applied}, {lease}")
    }
}

/// A member as one node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[doc(hidden)]
pub struct SeenMember {
    pub node: String,
    pub incarnation: u64,
    pub raft_id: u64,
    pub status: MemberStatus,
    /// The entry that gave it this status.
    pub since: u64,
}

/// What a node has of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
#[doc(hidden)]
pub struct SeenCopies {
    /// Of epochs below this one it takes nothing.
    pub sealed: u64,
    /// The newest epoch of which it has anything.
    pub newest: u64,
    /// Entities whose state it has.
    pub live: usize,
    /// The epoch of the slot's newest configuration, as the node has it.
    pub epoch: u64,
    /// And of the last full one.
    pub full: u64,
    /// It is a member of that one, and of none that followed.
    pub is_to_go: bool,
}

#[doc(hidden)]
impl Cluster {
    /// What a node that has started believes now.
    pub fn inspect(&self, node: usize) -> Option<Inspection> {
        self.with_running(node, |running| {
            let plane = running.plane();
            let metrics = plane.raft().metrics();
            let metrics = metrics.borrow_watched();
            let view = plane.view();
            let voters = metrics.membership_config.membership().get_joint_config().iter();
            Inspection {
                incarnation: plane.myself().key().incarnation.0,
                raft_id: plane.myself().raft_id(),
                cluster: view.cluster.as_ref().map(|cluster| cluster.id),
                generation: view.cluster.as_ref().map_or(0, |cluster| cluster.generation),
                term: metrics.current_term,
                leads: metrics.state == ServerState::Leader,
                leader: metrics
                    .current_leader
                    .and_then(|leader| metrics.membership_config.membership().get_node(&leader).map(|node| node.id.to_string())),
                applied: *plane.published().applied().borrow(),
                view: view.index,
                lease: running.leases().is_held(),
                voters: voters.map(|set| set.iter().copied().collect()).collect(),
            }
        })
    }

    /// All members as the node has them.
    pub fn seen_members(&self, node: usize) -> Vec<SeenMember> {
        let seen = self.with_running(node, |running| {
            let view = running.plane().view();
            let seen = view.members.iter().map(|(id, member)| SeenMember {
                node: id.to_string(),
                incarnation: member.incarnation.0,
                raft_id: member.raft_id,
                status: member.status.into(),
                since: member.since,
            });
            seen.collect()
        });
        seen.unwrap_or_default()
    }

    /// The same in words.
    pub fn members(&self, node: usize) -> Vec<String> {
        let seen = self.seen_members(node);
        seen.into_iter().map(|member| format!("{}@{} {:?}", member.node, member.incarnation, member.status)).collect()
    }

    /// Whether what the node has agreed to lets it answer for entities.
    pub fn may_serve(&self, node: usize) -> bool {
        self.with_running(node, |running| running.shards().pass().is_open()) == Some(true)
    }

    /// What that follows from: it changes with each lease.
    pub fn lease_mark(&self, node: usize) -> Option<u64> {
        self.with_running(node, |running| running.shards().pass().mark())
    }

    /// The slots whose entities the node answers for now.
    pub fn served_slots(&self, node: usize) -> Vec<u16> {
        self.with_running(node, |running| running.shards().served()).unwrap_or_default()
    }

    /// Whether the node answers for the entities of that slot now.
    pub fn serves(&self, node: usize, slot: u16) -> bool {
        self.with_running(node, |running| running.shards().answers_for(slot)) == Some(true)
    }

    /// How many slots are not on all nodes that are to have them, or were given to one that is not up, as the node has it.
    pub fn slots_on_their_way(&self, node: usize) -> usize {
        let open = self.with_running(node, |running| {
            let view = running.plane().view();
            let is_settled = |chain: &Chain| match chain.0.as_slice() {
                // With a single copy they are nowhere else.
                [config] if config.members.len() > 1 => {
                    config.stage == Stage::Full && config.members.iter().all(|member| view.is_up(member))
                }
                _ => false,
            };
            if view.slots.is_empty() { SLOTS } else { view.slots.iter().filter(|chain| !is_settled(chain)).count() }
        });
        open.unwrap_or(SLOTS)
    }

    /// Whether, of each configuration whose members may have what later ones have not, all but `sync` members are up.
    pub fn has_enough_copies(&self, node: usize, slot: u16, sync: usize) -> bool {
        let enough = self.with_running(node, |running| {
            let view = running.plane().view();
            let Some(chain) = view.slots.get(usize::from(slot)) else { return false };
            let up = |config: &Configuration| config.members.iter().filter(|member| view.is_up(member)).count();
            let enough = |config: &Configuration| up(config) + sync.min(config.members.len() - 1) >= config.members.len();
            chain.current().into_iter().chain(chain.to_seal()).all(enough)
        });
        enough == Some(true)
    }

    /// What the node has of that slot.
    pub fn copies(&self, node: usize, slot: u16) -> Option<SeenCopies> {
        let seen = self.with_running(node, |running| {
            let (sealed, newest, live) = running.shards().seen(slot)?;
            let (view, me) = (running.plane().view(), running.shards().node());
            let chain = &view.slots.get(usize::from(slot))?.0;
            let at = chain.iter().position(|config| config.stage == Stage::Full)?;
            let is_to_go = chain[at].members.contains(me) && !chain[..at].iter().any(|config| config.members.contains(me));
            Some(SeenCopies { sealed, newest, live, epoch: chain[0].epoch, full: chain[at].epoch, is_to_go })
        });
        seen.flatten()
    }

    /// The slot of an entity.
    pub fn slot_of(kind: &str, id: &str) -> u16 {
        slot_of_hash(hash_of(kind_seed(kind), id))
    }

    /// The configurations of a slot as the node has them, newest first, in words.
    pub fn configurations(&self, node: usize, slot: u16) -> Vec<String> {
        self.with_running(node, |running| configurations_here(running, slot)).unwrap_or_default()
    }

    /// The members of the slot's newest configuration as the node has it: the primary, then the backups.
    pub fn slot_members(&self, node: usize, slot: u16) -> Vec<usize> {
        let members = self.with_running(node, |running| {
            let view = running.plane().view();
            let current = view.slots.get(usize::from(slot)).and_then(|chain| chain.current());
            let number = |id: &str| id.strip_prefix("node-")?.parse().ok();
            current.map(|config| config.members.iter().filter_map(|member| number(member.id.as_str())).collect())
        });
        members.flatten().unwrap_or_default()
    }

    /// Who holds the name, in what the node has applied: a node, its incarnation, the actor.
    pub fn holder(&self, node: usize, name: &str) -> Option<(String, u64, u64)> {
        self.with_running(node, |running| {
            let entry = running.plane().published().lookup(name)?;
            Some((entry.owner.id.to_string(), entry.owner.incarnation.0, entry.actor))
        })?
    }

    /// The actors with names that live on the node: name and actor.
    pub fn named_here(&self, node: usize) -> Vec<(String, String)> {
        let Some(system) = self.started(node) else { return Vec::new() };
        let mut named: Vec<_> =
            system.named_roots().iter().filter_map(|root| Some((root.name()?.to_string(), root.id().to_string()))).collect();
        named.sort();
        named
    }

    /// Whether all nodes that run are up, agree on that, and hold leases.
    ///
    /// # Errors
    /// What is missing.
    pub fn whole(&self) -> Result<(), String> {
        let mut first = None;
        for number in (0..self.size()).filter(|number| self.is_running(*number)) {
            let Some(seen) = self.inspect(number) else {
                return Err(format!("node-{number}: {}", self.nodes[number].state()));
            };
            if !seen.lease {
                return Err(format!("node-{number} has no lease"));
            }
            for other in self.seen_members(number) {
                let running = other.node.strip_prefix("node-").and_then(|other| other.parse().ok());
                let running = running.filter(|other| self.is_running(*other));
                let is_it = running.and_then(|other| self.inspect(other)).map(|seen| seen.incarnation) == Some(other.incarnation);
                match other.status {
                    MemberStatus::Up if !is_it => return Err(format!("node-{number} takes {other:?} for alive")),
                    MemberStatus::Down | MemberStatus::Away if is_it => {
                        return Err(format!("node-{number} takes {other:?} for dead"));
                    }
                    _ => {}
                }
            }
            let up = self.seen_members(number).iter().filter(|other| other.status == MemberStatus::Up).count();
            let running = (0..self.size()).filter(|other| self.is_running(*other)).count();
            if up != running {
                return Err(format!("node-{number} knows {up} members that are up, {running} nodes run"));
            }
            let agreed = (seen.cluster, self.seen_members(number), seen.leader.clone());
            match &first {
                None => first = Some(agreed),
                Some(first) if *first != agreed => return Err(format!("node-{number} has {agreed:?}, another {first:?}")),
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn with_running<T>(&self, node: usize, look: impl FnOnce(&Running) -> T) -> Option<T> {
        let system = match &*self.nodes[node].lock() {
            State::Started(_, system) => system.clone(),
            _ => return None,
        };
        Some(look(system.cluster()?.running()))
    }
}

/// The configurations of a slot as a node has them that is not simulated, newest first, in words.
#[doc(hidden)]
pub fn configurations(cluster: &crate::Cluster, slot: u16) -> Vec<String> {
    configurations_here(cluster.running(), slot)
}

/// The slots whose entities a node answers for that is not simulated.
#[doc(hidden)]
pub fn served_slots(cluster: &crate::Cluster) -> Vec<u16> {
    cluster.running().shards().served()
}

fn configurations_here(running: &Running, slot: u16) -> Vec<String> {
    let view = running.plane().view();
    let chain = view.slots.get(usize::from(slot));
    let text = |config: &Configuration| {
        let members: Vec<_> = config.members.iter().map(ToString::to_string).collect();
        let accepted = if config.accepted { ", accepted" } else { "" };
        format!("{} {:?} {}{accepted}", config.epoch, config.stage, members.join(", "))
    };
    chain.map(|chain| chain.0.iter().map(text).collect()).unwrap_or_default()
}
