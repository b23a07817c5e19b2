//! Chance: the drivers' generator, and what is drawn from it.

use std::time::Duration;

use casty::prelude::*;

use crate::cast::{Act, MS};

/// Small and quick: splitmix64.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap_or_default()]
    }

    pub(crate) fn micros(&mut self, at_most: u64) -> Duration {
        Duration::from_micros(self.below(at_most + 1))
    }
}

pub(crate) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Act {
    /// For a plain handler.
    pub(crate) fn plain(rng: &mut Rng) -> Self {
        match rng.below(200) {
            0..3 => Self::Fail,
            3..5 => Self::Panic,
            5..7 => Self::Stop,
            7 if rng.one_in(10) => Self::Block,
            8..13 => Self::Later(rng.micros(100)),
            13..16 => Self::Later(rng.micros(3000)),
            16..19 => Self::Forget(rng.micros(3000)),
            19..29 => Self::Stash,
            29..32 => Self::Unstash,
            32..52 => Self::Forward,
            52..62 => Self::Then,
            62..65 => Self::Timer,
            _ => Self::Reply,
        }
    }

    /// For an async one.
    pub(crate) fn slow(rng: &mut Rng) -> Self {
        match rng.below(40) {
            0 => Self::Fail,
            1 => Self::Panic,
            2 => Self::Stop,
            3..13 => Self::Nap(rng.micros(1000)),
            13..15 => Self::Chain(None),
            15..21 => Self::Chain(Some(rng.micros(2000))),
            21..26 => Self::Tell,
            26..29 => Self::Hire,
            29 => Self::Dismiss,
            30 => Self::DismissAll,
            31 => Self::Renew,
            _ => Self::Reply,
        }
    }
}

/// A random way to be supervised, quick enough for a soak.
pub(crate) fn supervision(rng: &mut Rng) -> SupervisorConfig {
    use Directive::{Escalate, Restart, Stop};
    SupervisorConfig {
        strategy: rng.pick(&[Restart, Restart, Restart, Restart, Stop, Escalate]),
        children: rng.pick(&[Children::OneForOne, Children::OneForAll, Children::RestForOne]),
        max_restarts: rng.pick(&[0, 3, 10, u32::MAX]),
        within: Duration::from_secs(1),
        backoff_initial: rng.pick(&[Duration::ZERO, MS]),
        backoff_max: 4 * MS,
        backoff_multiplier: 2.0,
    }
}

pub(crate) fn mailbox(rng: &mut Rng) -> Mailbox {
    use Overflow::{DropNewest, DropOldest, Fail, Wait};
    match rng.below(3) {
        0 => Mailbox::bounded(rng.pick(&[1, 2, 16, 256]), rng.pick(&[Wait, Wait, Fail, DropNewest, DropOldest])),
        _ => Mailbox::unbounded(),
    }
}
