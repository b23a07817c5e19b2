//! What happens to a node's slots, told together: there are many of them, and few who want to hear.
//!
//! Spans come from outside and go there: a subscriber's code runs when they begin and end, and none of it within a lock.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    time::Duration,
};

use tokio::time::Instant;
use tracing::Span;

use crate::cluster::{ClusterEvent, placement::Slot};

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
pub(super) struct Served {
    pub(super) took: Duration,
    pub(super) failover: bool,
    pub(super) span: Span,
}

impl News {
    /// The slot is to be served here. `None`: not only from now on.
    pub(super) fn is_to_serve(&mut self, slot: Slot, failover: bool) -> Option<()> {
        let (_, known, _) = self.to_serve.get_mut(&slot)?;
        *known |= failover;
        Some(())
    }

    /// From now on. That takes as long as the span.
    pub(super) fn begins(&mut self, slot: Slot, now: Instant, failover: bool, span: Span) {
        self.to_serve.insert(slot, (now, failover, span));
    }

    /// It is somebody else's.
    #[must_use = "the span ends"]
    pub(super) fn is_not_mine(&mut self, slot: Slot) -> Option<Span> {
        self.lost.remove(&slot);
        self.to_serve.remove(&slot).map(|(_, _, span)| span)
    }

    /// It is served here. `None`: it was before.
    pub(super) fn serves(&mut self, slot: Slot, now: Instant) -> Option<Served> {
        self.lost.remove(&slot);
        let (since, failover, span) = self.to_serve.remove(&slot)?;
        let took = now.saturating_duration_since(since);
        self.taken.add(slot, took);
        self.taken.failover |= failover;
        Some(Served { took, failover, span })
    }

    #[must_use = "a span ends"]
    pub(super) fn stops(&mut self, slot: Slot, now: Instant, span: Span) -> Option<Span> {
        self.to_give.insert(slot, (now, span)).map(|(_, span)| span)
    }

    /// It was handed over. How long that took; `None`: nobody had asked for it.
    pub(super) fn released(&mut self, slot: Slot, now: Instant) -> Option<(Duration, Span)> {
        let (since, span) = self.to_give.remove(&slot)?;
        let took = now.saturating_duration_since(since);
        self.given.add(slot, took);
        Some((took, span))
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
        assert_eq!(news.is_to_serve(3, false), None);
        news.begins(3, begun, false, Span::none());
        news.begins(4, begun, false, Span::none());
        assert_eq!(news.is_to_serve(4, true), Some(()), "it is known");
        assert_eq!(news.is_to_serve(4, false), Some(()));
        let mut served = |slot, at| news.serves(slot, at).map(|it| (it.took, it.failover));
        assert_eq!(served(3, at(10)), Some((at(10) - begun, false)));
        assert_eq!(served(4, at(30)), Some((at(30) - begun, true)));
        assert_eq!(served(4, at(40)), None, "it goes on");
        let taken = ClusterEvent::SlotsTaken { slots: [3, 4].into(), took: at(30) - begun, failover: true };
        assert_eq!(news.take(), [taken]);
        assert_eq!(news.take(), []);
        assert!(news.stops(3, at(50), Span::none()).is_none());
        let mut released = |slot| news.released(slot, at(70)).map(|(took, _)| took);
        assert_eq!(released(3), Some(at(20) - begun));
        assert_eq!(released(4), None, "nobody asked for it");
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
        news.serves(7, now);
        assert!(news.is_lost(7));
        assert_eq!(news.take().len(), 1);
    }
}
