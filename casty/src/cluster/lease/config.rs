//! How long leases are, and by which clocks.

use std::time::Duration;

use crate::host::Host;

/// How long a lease is. The same on all nodes of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeaseConfig {
    pub(crate) length: Duration,
}

impl LeaseConfig {
    pub(crate) const DEFAULT: Self = Self { length: Duration::from_millis(500) };
    pub(crate) const FAST: Self = Self { length: Duration::from_millis(200) };
    pub(crate) const RELAXED: Self = Self { length: Duration::from_millis(1500) };

    /// As it is agreed on.
    pub(crate) fn millis(self) -> u32 {
        u32::try_from(self.length.as_millis()).unwrap_or(u32::MAX)
    }

    /// How long to wait by one's own clock until a lease has ended by any node's: clocks run apart by 2 % at most.
    pub(crate) fn ended_everywhere(self) -> Duration {
        self.length + self.length / 50
    }
}

impl Default for LeaseConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// One moment by both clocks of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clocks {
    /// Counts a suspended machine's sleep.
    pub(crate) boot: Duration,
    /// Stands still meanwhile.
    pub(crate) monotonic: Duration,
}

impl Clocks {
    pub(crate) fn of(host: &Host) -> Self {
        // In this order, so that a sleep between the two is seen as one.
        let monotonic = host.monotonic_time();
        Self { boot: host.boot_time(), monotonic }
    }
}
