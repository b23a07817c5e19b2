//! What goes wrong in a run.

use std::{collections::BTreeSet, time::Duration};

use casty::{
    ClusterError, MemberStatus,
    testkit::{Cluster, Running, SeenMember},
};

use crate::{
    book::Book,
    dice::Dice,
    hunt::{Flicker, Hunt},
    ledgers::{self, CHANGED},
    mortals,
    plan::Plan,
};

/// After so long nobody is about to be taken for down.
const CALM: Duration = Duration::from_secs(2);

/// The faults of a run, and what they have touched.
pub(crate) struct Faults {
    pub(crate) dice: Dice,
    pub(crate) plan: Plan,
    next: Duration,
    /// When each node was last disturbed: itself, or a link of it. While one is not well, that is now.
    disturbed: Vec<Duration>,
    failed: Vec<Option<Duration>>,
    /// Who is about to go in good order.
    going: Vec<(usize, Running<bool>)>,
    /// Whose start has asked to go, whatever came of that.
    asked: Vec<bool>,
    /// Who has left, or lost its disk, and has not come in again: it says that there is no cluster.
    ignorant: Vec<bool>,
    pub(crate) slow: bool,
    pub(crate) hunts: Vec<Hunt>,
    pub(crate) flickers: Vec<Flicker>,
    /// The types whose changes are to be on both backups, by what was said last.
    raised: BTreeSet<&'static str>,
    /// All is healed.
    over: bool,
    /// Then somebody was killed who was about to go, with all that it had.
    killed: bool,
    /// All faults so far.
    pub(crate) events: Vec<(Duration, String)>,
}

impl Faults {
    pub(crate) fn new(plan: &Plan, dice: Dice) -> Self {
        let (disturbed, failed) = (vec![Duration::ZERO; plan.nodes], vec![None; plan.nodes]);
        let (going, asked, ignorant) = (Vec::new(), vec![false; plan.nodes], vec![false; plan.nodes]);
        let (next, slow, over, events) = (Duration::ZERO, false, false, Vec::new());
        let (hunts, flickers) = (Vec::new(), Vec::new());
        Self {
            dice,
            plan: plan.clone(),
            next,
            disturbed,
            failed,
            going,
            asked,
            ignorant,
            slow,
            hunts,
            flickers,
            raised: BTreeSet::new(),
            over,
            killed: false,
            events,
        }
    }

    pub(crate) fn tell(&mut self, cluster: &Cluster, what: String) {
        self.events.push((cluster.elapsed(), what));
    }

    /// When the node was last disturbed.
    pub(crate) fn disturbed(&self, node: usize) -> Duration {
        self.disturbed[node]
    }

    /// Whether the node has asked to go, in good order, since it started.
    pub(crate) fn has_asked_to_go(&self, node: usize) -> bool {
        self.asked[node]
    }

    /// Whether all is healed.
    pub(crate) fn are_over(&self) -> bool {
        self.over
    }

    /// Whether no more copies of anything were lost at once than may be.
    pub(crate) fn were_gentle(&self) -> bool {
        self.plan.gentle && !self.killed
    }

    /// Whether anybody is about to go still.
    pub(crate) fn has_those_who_go(&self) -> bool {
        !self.going.is_empty()
    }

    /// Whether the node is about to go in good order.
    fn is_going(&self, node: usize) -> bool {
        self.going.iter().any(|(going, _)| *going == node)
    }

    /// Takes note of who is not well now.
    pub(crate) fn note(&mut self, cluster: &Cluster) {
        let now = cluster.elapsed();
        for one in 0..cluster.size() {
            self.asked[one] &= cluster.is_running(one);
            self.ignorant[one] &= cluster.inspect(one).is_none_or(|seen| seen.cluster.is_none());
            if !cluster.is_running(one) || cluster.is_paused(one) || self.slow {
                self.disturbed[one] = now;
            }
            for other in (0..cluster.size()).filter(|other| *other != one) {
                if !cluster.reaches(one, other) {
                    self.disturbed[one] = now;
                    self.disturbed[other] = now;
                }
            }
        }
    }

    /// Something goes wrong, or is put right, if it is time for that.
    pub(crate) fn strike(&mut self, cluster: &mut Cluster, book: &Book) {
        self.start_failed(cluster, book);
        self.end_those_who_went(cluster, book);
        self.hunt(cluster, book);
        self.flicker(cluster);
        if cluster.elapsed() < self.next {
            return;
        }
        self.next = cluster.elapsed() + self.dice.millis(20, self.plan.pace);
        let (one, other) = self.two(cluster.size());
        if self.plan.smooth {
            return self.come_or_go(cluster, one);
        }
        match self.dice.below(48) {
            36..40 => self.begin_hunt(cluster, book),
            46..48 => {
                let kind = CHANGED[self.dice.below(CHANGED.len())];
                self.change_settings(cluster, book, kind);
            }
            40..43 => self.flickers(cluster, one),
            // It is renewed, and the next leader has heard nothing of it.
            43 => {
                self.tell(cluster, format!("{one} loses all of its datagrams"));
                self.slow = true;
                cluster.datagrams(one, 1.0, 0.0);
            }
            44..46 => {
                let leads = |node: &usize| cluster.inspect(*node).is_some_and(|seen| seen.leads);
                if let Some(node) = (0..cluster.size()).find(leads) {
                    if self.dice.percent(60) { self.go(cluster, node) } else { self.crash(cluster, book, node) }
                }
            }
            0..4 => {
                let mut nodes: Vec<_> = (0..cluster.size()).filter(|_| self.dice.percent(40)).collect();
                nodes.truncate(cluster.size() - 1);
                self.tell(cluster, format!("{nodes:?} are cut off"));
                cluster.partition(&nodes);
            }
            4..6 => {
                self.tell(cluster, format!("nothing from {one} reaches {other}"));
                cluster.cut(one, other);
            }
            6 => {
                self.tell(cluster, format!("the link of {one} and {other} stalls"));
                cluster.stall(one, other);
            }
            7..9 => {
                let most = self.dice.millis(5, 400);
                self.tell(cluster, format!("the link of {one} and {other} takes up to {most:?}"));
                self.slow = true;
                cluster.delay(one, other, most);
            }
            9..16 => {
                self.tell(cluster, "all links are good again".into());
                cluster.heal();
            }
            16 => {
                let (loss, twice) = (self.dice.below(30) as f64 / 100.0, self.dice.below(10) as f64 / 100.0);
                self.tell(cluster, format!("{one} loses {loss} of its datagrams, and {twice} come twice"));
                self.slow |= loss > 0.05;
                cluster.datagrams(one, loss, twice);
            }
            17..21 => self.crash(cluster, book, one),
            21..26 => {
                if let Some(node) =
                    self.dice.pick(&(0..cluster.size()).filter(|node| !cluster.is_running(*node)).collect::<Vec<_>>())
                {
                    self.restart(cluster, node);
                }
            }
            26..28 => {
                self.tell(cluster, format!("{one} is paused"));
                cluster.pause(one);
            }
            32 => {
                self.tell(cluster, format!("the machine of {one} sleeps"));
                cluster.suspend(one);
            }
            33..36 => self.go(cluster, one),
            28..30 => {
                self.tell(cluster, "all that were paused go on".into());
                (0..cluster.size()).for_each(|node| cluster.resume(node));
            }
            30 => {
                let rate = 0.991 + self.dice.below(18) as f64 / 1000.0;
                self.tell(cluster, format!("the clock of {one} goes at {rate}"));
                cluster.clock_rate(one, rate);
            }
            _ => {
                let millis = self.dice.below(20_000) as i64 - 10_000;
                self.tell(cluster, format!("the day of {one} is off by {millis} ms"));
                cluster.day_offset(one, millis);
            }
        }
    }

    /// In good order, one after the other.
    fn come_or_go(&mut self, cluster: &mut Cluster, node: usize) {
        let away: Vec<_> = (0..cluster.size()).filter(|node| !cluster.is_running(*node)).collect();
        match self.dice.pick(&away) {
            Some(node) if self.dice.percent(60) => self.restart(cluster, node),
            // A majority stays.
            _ if self.can_lose(cluster, node) => self.go(cluster, node),
            _ => {}
        }
    }

    /// Somebody has the cluster agree on other settings for a type. Whatever comes of that.
    pub(crate) fn change_settings(&mut self, cluster: &mut Cluster, book: &Book, kind: &'static str) {
        let started: Vec<_> = (0..cluster.size()).filter(|node| cluster.started(*node).is_some()).collect();
        let Some(node) = self.dice.pick(&started) else { return };
        let both = self.raised.insert(kind);
        if !both {
            self.raised.remove(kind);
        }
        let backups = if both { "both backups" } else { "one backup" };
        self.tell(cluster, format!("{node} has {backups} asked of the changes of \"{kind}\""));
        self.ask_for_settings(cluster, book, node, &[kind], both);
    }

    /// The same of all types, and more of each: who takes a slot over by what is asked now would do with less than there was.
    pub(crate) fn raise_all(&mut self, cluster: &mut Cluster, book: &Book) {
        let started: Vec<_> = (0..cluster.size()).filter(|node| cluster.started(*node).is_some()).collect();
        let Some(node) = self.dice.pick(&started) else { return };
        let kinds: Vec<_> = CHANGED.into_iter().chain(mortals::KINDS).filter(|kind| !self.raised.contains(kind)).collect();
        self.raised.extend(&kinds);
        self.tell(cluster, format!("{node} has both backups asked of the changes of {kinds:?}"));
        self.ask_for_settings(cluster, book, node, &kinds, true);
    }

    fn ask_for_settings(&self, cluster: &mut Cluster, book: &Book, node: usize, kinds: &[&'static str], both: bool) {
        for kind in kinds.iter().copied() {
            let book = book.clone();
            drop(cluster.begin(node, move |system| async move {
                let cluster = system.cluster().expect("it is a node");
                let changed = ledgers::change_settings(&cluster, kind, both).await;
                if let Err(error @ ClusterError::Setting(_)) = changed {
                    book.wrong(format!("the settings of \"{kind}\" on node-{node}: {error}"));
                }
            }));
        }
    }

    fn two(&mut self, size: usize) -> (usize, usize) {
        let one = self.dice.below(size);
        (one, (one + 1 + self.dice.below(size - 1)) % size)
    }

    pub(crate) fn crash(&mut self, cluster: &mut Cluster, book: &Book, node: usize) {
        if !self.may_lose_copies(cluster) {
            return;
        }
        if !cluster.is_running(node) || (!self.plan.disks && !self.can_lose(cluster, node)) {
            return;
        }
        if self.dice.percent(40) {
            // No word leaves it.
            self.tell(cluster, format!("{node} is without power"));
            cluster.partition(&[node]);
        } else {
            self.tell(cluster, format!("{node} crashes"));
        }
        cluster.crash(node);
        book.crashed(node);
        if self.dice.percent(30) {
            self.restart(cluster, node);
        }
    }

    /// A node goes in good order: for good, or to come back.
    pub(crate) fn go(&mut self, cluster: &mut Cluster, node: usize) {
        if !self.may_lose_copies(cluster) {
            return;
        }
        if cluster.started(node).is_none() || self.is_going(node) || (!self.plan.disks && !self.can_lose(cluster, node)) {
            return;
        }
        let leaves = self.dice.percent(50) && self.may_forget(node);
        self.tell(cluster, format!("{node} {}", if leaves { "leaves" } else { "shuts down" }));
        let going = cluster.begin(node, move |system| async move {
            if leaves {
                return system.cluster().expect("it is a node").leave().await.is_ok();
            }
            system.shutdown().await;
            true
        });
        self.going.push((node, going));
        self.asked[node] = true;
    }

    /// The process of who has gone ends. Returns whose.
    fn end_those_who_went(&mut self, cluster: &mut Cluster, book: &Book) -> Vec<usize> {
        let mut gone = Vec::new();
        for (node, mut going) in std::mem::take(&mut self.going) {
            match going.take() {
                Some(true) => {
                    self.tell(cluster, format!("{node} has gone"));
                    cluster.crash(node);
                    book.crashed(node);
                    self.ignorant[node] = true;
                    gone.push(node);
                }
                Some(false) => self.tell(cluster, format!("{node} could not leave")),
                None if going.is_lost() => {}
                None => self.going.push((node, going)),
            }
        }
        gone
    }

    fn restart(&mut self, cluster: &mut Cluster, node: usize) {
        self.asked[node] = false;
        if self.plan.disks && self.dice.percent(25) && self.can_lose(cluster, node) && self.may_forget(node) {
            self.ignorant[node] = true;
            self.tell(cluster, format!("{node} starts with an empty disk"));
            cluster.restart_empty(node);
        } else {
            self.tell(cluster, format!("{node} starts"));
            cluster.restart(node);
        }
    }

    /// A node that could not start is started again after a second.
    fn start_failed(&mut self, cluster: &mut Cluster, book: &Book) {
        for node in 0..cluster.size() {
            match (cluster.failure(node), self.failed[node]) {
                (None, _) => self.failed[node] = None,
                (Some(why), None) => {
                    if !why.contains("a member already") {
                        book.wrong(format!("node-{node} does not start: {why}"));
                    }
                    self.tell(cluster, format!("{node} could not start: {why}"));
                    self.failed[node] = Some(cluster.elapsed());
                }
                (Some(_), Some(since)) if cluster.elapsed() > since + Duration::from_secs(1) => {
                    self.tell(cluster, format!("{node} starts once more"));
                    cluster.restart(node);
                }
                _ => {}
            }
        }
    }

    /// All is well again, except that one node may stay away for good. Returns whether one does.
    pub(crate) fn heal(&mut self, cluster: &mut Cluster, book: &Book) {
        self.tell(cluster, "all is healed".into());
        self.over = true;
        self.hunts.clear();
        self.flickers.clear();
        cluster.heal();
        for node in 0..cluster.size() {
            cluster.resume(node);
            cluster.datagrams(node, 0.0, 0.0);
            for other in 0..node {
                cluster.delay(node, other, self.plan.latency);
            }
        }
        self.slow = false;
        // Who still waits for others to let it go is killed, unless it is needed for a majority: it goes later.
        for (node, going) in std::mem::take(&mut self.going) {
            if !cluster.is_running(node) {
                continue;
            }
            if self.plan.disks || self.can_lose(cluster, node) {
                self.killed = true;
                cluster.crash(node);
                book.crashed(node);
            } else {
                self.going.push((node, going));
            }
        }
        let down: Vec<_> = (0..cluster.size()).filter(|node| !cluster.is_running(*node)).collect();
        // With disks, a majority has to be there.
        let stays = if self.dice.percent(40) && cluster.size() > 3 { self.dice.pick(&down) } else { None };
        for node in down {
            if Some(node) == stays && self.can_lose(cluster, usize::MAX) {
                self.tell(cluster, format!("{node} stays away"));
            } else {
                self.restart(cluster, node);
            }
        }
        self.start_failed(cluster, book);
    }

    /// Nodes that could not start, or went only now, are started again.
    pub(crate) fn nurse(&mut self, cluster: &mut Cluster, book: &Book) {
        for node in self.end_those_who_went(cluster, book) {
            self.restart(cluster, node);
        }
        self.start_failed(cluster, book);
    }

    /// Whether all copies of entities are where they are to be, so that those of one node can be lost.
    fn may_lose_copies(&self, cluster: &Cluster) -> bool {
        let started = || (0..cluster.size()).filter_map(|node| Some((cluster.inspect(node)?, node)));
        let Some((_, best)) = started().map(|(seen, node)| (seen.view, node)).max() else { return !self.plan.gentle };
        // Who has crashed counts as up until that is agreed.
        let runs = |member: &SeenMember| {
            started().any(|(seen, _)| seen.incarnation == member.incarnation && seen.raft_id == member.raft_id)
        };
        let all_run = || cluster.seen_members(best).iter().filter(|member| member.status == MemberStatus::Up).all(runs);
        // What a leader has written down and nobody knows yet may come to be agreed on later.
        let calm = |node: usize| cluster.elapsed().saturating_sub(self.disturbed[node]) > CALM;
        let all_calm = || (0..cluster.size()).filter(|node| cluster.is_running(*node)).all(calm);
        !self.plan.gentle || (self.going.is_empty() && cluster.slots_on_their_way(best) == 0 && all_run() && all_calm())
    }

    /// Whether a majority still knows of the cluster if a node does not: the others could make another one.
    fn may_forget(&self, node: usize) -> bool {
        let ignorant = self.ignorant.iter().enumerate().filter(|(other, ignorant)| **ignorant || *other == node).count();
        !self.plan.disks || ignorant * 2 < self.ignorant.len()
    }

    /// Whether the cluster can do without all that a node has: of each set of voters that anybody knows, a majority runs
    /// and stays, also if the node is just about to be one of them.
    fn can_lose(&self, cluster: &Cluster, node: usize) -> bool {
        let stays = |other: &usize| *other != node && !self.is_going(*other);
        let seen: Vec<_> = (0..cluster.size()).filter(stays).filter_map(|other| cluster.inspect(other)).collect();
        let here = |id: &u64| seen.iter().any(|seen| seen.raft_id == *id);
        let runs = node < cluster.size() && cluster.is_running(node);
        let is_enough = |set: &Vec<u64>| {
            let joins = runs && cluster.inspect(node).is_none_or(|lost| !set.contains(&lost.raft_id));
            set.iter().filter(|id| here(id)).count() * 2 > set.len() + usize::from(joins)
        };
        !seen.is_empty() && seen.iter().all(|seen| !seen.voters.is_empty() && seen.voters.iter().all(is_enough))
    }
}
