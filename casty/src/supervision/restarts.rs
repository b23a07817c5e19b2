//! How often an actor was restarted lately, and what that means for the next time. Pure.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::SupervisorConfig;

/// The restarts within the sliding window.
#[derive(Debug, Default)]
pub(crate) struct Restarts {
    /// As many as the limit allows at most.
    times: VecDeque<Instant>,
}

/// Without a limit no more restarts than this are remembered: the wait has long been at its longest.
const REMEMBERED: usize = 1024;

impl Restarts {
    /// How long a restart at `now` would back off; `None` if the limit does not allow it.
    pub(crate) fn next(&mut self, now: Instant, config: &SupervisorConfig) -> Option<Duration> {
        while self.times.front().is_some_and(|time| now.saturating_duration_since(*time) >= config.within) {
            self.times.pop_front();
        }
        let lately = self.times.len();
        (lately < config.max_restarts as usize).then(|| backoff(lately, config))
    }

    /// Counts a restart at `now`.
    pub(crate) fn admit(&mut self, now: Instant, config: &SupervisorConfig) {
        if config.max_restarts == SupervisorConfig::UNLIMITED && self.times.len() == REMEMBERED {
            self.times.pop_front();
        }
        self.times.push_back(now);
    }
}

fn backoff(lately: usize, config: &SupervisorConfig) -> Duration {
    if config.backoff_initial.is_zero() {
        return Duration::ZERO;
    }
    let factor = config.backoff_multiplier.powi(i32::try_from(lately).unwrap_or(i32::MAX));
    let seconds = config.backoff_initial.as_secs_f64() * factor;
    Duration::try_from_secs_f64(seconds).map_or(config.backoff_max, |wait| wait.min(config.backoff_max))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant to count from will do")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_wait_doubles_up_to_its_limit() {
        let config = SupervisorConfig { max_restarts: 10, backoff_max: 500 * MS, ..SupervisorConfig::DEFAULT };
        let (mut restarts, now) = (Restarts::default(), Instant::now());
        let waits: Vec<_> = (0..5)
            .map(|_| {
                let wait = restarts.next(now, &config);
                restarts.admit(now, &config);
                wait.expect("ten are allowed").as_millis()
            })
            .collect();
        assert_eq!(waits, [100, 200, 400, 500, 500]);
    }

    #[test]
    fn an_old_restart_no_longer_counts() {
        let config = SupervisorConfig { max_restarts: 1, within: 10 * MS, ..SupervisorConfig::DEFAULT };
        let (mut restarts, start) = (Restarts::default(), Instant::now());
        restarts.admit(start, &config);
        assert_eq!(restarts.next(start + 9 * MS, &config), None);
        assert_eq!(restarts.next(start + 10 * MS, &config), Some(100 * MS));
    }

    #[test]
    fn none_are_allowed_if_the_limit_is_zero() {
        let config = SupervisorConfig { max_restarts: 0, ..SupervisorConfig::DEFAULT };
        assert_eq!(Restarts::default().next(Instant::now(), &config), None);
    }

    #[test]
    fn no_wait_stays_no_wait_however_often() {
        let config = SupervisorConfig { backoff_initial: Duration::ZERO, ..SupervisorConfig::DEFAULT };
        assert_eq!(backoff(100_000, &config), Duration::ZERO);
    }

    #[test]
    fn a_high_limit_is_a_limit() {
        let config = SupervisorConfig { max_restarts: 2_000, ..SupervisorConfig::DEFAULT };
        let (mut restarts, now) = (Restarts::default(), Instant::now());
        let allowed = (0..3_000).take_while(|_| restarts.next(now, &config).map(|_| restarts.admit(now, &config)).is_some());
        assert_eq!(allowed.count(), 2_000);
    }

    proptest! {
        /// Whatever the times of failures: no window of `within` holds more restarts than allowed.
        #[test]
        fn no_window_holds_more_than_the_limit(gaps in proptest::collection::vec(0u32..40, 1..200), max in 1u32..6) {
            let config = SupervisorConfig { max_restarts: max, within: 100 * MS, ..SupervisorConfig::DEFAULT };
            let (mut restarts, mut now, mut admitted) = (Restarts::default(), Instant::now(), Vec::new());
            for gap in gaps {
                now += gap * MS;
                if restarts.next(now, &config).is_some() {
                    restarts.admit(now, &config);
                    admitted.push(now);
                }
            }
            for (i, first) in admitted.iter().enumerate() {
                let within = admitted[i..].iter().take_while(|time| **time - *first < config.within).count();
                prop_assert!(within <= max as usize);
            }
        }

        /// No setting makes the wait panic, or longer than its limit.
        #[test]
        fn the_wait_stays_in_its_limit(lately in 0usize..100_000, initial in 0u64..u64::MAX / 2, multiplier in 1.0f64..1e300) {
            let config = SupervisorConfig { backoff_initial: Duration::from_millis(initial), backoff_multiplier: multiplier, ..SupervisorConfig::DEFAULT };
            prop_assert!(backoff(lately, &config) <= config.backoff_max);
        }
    }
}
