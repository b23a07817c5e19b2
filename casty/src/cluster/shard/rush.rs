//! Whether a node has much to do.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// So many changes of entities between two ticks are many: 10,000 a second.
const MANY: u32 = 500;

/// In a rush a change goes at once only to the backups that it waits for; to the others, which get several changes together
/// then, with the next tick. Half of the messages are saved, and they have what was acknowledged 50 ms later.
#[derive(Debug, Default)]
pub(super) struct Rush {
    changes: AtomicU32,
    is_on: AtomicBool,
}

impl Rush {
    /// There is one more change. Whether there are many.
    pub(super) fn change(&self) -> bool {
        self.changes.fetch_add(1, Relaxed);
        self.is_on.load(Relaxed)
    }

    pub(super) fn tick(&self) {
        self.is_on.store(self.changes.swap(0, Relaxed) >= MANY, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rush_begins_and_ends_with_a_tick() {
        let rush = Rush::default();
        assert!((0..MANY).all(|_| !rush.change()));
        rush.tick();
        assert!(rush.change());
        rush.tick();
        assert!(!rush.change());
    }
}
