//! Whether a handler is quick enough to run on its asker's turn.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

/// Above this a handler is not worth running in its asker's place: waking another core costs no more.
const QUICK: Duration = Duration::from_micros(25);
/// Above this it waits for something outside, or computes at length.
const SLOW: Duration = Duration::from_millis(1);
/// How many asks go through the scheduler at most before a slow handler is tried again.
const LONGEST: u32 = 1 << 16;
/// How many runs of a new handler are all measured; later one in [`SAMPLE`].
const YOUNG: u32 = 16;
const SAMPLE: u32 = 64;

/// What is known of one handler's speed; one static a handler.
///
/// An asker that waits anyway can run an idle actor's handler itself, which saves two switches. It must not while the
/// handler takes long: asks that are made together would then run one after the other on one core. So runs are
/// measured (all of the first sixteen, then one in 64), and a slow one sends the next asks through the scheduler:
/// 256 of them after the first, four times as many after each further one. Likewise only a handler that is known to be
/// quick may leave an actor that it sent to for its own thread to run next.
#[derive(Debug)]
pub struct Pace {
    /// Measured runs so far, up to `YOUNG`.
    seen: AtomicU32,
    /// How many asks more go through the scheduler.
    penalty: AtomicU32,
    last_penalty: AtomicU32,
}

thread_local! {
    static RUNS: Cell<u32> = const { Cell::new(0) };
}

impl Pace {
    /// Nothing is known yet.
    #[expect(clippy::new_without_default, reason = "it is only ever a static")]
    pub const fn new() -> Self {
        Self { seen: AtomicU32::new(0), penalty: AtomicU32::new(0), last_penalty: AtomicU32::new(64) }
    }

    /// Whether an asker may run the handler now.
    #[inline]
    pub(crate) fn allows_inline(&self) -> bool {
        let penalty = self.penalty.load(Relaxed);
        if penalty > 0 {
            // Two threads may both take the same one off; nothing depends on it.
            self.penalty.store(penalty - 1, Relaxed);
        }
        penalty == 0
    }

    /// Whether it is known to be quick.
    #[inline]
    pub(crate) fn is_quick(&self) -> bool {
        self.seen.load(Relaxed) == YOUNG && self.penalty.load(Relaxed) == 0
    }

    /// Whether this run is to be measured.
    #[inline]
    pub(crate) fn is_sampled(&self) -> bool {
        let run = RUNS.get().wrapping_add(1);
        RUNS.set(run);
        run.is_multiple_of(SAMPLE) || self.seen.load(Relaxed) < YOUNG
    }

    pub(crate) fn took(&self, time: Duration) {
        let seen = self.seen.load(Relaxed);
        if seen < YOUNG {
            self.seen.store(seen + 1, Relaxed);
        }
        if time > QUICK {
            let last = if time > SLOW { LONGEST } else { self.last_penalty.load(Relaxed) };
            let penalty = last.saturating_mul(4).min(LONGEST);
            self.last_penalty.store(penalty, Relaxed);
            self.penalty.store(penalty, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_handler_is_left_to_the_scheduler_for_a_while() {
        let pace = Pace::new();
        assert!(pace.allows_inline() && pace.is_sampled(), "a new handler is measured");
        for (time, asks) in [(Duration::from_micros(50), 256), (Duration::from_micros(50), 1024), (2 * SLOW, 1 << 16)] {
            pace.took(time);
            let refused = (0..100_000).take_while(|_| !pace.allows_inline()).count();
            assert_eq!(refused, asks);
        }
    }

    #[test]
    fn a_quick_handler_is_measured_seldom() {
        let pace = Pace::new();
        for _ in 0..YOUNG {
            pace.took(Duration::from_nanos(100));
        }
        let measured = (0..6_400).filter(|_| pace.is_sampled()).count();
        assert!((99..=101).contains(&measured), "{measured}");
    }
}
