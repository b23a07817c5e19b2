//! No lease beyond the rules: who is not up, by the newest that any node has applied, holds none; nor does anybody whom
//! no majority has reached for longer than a lease. Who goes of its own will has released all that it served: what is left
//! of its lease is nobody's business, and no more comes.

use std::time::Duration;

use casty::MemberStatus;

use super::{Held, Moment};
use crate::plan::Plan;

pub(super) struct Leases {
    /// The lease, and how long what is on its way may still take.
    limit: Duration,
    /// Since when each node has been out of reach of a majority.
    alone: Vec<Option<Duration>>,
    /// Since when each node has gone, of its own will.
    gone: Vec<Option<Duration>>,
}

impl Leases {
    pub(super) fn new(plan: &Plan) -> Self {
        Self { limit: plan.lease().mul_f64(1.05) + plan.latency, alone: vec![None; plan.nodes], gone: vec![None; plan.nodes] }
    }

    pub(super) fn check(&mut self, moment: &Moment<'_>) -> Held {
        let Some(best) = moment.best() else { return Ok(()) };
        let members = moment.cluster.seen_members(best);
        for (node, seen) in moment.started().filter(|(_, seen)| seen.lease) {
            let name = format!("node-{node}");
            let member = members.iter().find(|member| member.node == name);
            let may_be_gone = member.is_none_or(|member| member.status == MemberStatus::Away);
            if moment.faults.is_going(node) && may_be_gone {
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
        self.alone(moment)
    }

    /// Links that are cut both ways, since when they are: without a majority of any set of voters that it may count by.
    fn alone(&mut self, moment: &Moment<'_>) -> Held {
        let all: Vec<_> = moment.started().collect();
        for (node, seen) in &all {
            // As seen from this node: whom it exchanges words with, directly or through others.
            let mut near = vec![*node];
            let mut at = 0;
            while at < near.len() {
                let one = near[at];
                at += 1;
                for (other, _) in &all {
                    let linked = moment.cluster.reaches(one, *other) || moment.cluster.reaches(*other, one);
                    if !near.contains(other) && linked {
                        near.push(*other);
                    }
                }
            }
            let here = |id: &u64| all.iter().any(|(other, seen)| near.contains(other) && seen.raft_id == *id);
            let enough = |set: &Vec<u64>| set.iter().filter(|id| here(id)).count() * 2 > set.len();
            // One that is on its way into the cluster can vote, and nothing is seen of it yet.
            let unseen = (0..moment.cluster.size()).any(|other| moment.cluster.is_running(other) && moment.seen[other].is_none());
            let majority =
                unseen || near.iter().filter_map(|near| moment.seen[*near].as_ref()).any(|seen| seen.voters.iter().all(enough));
            if majority {
                self.alone[*node] = None;
                continue;
            }
            let since = *self.alone[*node].get_or_insert(moment.now);
            // What was held up on a slow link may be as late as that.
            if seen.lease && moment.now > since + self.limit {
                return Err(format!("leases: node-{node} holds one, and has been without a majority since {since:?}"));
            }
        }
        Ok(())
    }
}
