//! How many messages have been passed on and are not answered yet.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// Counts those of now apart from those before: whoever waits for these does not wait for what comes.
#[derive(Default)]
pub(super) struct Passed {
    counts: [Arc<AtomicUsize>; 2],
    now: AtomicUsize,
}

/// One of them.
pub(super) struct Passing(Arc<AtomicUsize>);

impl Passed {
    pub(super) fn begin(&self) -> Passing {
        let count = &self.counts[self.now.load(Relaxed) % 2];
        count.fetch_add(1, Relaxed);
        Passing(count.clone())
    }

    /// Counts by the other number from now on. Returns which one it was so far.
    pub(super) fn next(&self) -> usize {
        self.now.fetch_add(1, Relaxed) % 2
    }

    pub(super) fn are_any(&self, count: usize) -> bool {
        self.counts[count % 2].load(Relaxed) > 0
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_passed_on_later_is_not_waited_for() {
        let passed = Passed::default();
        let first = passed.begin();
        let before = passed.next();
        let _second = passed.begin();
        assert!(passed.are_any(before));
        drop(first);
        assert!(!passed.are_any(before));
    }
}
