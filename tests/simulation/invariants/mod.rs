//! The promises, each in a file of its own, checked throughout a run.

mod answers_are_kept;
mod copies_stay;
mod dead_go;
mod in_order;
mod in_order_entities;
mod leases;
mod leaves_are_smooth;
mod living_stay;
mod members_agree;
mod minority_stops;
mod not_handled;
mod nothing_twice;
mod once;
mod one_at_a_time;
mod one_cluster;
mod one_leader;
mod one_owner;

use std::{fmt, time::Duration};

use casty::testkit::{Cluster, Inspection};

use crate::{
    book::{Call, Handled, Told},
    faults::Faults,
    history::{Histories, Said},
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
    pub(crate) calls: &'a [Call],
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
    answers_are_kept: answers_are_kept::AnswersAreKept,
    copies_stay: copies_stay::CopiesStay,
    dead_go: dead_go::DeadGo,
    in_order: in_order::InOrder,
    in_order_entities: in_order_entities::InOrderEntities,
    leases: leases::Leases,
    leaves_are_smooth: leaves_are_smooth::LeavesAreSmooth,
    living_stay: living_stay::LivingStay,
    members_agree: members_agree::MembersAgree,
    minority_stops: minority_stops::MinorityStops,
    not_handled: not_handled::NotHandled,
    nothing_twice: nothing_twice::NothingTwice,
    once: once::Once,
    one_at_a_time: one_at_a_time::OneAtATime,
    one_cluster: one_cluster::OneCluster,
    one_leader: one_leader::OneLeader,
    one_owner: one_owner::OneOwner,
    last: Vec<Option<Outline>>,
}

impl Invariants {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            answers_are_kept: answers_are_kept::AnswersAreKept,
            copies_stay: copies_stay::CopiesStay::new(),
            dead_go: dead_go::DeadGo::default(),
            in_order: in_order::InOrder::default(),
            in_order_entities: in_order_entities::InOrderEntities,
            leases: leases::Leases::new(plan),
            leaves_are_smooth: leaves_are_smooth::LeavesAreSmooth::new(plan),
            living_stay: living_stay::LivingStay::default(),
            members_agree: members_agree::MembersAgree::default(),
            minority_stops: minority_stops::MinorityStops::default(),
            not_handled: not_handled::NotHandled::default(),
            nothing_twice: nothing_twice::NothingTwice,
            once: once::Once::default(),
            one_at_a_time: one_at_a_time::OneAtATime::default(),
            one_cluster: one_cluster::OneCluster::default(),
            one_leader: one_leader::OneLeader::default(),
            one_owner: one_owner::OneOwner::default(),
            last: (0..plan.nodes).map(|_| None).collect(),
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
        self.leaves_are_smooth.check(moment)?;
        self.one_at_a_time.check(moment)?;
        self.copies_stay.check(moment)?;
        self.minority_stops.check(moment)?;
        self.living_stay.check(moment)?;
        self.dead_go.check(moment)
    }

    /// What must be so when all has come to rest.
    pub(crate) fn at_rest(&mut self, cluster: &Cluster, histories: &Histories, said: &Said) -> Held {
        self.one_owner.at_rest(cluster)?;
        self.one_at_a_time.at_rest(said)?;
        self.nothing_twice.at_rest(histories, said)?;
        self.in_order_entities.at_rest(histories, said)?;
        self.answers_are_kept.at_rest(histories, said)
    }

    /// What has changed, for who reads of a failure.
    fn write_down(&mut self, moment: &Moment<'_>, events: &mut Vec<String>) {
        for ((node, seen), last) in moment.seen.iter().enumerate().zip(&mut self.last) {
            let now = seen.as_ref().map(|seen| {
                let since_view = last.as_ref().filter(|last| (last.incarnation, last.view) == (seen.incarnation, seen.view));
                let members = since_view.map_or_else(|| moment.cluster.members(node), |last| last.members.clone());
                let Inspection { incarnation, view, term, leads, lease, leader, .. } = seen.clone();
                Outline { incarnation, view, term, leads, lease, leader, members }
            });
            let same = match (&now, &*last) {
                (Some(now), Some(last)) => now.says_what(last),
                (None, None) => true,
                _ => false,
            };
            if !same {
                let text = now.as_ref().map_or_else(|| "not started".to_owned(), ToString::to_string);
                events.push(format!("{:?} node-{node}: {text}", moment.now));
            }
            *last = now;
        }
    }
}

/// What is written down of a node.
struct Outline {
    incarnation: u64,
    view: u64,
    term: u64,
    leads: bool,
    lease: bool,
    leader: Option<String>,
    members: Vec<String>,
}

impl Outline {
    /// Whether it says what another one says.
    fn says_what(&self, other: &Self) -> bool {
        let what = |it: &Self| (it.incarnation, it.term, it.leads, it.lease);
        what(self) == what(other) && self.leader == other.leader && self.members == other.members
    }
}

impl fmt::Display for Outline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = if self.leads { "leads" } else { "follows" };
        let lease = if self.lease { "lease" } else { "no lease" };
        let leader = self.leader.as_deref().unwrap_or("nobody");
        let Self { incarnation, term, members, .. } = self;
        write!(f, "@{incarnation} {role} {leader} in term {term}, {lease} | {}", members.join(", "))
    }
}
