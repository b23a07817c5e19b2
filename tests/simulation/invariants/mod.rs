//! The promises, each in a file of its own, checked throughout a run.

mod dead_go;
mod in_order;
mod leases;
mod living_stay;
mod members_agree;
mod not_handled;
mod once;
mod one_cluster;
mod one_leader;
mod one_owner;

use std::time::Duration;

use casty::testkit::{Cluster, Inspection};

use crate::{
    book::{Handled, Told},
    faults::Faults,
    plan::Plan,
};

/// What there is to see at one moment, and what happened since the last.
pub(crate) struct Moment<'a> {
    pub(crate) now: Duration,
    pub(crate) cluster: &'a Cluster,
    pub(crate) faults: &'a Faults,
    /// What each node believes, if it has started.
    pub(crate) seen: Vec<Option<Inspection>>,
    pub(crate) handled: Vec<Handled>,
    pub(crate) told: Vec<Told>,
}

impl Moment<'_> {
    /// The nodes that have started.
    pub(crate) fn started(&self) -> impl Iterator<Item = (usize, &Inspection)> {
        self.seen.iter().enumerate().filter_map(|(node, seen)| Some((node, seen.as_ref()?)))
    }

    /// Who knows most of the members.
    pub(crate) fn best(&self) -> Option<usize> {
        self.started().max_by_key(|(node, seen)| (seen.view, usize::MAX - node)).map(|(node, _)| node)
    }
}

pub(crate) type Held = Result<(), String>;

pub(crate) struct Invariants {
    dead_go: dead_go::DeadGo,
    in_order: in_order::InOrder,
    leases: leases::Leases,
    living_stay: living_stay::LivingStay,
    members_agree: members_agree::MembersAgree,
    not_handled: not_handled::NotHandled,
    once: once::Once,
    one_cluster: one_cluster::OneCluster,
    one_leader: one_leader::OneLeader,
    one_owner: one_owner::OneOwner,
    last: Vec<String>,
}

impl Invariants {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            dead_go: dead_go::DeadGo::default(),
            in_order: in_order::InOrder::default(),
            leases: leases::Leases::new(plan),
            living_stay: living_stay::LivingStay::default(),
            members_agree: members_agree::MembersAgree::default(),
            not_handled: not_handled::NotHandled::default(),
            once: once::Once::default(),
            one_cluster: one_cluster::OneCluster::default(),
            one_leader: one_leader::OneLeader::default(),
            one_owner: one_owner::OneOwner::default(),
            last: vec![String::new(); plan.nodes],
        }
    }

    pub(crate) fn check(&mut self, moment: &Moment<'_>, events: &mut Vec<String>) -> Held {
        self.write_down(moment, events);
        self.one_leader.check(moment)?;
        self.one_cluster.check(moment)?;
        self.members_agree.check(moment)?;
        self.one_owner.check(moment)?;
        self.once.check(moment)?;
        self.not_handled.check(moment)?;
        self.in_order.check(moment)?;
        self.leases.check(moment)?;
        self.living_stay.check(moment)?;
        self.dead_go.check(moment)
    }

    /// What must be so when all has come to rest.
    pub(crate) fn at_rest(&mut self, cluster: &Cluster) -> Held {
        self.one_owner.at_rest(cluster)
    }

    /// What has changed, for who reads of a failure.
    fn write_down(&mut self, moment: &Moment<'_>, events: &mut Vec<String>) {
        for (node, seen) in moment.seen.iter().enumerate() {
            let text = match seen {
                None => "not started".to_owned(),
                Some(seen) => {
                    let role = if seen.leads { "leads" } else { "follows" };
                    let members = if self.last[node].contains(&format!("view {} ", seen.view)) {
                        String::new()
                    } else {
                        moment.cluster.members(node).join(", ")
                    };
                    let lease = if seen.lease { "lease" } else { "no lease" };
                    let leader = seen.leader.as_deref().unwrap_or("nobody");
                    format!(
                        "@{} {role} {leader} in term {}, {lease}, view {} | {members}",
                        seen.incarnation, seen.term, seen.view
                    )
                }
            };
            let short = text.split('|').next().unwrap_or_default();
            if self.last[node] != short {
                events.push(format!("{:?} node-{node}: {text}", moment.now));
                self.last[node] = short.to_owned();
            }
        }
    }
}
