//! No lease beyond the rules: who is not up, by the newest that any node has applied, holds none; nor does anybody whom
//! no majority has reached for longer than a lease. Who goes of its own will has released all that it served: what is left
//! of its lease is nobody's business, and no more comes.

use std::{collections::BTreeMap, time::Duration};

use casty::{MemberStatus, testkit::Inspection};

use super::{Held, Moment};
use crate::plan::Plan;

pub(super) struct Leases {
    /// The lease, and how long what is on its way may still take.
    limit: Duration,
    /// When each node was last near each voter, or near one that had been.
    heard: Vec<BTreeMap<u64, Duration>>,
    /// When the last majority was, of those who voted then, that each node may have heard of.
    majority: Vec<Duration>,
    /// Since when each node has gone, of its own will.
    gone: Vec<Option<Duration>>,
}

impl Leases {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            limit: plan.lease().mul_f64(1.05) + plan.latency,
            heard: vec![BTreeMap::new(); plan.nodes],
            majority: vec![Duration::ZERO; plan.nodes],
            gone: vec![None; plan.nodes],
        }
    }

    pub(super) fn check(&mut self, moment: &Moment<'_>) -> Held {
        if let Some(best) = moment.best() {
            self.only_members(moment, best)?;
        }
        // Two that have not started yet can be a majority.
        self.alone(moment)
    }

    fn only_members(&mut self, moment: &Moment<'_>, best: usize) -> Held {
        let members = moment.cluster.seen_members(best);
        for (node, seen) in moment.started().filter(|(_, seen)| seen.lease) {
            let name = format!("node-{node}");
            let member = members.iter().find(|member| member.node == name);
            let may_be_gone = member.is_none_or(|member| member.status == MemberStatus::Away);
            if moment.faults.has_asked_to_go(node) && may_be_gone {
                let since = *self.gone[node].get_or_insert(moment.now);
                if moment.now <= since + self.limit {
                    continue;
                }
            } else {
                self.gone[node] = None;
            }
            if !member.is_some_and(|member| member.incarnation == seen.incarnation && member.status == MemberStatus::Up) {
                return Err(format!("leases: {name} holds one, and is {member:?} by what node-{best} has applied"));
            }
        }
        Ok(())
    }

    /// Links that are cut both ways, since when they are: the last moment by which a node had heard of a majority of each set
    /// of voters that it may count by. Not all of them have to be there at one time: who is heard later was with it before.
    fn alone(&mut self, moment: &Moment<'_>) -> Held {
        let all: Vec<_> = moment.started().collect();
        // One that is on its way into the cluster can vote, and nothing is seen of it yet.
        let unseen = (0..moment.cluster.size()).any(|other| moment.cluster.is_running(other) && moment.seen[other].is_none());
        let running = (0..moment.cluster.size()).filter(|node| moment.cluster.is_running(*node));
        for node in running {
            let near = near(moment, &all, node);
            for other in near.iter().filter(|other| **other != node) {
                for (id, at) in self.heard[*other].clone() {
                    let heard = self.heard[node].entry(id).or_default();
                    *heard = at.max(*heard);
                }
            }
            for near in near.iter().filter_map(|near| moment.seen[*near].as_ref()) {
                self.heard[node].insert(near.raft_id, moment.now);
                if unseen {
                    near.voters.iter().flatten().for_each(|id| _ = self.heard[node].insert(*id, moment.now));
                }
            }
            let heard = |id: &u64| self.heard[node].get(id).copied().unwrap_or_default();
            let by_majority = |set: &Vec<u64>| {
                let mut times: Vec<_> = set.iter().map(heard).collect();
                times.sort_unstable_by(|one, other| other.cmp(one));
                times.get(set.len() / 2).copied().unwrap_or_default()
            };
            let sets = near.iter().filter_map(|near| moment.seen[*near].as_ref()).map(|seen| &seen.voters);
            let since = sets.filter_map(|voters| voters.iter().map(by_majority).min()).max().unwrap_or(moment.now);
            let since = near.iter().map(|near| self.majority[*near]).chain([since]).max().unwrap_or(since);
            self.majority[node] = since;
            // What was held up on a slow link may be as late as that.
            let holds = moment.seen[node].as_ref().is_some_and(|seen| seen.lease);
            if holds && moment.now > since + self.limit {
                return Err(format!("leases: node-{node} holds one, and has been without a majority since {since:?}"));
            }
        }
        Ok(())
    }
}

/// Whom a node exchanges words with, directly or through others.
fn near(moment: &Moment<'_>, all: &[(usize, &Inspection)], node: usize) -> Vec<usize> {
    let mut near = vec![node];
    let mut at = 0;
    while at < near.len() {
        let one = near[at];
        at += 1;
        for (other, _) in all {
            let linked = moment.cluster.reaches(one, *other) || moment.cluster.reaches(*other, one);
            if !near.contains(other) && linked {
                near.push(*other);
            }
        }
    }
    near
}
