//! A node's side: until when it may serve.

use std::{collections::VecDeque, time::Duration};

use super::{Grant, LeaseConfig};

/// One request for a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AskId(pub(crate) u64);

/// How many requests may be without an answer; of more, the oldest are forgotten.
const OPEN: usize = 64;

/// The lease of this node, by its boot clock.
#[derive(Debug)]
pub(crate) struct Holder {
    config: LeaseConfig,
    asks: VecDeque<(AskId, Duration)>,
    next: u64,
    /// `None`: no lease.
    ends: Option<Duration>,
    /// What was granted and does not count yet: how much must be applied for that, and until when it is.
    pending: VecDeque<(u64, Duration)>,
    applied: u64,
}

impl Holder {
    pub(crate) fn new(config: LeaseConfig) -> Self {
        Self { config, asks: VecDeque::new(), next: 0, ends: None, pending: VecDeque::new(), applied: 0 }
    }

    /// A request leaves now: what is granted counts from here, not from when the answer comes.
    pub(crate) fn asked(&mut self, now: Duration) -> AskId {
        let id = AskId(self.next);
        self.next += 1;
        if self.asks.len() == OPEN {
            self.asks.pop_front();
        }
        self.asks.push_back((id, now));
        id
    }

    /// The answer to a request. One that is not known is ignored.
    /// Returns when it ends.
    pub(crate) fn granted(&mut self, ask: AskId, grant: Grant) -> Option<Duration> {
        let at = self.asks.iter().position(|(id, _)| *id == ask)?;
        let (_, asked) = self.asks.remove(at)?;
        // Nobody grants more than a lease.
        let ends = asked + grant.left.min(self.config.length);
        if self.pending.len() == OPEN {
            self.pending.pop_front();
        }
        self.pending.push_back((grant.applied, ends));
        self.applied(self.applied);
        Some(ends)
    }

    /// How much of the log this node has applied.
    pub(crate) fn applied(&mut self, index: u64) {
        self.applied = self.applied.max(index);
        let applied = self.applied;
        self.pending.retain(|(needed, ends)| {
            if *needed <= applied {
                self.ends = self.ends.max(Some(*ends));
            }
            *needed > applied
        });
    }

    /// This node learnt that it is down: what it holds, and what was granted but is still under way, ends.
    pub(crate) fn fence(&mut self) {
        self.asks.clear();
        self.pending.clear();
        self.ends = None;
    }

    /// The same, and what was applied counts for nothing: another log begins.
    pub(crate) fn begin_anew(&mut self) {
        self.fence();
        self.applied = 0;
    }

    pub(crate) fn is_held(&self, now: Duration) -> bool {
        !self.remaining(now).is_zero()
    }

    /// Until when the lease is, if it counts already.
    pub(crate) fn ends(&self) -> Option<Duration> {
        self.ends
    }

    pub(crate) fn remaining(&self, now: Duration) -> Duration {
        self.ends().map_or(Duration::ZERO, |ends| ends.saturating_sub(now))
    }

    /// Whether this node may serve nothing.
    #[cfg(test)]
    pub(crate) fn fenced(&self, now: Duration) -> bool {
        !self.is_held(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn granted(left: u32, applied: u64) -> Grant {
        Grant { left: left * MS, applied }
    }

    #[test]
    fn counts_from_the_request() {
        let mut holder = Holder::new(LeaseConfig::DEFAULT);
        let ask = holder.asked(100 * MS);
        assert!(!holder.is_held(100 * MS));
        holder.granted(ask, granted(400, 0));
        assert!(holder.is_held(499 * MS) && !holder.is_held(500 * MS));
        assert_eq!(holder.remaining(450 * MS), 50 * MS);
        // The same answer again, and one that ends earlier, change nothing.
        let ask_again = holder.asked(200 * MS);
        holder.granted(ask, granted(500, 0));
        holder.granted(ask_again, granted(100, 0));
        assert_eq!(holder.remaining(450 * MS), 50 * MS);
    }

    #[test]
    fn counts_once_as_much_is_applied_as_by_the_leader() {
        let mut holder = Holder::new(LeaseConfig::DEFAULT);
        let ask = holder.asked(100 * MS);
        holder.granted(ask, granted(400, 7));
        holder.applied(6);
        assert!(holder.fenced(110 * MS));
        holder.applied(7);
        assert!(holder.is_held(110 * MS));
    }

    #[test]
    fn a_grant_that_does_not_count_yet_takes_nothing_from_the_one_before() {
        let mut holder = Holder::new(LeaseConfig::DEFAULT);
        let (first, second) = (holder.asked(100 * MS), holder.asked(200 * MS));
        holder.granted(first, granted(400, 7));
        holder.applied(7);
        holder.granted(second, granted(400, 8));
        assert!(holder.is_held(490 * MS) && !holder.is_held(510 * MS));
        holder.applied(8);
        assert!(holder.is_held(590 * MS) && !holder.is_held(610 * MS));
    }

    #[test]
    fn more_than_a_lease_is_not_believed() {
        let mut holder = Holder::new(LeaseConfig::FAST);
        let ask = holder.asked(100 * MS);
        holder.granted(ask, granted(4_000_000, 0));
        assert_eq!(holder.remaining(100 * MS), 200 * MS);
    }

    #[test]
    fn who_is_down_holds_nothing_and_answers_under_way_count_no_more() {
        let mut holder = Holder::new(LeaseConfig::DEFAULT);
        let (first, second) = (holder.asked(100 * MS), holder.asked(110 * MS));
        holder.granted(first, granted(400, 0));
        holder.fence();
        holder.granted(second, granted(400, 0));
        assert!(holder.fenced(120 * MS));
        let third = holder.asked(130 * MS);
        holder.granted(third, granted(400, 0));
        assert!(holder.is_held(140 * MS));
    }

    #[test]
    fn unanswered_requests_do_not_pile_up() {
        let mut holder = Holder::new(LeaseConfig::DEFAULT);
        for time in 0..10_000 {
            holder.asked(time * MS);
        }
        assert_eq!(holder.asks.len(), OPEN);
    }
}
