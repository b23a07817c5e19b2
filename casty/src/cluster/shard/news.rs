//! What happens to a node's slots, told together: there are many of them, and few who want to hear.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    time::Duration,
};

use tokio::time::Instant;
use tracing::Span;

use crate::{
    cluster::{
        ClusterEvent,
        placement::{Epoch, Slot},
    },
    spans,
};

#[derive(Default)]
pub(super) struct News {
    /// Those that this node is to serve, since when, and whether who had them before is gone.
    to_serve: BTreeMap<Slot, (Instant, bool, Span)>,
    /// Those that it hands over, since when.
    to_give: BTreeMap<Slot, (Instant, Span)>,
    /// Those of which so much is gone that they are not served, and this was told.
    lost: BTreeSet<Slot>,
    taken: Taken,
    given: Taken,
    told_lost: Vec<Slot>,
}

/// Slots, and the longest that one of them took.
#[derive(Default)]
struct Taken {
    slots: Vec<Slot>,
    took: Duration,
    failover: bool,
}

impl Taken {
    fn add(&mut self, slot: Slot, took: Duration) {
        self.slots.push(slot);
        self.took = self.took.max(took);
    }
}

/// What came of one slot, for who counts.
#[derive(Debug, PartialEq)]
pub(super) struct Served {
    pub(super) took: Duration,
    pub(super) failover: bool,
}

impl News {
    /// The slot is to be served here from now on.
    pub(super) fn is_to_serve(&mut self, slot: Slot, now: Instant, failover: bool) {
        let (_, known, _) = self.to_serve.entry(slot).or_insert_with(|| (now, failover, spans::taking(slot)));
        *known |= failover;
    }

    /// It is somebody else's.
    pub(super) fn is_not_mine(&mut self, slot: Slot) {
        self.to_serve.remove(&slot);
        self.lost.remove(&slot);
    }

    /// It is served here. `None`: it was before.
    pub(super) fn serves(&mut self, slot: Slot, epoch: Epoch, now: Instant) -> Option<Served> {
        self.lost.remove(&slot);
        let (since, failover, span) = self.to_serve.remove(&slot)?;
        let took = now.saturating_duration_since(since);
        span.record("epoch", epoch);
        span.record("failover", failover);
        tracing::debug!(parent: &span, slot, epoch, ?took, failover, "a slot is served");
        self.taken.add(slot, took);
        self.taken.failover |= failover;
        Some(Served { took, failover })
    }

    pub(super) fn stops(&mut self, slot: Slot, epoch: Epoch, now: Instant) {
        self.to_give.insert(slot, (now, spans::giving(slot, epoch)));
    }

    /// It was handed over. How long that took; `None`: nobody had asked for it.
    pub(super) fn released(&mut self, slot: Slot, now: Instant) -> Option<Duration> {
        let (since, span) = self.to_give.remove(&slot)?;
        let took = now.saturating_duration_since(since);
        tracing::debug!(parent: &span, slot, ?took, "a slot is handed over");
        self.given.add(slot, took);
        Some(took)
    }

    /// So much of it is gone that it is not served. Whether that is news.
    pub(super) fn is_lost(&mut self, slot: Slot) -> bool {
        let is_new = self.lost.insert(slot);
        if is_new {
            self.told_lost.push(slot);
        }
        is_new
    }

    /// What has happened since the last time.
    pub(super) fn take(&mut self) -> Vec<ClusterEvent> {
        let mut events = Vec::new();
        if !self.taken.slots.is_empty() {
            let Taken { slots, took, failover } = mem::take(&mut self.taken);
            events.push(ClusterEvent::SlotsTaken { slots: slots.into(), took, failover });
        }
        if !self.given.slots.is_empty() {
            let Taken { slots, took, .. } = mem::take(&mut self.given);
            events.push(ClusterEvent::SlotsGiven { slots: slots.into(), took });
        }
        if !self.told_lost.is_empty() {
            events.push(ClusterEvent::StateLost { slots: mem::take(&mut self.told_lost).into() });
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;

    #[tokio::test]
    async fn slots_that_come_together_are_told_together_with_the_longest_time() {
        let (mut news, begun) = (News::default(), Host::current().now());
        let at = |millis| begun + Duration::from_millis(millis);
        news.is_to_serve(3, begun, false);
        news.is_to_serve(4, begun, true);
        news.is_to_serve(4, at(5), false);
        assert_eq!(news.serves(3, 1, at(10)), Some(Served { took: at(10) - begun, failover: false }));
        assert_eq!(news.serves(4, 1, at(30)), Some(Served { took: at(30) - begun, failover: true }));
        assert_eq!(news.serves(4, 1, at(40)), None, "it goes on");
        let taken = ClusterEvent::SlotsTaken { slots: [3, 4].into(), took: at(30) - begun, failover: true };
        assert_eq!(news.take(), [taken]);
        assert_eq!(news.take(), []);
        news.stops(3, 1, at(50));
        assert_eq!(news.released(3, at(70)), Some(at(20) - begun));
        assert_eq!(news.released(4, at(70)), None, "nobody asked for it");
        assert_eq!(news.take(), [ClusterEvent::SlotsGiven { slots: [3].into(), took: at(20) - begun }]);
    }

    #[tokio::test]
    async fn a_loss_is_told_once_until_the_slot_is_served_again() {
        let (mut news, now) = (News::default(), Host::current().now());
        assert!(news.is_lost(7));
        assert!(!news.is_lost(7));
        assert_eq!(news.take(), [ClusterEvent::StateLost { slots: [7].into() }]);
        assert!(!news.is_lost(7));
        assert_eq!(news.take(), []);
        news.serves(7, 1, now);
        assert!(news.is_lost(7));
        assert_eq!(news.take().len(), 1);
    }
}
