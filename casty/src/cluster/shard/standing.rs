//! The slots of which an entity that is to be awake without a message may not be.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use tokio::time::Instant;

use super::Shards;
use crate::{cluster::placement::Slot, entity::Woken, sync::lock};

/// How long after one has ended the next is made: one that fails as soon as it starts keeps nobody from anything else.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Standing(Mutex<BTreeMap<Slot, Instant>>);

impl Standing {
    /// The slot is to be looked at, at that time or before.
    fn look(&self, slot: Slot, at: Instant) {
        let mut due = lock(&self.0);
        let known = due.entry(slot).or_insert(at);
        *known = at.min(*known);
    }

    fn take_due(&self, now: Instant) -> Vec<Slot> {
        let mut due = lock(&self.0);
        let slots: Vec<_> = due.iter().filter(|(_, at)| **at <= now).map(|(slot, _)| *slot).collect();
        due.retain(|_, at| *at > now);
        slots
    }
}

impl Shards {
    /// One that is to be awake has ended.
    pub(super) fn is_missing(&self, slot: Slot) {
        self.standing.look(slot, self.host.now() + PAUSE);
    }

    /// Wakes those of a slot that are to be awake without a message, and those that cannot be now with one of the next looks.
    pub(super) fn wake_standing(&self, slot: Slot) {
        let Some(system) = self.system.upgrade().filter(|system| system.serves_entities()) else { return };
        for kind in self.kinds.all() {
            let there = || lock(&self.places[usize::from(slot)]).core.entities(kind.number).cloned().collect();
            for id in kind.standing(slot, there) {
                match kind.region.wake(&system, &id) {
                    Woken::Here => {}
                    Woken::NotNow => self.standing.look(slot, self.host.now()),
                    Woken::Failed => self.is_missing(slot),
                }
            }
        }
    }

    /// Looks at the slots whose time it is. Who gets a slot wakes those that are to be awake there anyway.
    pub(super) fn look_at_standing(&self) {
        let due = self.standing.take_due(self.host.now());
        for slot in due.into_iter().filter(|slot| self.serves(*slot) != 0) {
            let Some(itself) = self.itself.upgrade() else { return };
            self.host.spawn(async move { itself.wake_standing(slot) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;

    #[tokio::test]
    async fn a_slot_is_due_once_and_at_the_earliest_time_that_was_said() {
        let (standing, now) = (Standing::default(), Host::current().now());
        standing.look(3, now + PAUSE);
        standing.look(3, now);
        standing.look(4, now + PAUSE);
        standing.look(3, now + PAUSE);
        assert_eq!(standing.take_due(now), [3]);
        assert_eq!(standing.take_due(now), []);
        assert_eq!(standing.take_due(now + PAUSE), [4]);
    }
}
