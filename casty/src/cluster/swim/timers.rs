//! Foca's timers, in the order in which they are due.

use std::{cmp::Ordering, collections::BinaryHeap, time::Duration};

use foca::Timer;

use super::identity::Identity;

/// A timer and its times.
#[derive(Debug)]
pub(super) struct Armed {
    pub(super) at: Duration,
    /// When it was first armed.
    pub(super) since: Duration,
    sequence: u64,
    pub(super) timer: Timer<Identity>,
}

#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Armed>,
    sequence: u64,
}

impl Timers {
    pub(super) fn arm(&mut self, at: Duration, since: Duration, timer: Timer<Identity>) {
        self.sequence += 1;
        self.heap.push(Armed { at, since, sequence: self.sequence, timer });
    }

    pub(super) fn earliest(&self) -> Option<Duration> {
        self.heap.peek().map(|armed| armed.at)
    }

    pub(super) fn pop_due(&mut self, now: Duration) -> Option<Armed> {
        if self.earliest()? <= now { self.heap.pop() } else { None }
    }

    /// Puts all off, as if time had stood still.
    pub(super) fn put_off(&mut self, by: Duration) {
        let heap = std::mem::take(&mut self.heap).into_iter();
        self.heap = heap.map(|armed| Armed { at: armed.at + by, since: armed.since + by, ..armed }).collect();
    }

    /// Whom this node itself is about to declare down.
    pub(super) fn accused(&self) -> impl Iterator<Item = &Identity> {
        self.heap.iter().filter_map(|armed| match &armed.timer {
            Timer::ChangeSuspectToDown { member_id, .. } => Some(member_id),
            _ => None,
        })
    }
}

impl PartialEq for Armed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Armed {}

impl PartialOrd for Armed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Armed {
    /// The earliest is the greatest, as the heap wants it.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}
