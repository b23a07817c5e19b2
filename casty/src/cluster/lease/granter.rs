//! The leader's side: leases that end at most one lease after its last quorum.

use std::{collections::HashMap, time::Duration};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Clocks, LeaseConfig};
use crate::cluster::NodeKey;

/// A lease, as the leader answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grant {
    /// What is left of the leader's last quorum and a lease. Counts from when the node asked.
    pub(crate) left: Duration,
    /// Counts only once the node has applied as much.
    pub(crate) applied: u64,
}

/// Why a node got no lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize, Deserialize)]
pub(crate) enum NoGrant {
    #[error("not the leader")]
    NotLeader,
    #[error("the leader has yet to apply the first entry of its term")]
    NotReady,
    #[error("the leader has not heard from a majority for a lease")]
    NoQuorum,
    #[error("that the node is down was proposed or applied")]
    Down,
}

/// By how much the two clocks may differ more than before without the machine having slept.
const JITTER: Duration = Duration::from_millis(5);

/// What a node grants while it leads.
#[derive(Debug)]
pub(crate) struct Granter {
    config: LeaseConfig,
    leading: Option<Leading>,
    /// How far the boot clock is ahead of the monotonic one.
    ahead: Option<Duration>,
    /// The monotonic time until which the machine may have slept since.
    parted_at: Option<Duration>,
}

/// Since when a node is granted nothing.
#[derive(Debug)]
struct Refused {
    since: Duration,
    /// That it is down, or goes, was proposed or applied.
    proposed: bool,
}

/// One term of leadership.
#[derive(Debug)]
struct Leading {
    term: u64,
    elected_at: Duration,
    ready: bool,
    /// By the monotonic clock, when what the last quorum answered was sent.
    quorum: Option<Duration>,
    /// When each node last asked, or since when its silence counts.
    renewals: HashMap<NodeKey, Duration>,
    /// When each one was last heard in earnest.
    heard: HashMap<NodeKey, Duration>,
    down: HashMap<NodeKey, Refused>,
    /// The entry that each member is up by, and the one up to which that was looked at.
    up_by: HashMap<NodeKey, u64>,
    looked_at: Option<u64>,
    /// When this leader last looked at all.
    awake: Duration,
}

impl Granter {
    pub(crate) fn new(config: LeaseConfig) -> Self {
        Self { config, leading: None, ahead: None, parted_at: None }
    }

    /// How long leases are in this cluster.
    pub(crate) fn leases_are(&mut self, config: LeaseConfig) {
        self.config = config;
    }

    /// This node leads from now on. `down` is who is so in what it has applied.
    pub(crate) fn elected(&mut self, now: Clocks, term: u64, down: impl IntoIterator<Item = NodeKey>) {
        self.notice_sleep(now);
        let half = self.config.length / 2;
        if let Some(leading) = self.leading.as_mut().filter(|leading| leading.term == term) {
            if now.boot.saturating_sub(leading.awake) > half {
                // It was this leader that was away, and what the others said meanwhile is not read yet.
                leading.renewals.values_mut().for_each(|last| *last = now.boot);
                leading.heard.clear();
            }
            leading.awake = now.boot;
            return;
        }
        self.leading = Some(Leading {
            term,
            elected_at: now.boot,
            ready: false,
            quorum: None,
            renewals: HashMap::new(),
            heard: HashMap::new(),
            down: down.into_iter().map(|node| (node, Refused { since: now.boot, proposed: true })).collect(),
            up_by: HashMap::new(),
            looked_at: None,
            awake: now.boot,
        });
    }

    /// This node leads no more.
    pub(crate) fn deposed(&mut self) {
        self.leading = None;
    }

    /// An entry of this term is applied, and so all that earlier leaders committed.
    pub(crate) fn first_entry_applied(&mut self, term: u64) {
        if let Some(leading) = self.leading.as_mut().filter(|leading| leading.term == term) {
            leading.ready = true;
        }
    }

    /// A majority, counting this node, answered what was sent to it this long ago (by the monotonic clock).
    pub(crate) fn quorum_acked(&mut self, now: Clocks, ago: Duration) {
        self.notice_sleep(now);
        let Some(sent) = now.monotonic.checked_sub(ago) else { return };
        if let Some(leading) = &mut self.leading {
            leading.quorum = leading.quorum.max(Some(sent));
        }
    }

    /// A node asks for a lease, or for more of it, whether it gets one or not.
    pub(crate) fn renewal(&mut self, now: Clocks, node: &NodeKey) {
        self.notice_sleep(now);
        if let Some(leading) = &mut self.leading {
            leading.renewals.insert(node.clone(), now.boot);
            leading.heard.insert(node.clone(), now.boot);
        }
    }

    /// To be called before `Down` is proposed, and when one is applied: the node is granted nothing from here on.
    pub(crate) fn down(&mut self, now: Clocks, node: &NodeKey) {
        self.refuse(now, node);
        if let Some(refused) = self.leading.as_mut().and_then(|leading| leading.down.get_mut(node)) {
            refused.proposed = true;
        }
    }

    /// The node is granted nothing until [`grant_again`](Self::grant_again), or for good if something is proposed of it.
    pub(crate) fn refuse(&mut self, now: Clocks, node: &NodeKey) {
        if let Some(leading) = &mut self.leading {
            leading.down.entry(node.clone()).or_insert(Refused { since: now.boot, proposed: false });
        }
    }

    /// The node may be granted leases again, unless something was proposed of it: that may come to be yet.
    pub(crate) fn grant_again(&mut self, node: &NodeKey) {
        if let Some(leading) = &mut self.leading {
            leading.down.retain(|other, refused| other != node || refused.proposed);
        }
    }

    /// Whether the members as of this entry are news. Then [`up`](Self::up) is to be called for each that is.
    pub(crate) fn is_news(&mut self, view: u64) -> bool {
        self.leading.as_mut().is_some_and(|leading| leading.looked_at.replace(view) != Some(view))
    }

    /// A node is up by the entry at `since`, as far as is applied. If that is news, it has joined: its silence counts from
    /// here, and what was proposed before is over.
    pub(crate) fn up(&mut self, now: Clocks, node: &NodeKey, since: u64) {
        let Some(leading) = &mut self.leading else { return };
        if leading.up_by.get(node) == Some(&since) {
            return;
        }
        leading.up_by.insert(node.clone(), since);
        leading.down.remove(node);
        leading.renewals.insert(node.clone(), now.boot);
    }

    /// Whether the node was proposed as down.
    pub(crate) fn is_down(&self, node: &NodeKey) -> bool {
        self.leading.as_ref().is_some_and(|leading| leading.down.contains_key(node))
    }

    /// A join of the node was applied, or it is certain that its `Down` will never be.
    #[cfg(test)]
    pub(crate) fn joined(&mut self, node: &NodeKey) {
        if let Some(leading) = &mut self.leading {
            leading.down.remove(node);
        }
    }

    /// What is left of the last quorum and a lease. `applied` is the leader's.
    pub(crate) fn grant(&mut self, now: Clocks, node: &NodeKey, applied: u64) -> Result<Grant, NoGrant> {
        self.notice_sleep(now);
        let leading = self.leading.as_ref().ok_or(NoGrant::NotLeader)?;
        if !leading.ready {
            return Err(NoGrant::NotReady);
        }
        if leading.down.contains_key(node) {
            return Err(NoGrant::Down);
        }
        // How long ago a quorum was is known by the monotonic clock, which does not count a sleep.
        let quorum = leading.quorum.filter(|quorum| self.parted_at.is_none_or(|parted| *quorum > parted));
        let slept = now.boot.saturating_sub(now.monotonic).saturating_sub(self.ahead.unwrap_or_default());
        let since = now.monotonic.saturating_sub(quorum.ok_or(NoGrant::NoQuorum)?) + slept;
        match self.config.length.checked_sub(since) {
            None | Some(Duration::ZERO) => Err(NoGrant::NoQuorum),
            Some(left) => Ok(Grant { left, applied }),
        }
    }

    /// Forgets the renewals of incarnations that are members no more.
    pub(crate) fn forget(&mut self, gone: impl Fn(&NodeKey) -> bool) {
        if let Some(leading) = &mut self.leading {
            leading.renewals.retain(|node, _| !gone(node));
            leading.heard.retain(|node, _| !gone(node));
            leading.up_by.retain(|node, _| !gone(node));
            leading.down.retain(|node, _| !gone(node));
        }
    }

    /// When a node last asked this leader, by the boot clock.
    pub(crate) fn last_renewal(&self, node: &NodeKey) -> Option<Duration> {
        self.leading.as_ref()?.renewals.get(node).copied()
    }

    /// For how long a node has not asked: if never, since the election. Zero for who does not lead.
    pub(crate) fn silent_for(&self, node: &NodeKey, now: Clocks) -> Duration {
        let Some(leading) = &self.leading else { return Duration::ZERO };
        now.boot.saturating_sub(self.last_renewal(node).unwrap_or(leading.elected_at))
    }

    /// Whether the node has asked this leader within so long: no time is forgiven here, as it is to the silent.
    pub(crate) fn heard_within(&self, node: &NodeKey, now: Clocks, limit: Duration) -> bool {
        let heard = self.leading.as_ref().and_then(|leading| leading.heard.get(node));
        heard.is_some_and(|at| now.boot.saturating_sub(*at) <= limit)
    }

    /// From when, by the boot clock, slots may be taken from nodes that have not released them: by then all leases of
    /// earlier leaders have ended.
    pub(crate) fn may_take_from(&self) -> Option<Duration> {
        Some(self.leading.as_ref()?.elected_at + self.config.ended_everywhere())
    }

    /// Whether every lease that the node may have had has ended: together with SWIM's word it may be proposed as down.
    pub(crate) fn lapsed(&self, node: &NodeKey, now: Clocks) -> bool {
        let refused = self.leading.as_ref().and_then(|leading| leading.down.get(node));
        let refused_for = refused.map_or(Duration::ZERO, |refused| now.boot.saturating_sub(refused.since));
        self.may_take_from().is_some_and(|from| now.boot >= from)
            && self.silent_for(node, now).max(refused_for) >= self.config.ended_everywhere()
    }

    /// Whether renewals have been missing for so long that the node may be proposed as down whatever SWIM says.
    pub(crate) fn lapsed_long(&self, node: &NodeKey, now: Clocks) -> bool {
        self.lapsed(node, now) && self.silent_for(node, now) >= self.config.ended_everywhere() * 4
    }

    fn notice_sleep(&mut self, now: Clocks) {
        let ahead = now.boot.saturating_sub(now.monotonic);
        let least = *self.ahead.get_or_insert(ahead);
        if ahead > least + JITTER {
            self.parted_at = Some(now.monotonic);
            self.ahead = Some(ahead);
        } else {
            self.ahead = Some(least.min(ahead));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Incarnation;

    const MS: Duration = Duration::from_millis(1);

    fn node(name: &str) -> NodeKey {
        NodeKey { id: name.into(), incarnation: Incarnation(1) }
    }

    fn at(millis: u32) -> Clocks {
        Clocks { boot: 1000 * MS + MS * millis, monotonic: MS * millis }
    }

    fn leader() -> Granter {
        let mut granter = Granter::new(LeaseConfig::DEFAULT);
        granter.elected(at(0), 1, []);
        granter.first_entry_applied(1);
        granter
    }

    #[test]
    fn a_leader_that_was_paused_has_heard_nobody() {
        let mut granter = leader();
        granter.renewal(at(100), &node("b"));
        assert!(granter.heard_within(&node("b"), at(200), 400 * MS) && !granter.heard_within(&node("c"), at(200), 400 * MS));
        granter.elected(at(100), 1, []);
        granter.elected(at(5000), 1, []);
        assert_eq!(granter.silent_for(&node("b"), at(5000)), Duration::ZERO);
        assert!(!granter.heard_within(&node("b"), at(5000), 60_000 * MS));
    }

    #[test]
    fn a_leader_that_was_paused_takes_nobody_for_silent() {
        let mut granter = leader();
        granter.renewal(at(0), &node("a"));
        for time in 1..=100 {
            granter.elected(at(time * 10), 1, []);
        }
        assert!(granter.lapsed(&node("a"), at(1000)));
        granter.elected(at(1300), 1, []);
        assert!(!granter.lapsed(&node("a"), at(1800)));
    }

    #[test]
    fn the_silence_of_a_newcomer_counts_from_its_join() {
        let mut granter = leader();
        granter.up(at(10_000), &node("late"), 7);
        assert!(!granter.lapsed(&node("late"), at(10_500)) && granter.lapsed(&node("late"), at(10_510)));
        // Looked at again, nothing is new.
        granter.up(at(10_510), &node("late"), 7);
        assert!(granter.lapsed(&node("late"), at(10_510)));
        granter.down(at(10_515), &node("late"));
        granter.up(at(10_520), &node("late"), 7);
        assert!(granter.is_down(&node("late")));
        granter.up(at(10_530), &node("late"), 9);
        assert!(!granter.is_down(&node("late")) && !granter.lapsed(&node("late"), at(10_540)));
    }

    #[test]
    fn a_grant_is_what_is_left_of_the_last_quorum_and_a_lease() {
        let mut granter = leader();
        assert_eq!(granter.grant(at(10), &node("a"), 3), Err(NoGrant::NoQuorum));
        granter.quorum_acked(at(20), 5 * MS);
        assert_eq!(granter.grant(at(115), &node("a"), 3), Ok(Grant { left: 400 * MS, applied: 3 }));
        // News of an older quorum change nothing.
        granter.quorum_acked(at(120), 120 * MS);
        assert_eq!(granter.grant(at(514), &node("a"), 3), Ok(Grant { left: MS, applied: 3 }));
        assert_eq!(granter.grant(at(515), &node("a"), 3), Err(NoGrant::NoQuorum));
    }

    #[test]
    fn nothing_before_the_first_entry_of_the_term() {
        let mut granter = leader();
        granter.elected(at(100), 2, []);
        granter.first_entry_applied(1);
        granter.quorum_acked(at(110), MS);
        assert_eq!(granter.grant(at(110), &node("a"), 3), Err(NoGrant::NotReady));
        granter.first_entry_applied(2);
        assert!(granter.grant(at(110), &node("a"), 3).is_ok());
        granter.deposed();
        assert_eq!(granter.grant(at(110), &node("a"), 3), Err(NoGrant::NotLeader));
    }

    #[test]
    fn nothing_from_the_proposal_that_a_node_is_down_until_it_joins() {
        let mut granter = leader();
        granter.quorum_acked(at(10), MS);
        granter.down(at(10), &node("a"));
        assert_eq!(granter.grant(at(10), &node("a"), 3), Err(NoGrant::Down));
        assert!(granter.grant(at(10), &node("b"), 3).is_ok());
        granter.joined(&node("a"));
        assert!(granter.grant(at(10), &node("a"), 3).is_ok());
        granter.elected(at(20), 2, [node("a")]);
        granter.first_entry_applied(2);
        assert_eq!(granter.grant(at(20), &node("a"), 3), Err(NoGrant::Down));
    }

    #[test]
    fn who_was_refused_is_granted_leases_again_unless_something_was_proposed() {
        let mut granter = leader();
        granter.quorum_acked(at(10), MS);
        let grants = |granter: &mut Granter, name| granter.grant(at(10), &node(name), 3).is_ok();
        granter.refuse(at(10), &node("a"));
        granter.refuse(at(10), &node("b"));
        granter.down(at(10), &node("b"));
        granter.refuse(at(10), &node("b"));
        assert!(!grants(&mut granter, "a") && !grants(&mut granter, "b"));
        granter.grant_again(&node("a"));
        granter.grant_again(&node("b"));
        assert!(grants(&mut granter, "a") && !grants(&mut granter, "b"));
    }

    #[test]
    fn who_is_refused_has_lapsed_once_its_last_lease_has_ended_whether_it_asks_or_not() {
        let mut granter = leader();
        for millis in (0..2000).step_by(100) {
            granter.renewal(at(millis), &node("a"));
        }
        granter.down(at(1900), &node("a"));
        granter.renewal(at(2300), &node("a"));
        granter.down(at(2300), &node("a"));
        assert!(!granter.lapsed(&node("a"), at(2409)) && granter.lapsed(&node("a"), at(2410)));
    }

    #[test]
    fn a_sleep_of_the_machine_ends_what_the_last_quorum_was_good_for() {
        let mut granter = leader();
        granter.quorum_acked(at(10), MS);
        let slept = |millis| Clocks { boot: at(millis).boot + 400 * MS, ..at(millis) };
        assert_eq!(granter.grant(slept(20), &node("a"), 3), Err(NoGrant::NoQuorum));
        // What was sent before the sleep was noticed proves nothing.
        granter.quorum_acked(slept(25), 10 * MS);
        assert_eq!(granter.grant(slept(25), &node("a"), 3), Err(NoGrant::NoQuorum));
        granter.quorum_acked(slept(30), 5 * MS);
        assert_eq!(granter.grant(slept(30), &node("a"), 3), Ok(Grant { left: 495 * MS, applied: 3 }));
    }

    #[test]
    fn silence_counts_from_the_last_renewal_or_from_the_election() {
        let mut granter = leader();
        granter.renewal(at(300), &node("a"));
        assert_eq!(granter.silent_for(&node("a"), at(500)), 200 * MS);
        assert_eq!(granter.silent_for(&node("b"), at(500)), 500 * MS);
        assert_eq!(granter.may_take_from(), Some(1510 * MS));
        assert!(!granter.lapsed(&node("b"), at(509)) && granter.lapsed(&node("b"), at(510)));
        assert!(!granter.lapsed(&node("a"), at(809)) && granter.lapsed(&node("a"), at(810)));
        assert!(!granter.lapsed_long(&node("a"), at(2339)) && granter.lapsed_long(&node("a"), at(2340)));
        granter.deposed();
        assert!(!granter.lapsed(&node("a"), at(10_000)));
    }
}
