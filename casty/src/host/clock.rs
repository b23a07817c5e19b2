//! Clocks that a machine's sleep does not stop, and the time of day.
#![expect(clippy::disallowed_methods, reason = "this is the one place that reaches for the real ones")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Host, World};

impl Host {
    /// Time since some fixed moment, the sleep of a suspended machine included (`CLOCK_BOOTTIME`). What leases count by.
    pub(crate) fn boot_time(&self) -> Duration {
        match &self.world {
            World::Real => real_boot_time(),
            #[cfg(feature = "testkit")]
            World::Simulated(node, _) => node.boot_time(),
        }
    }

    /// Time since some fixed moment that stands still while the machine is suspended (`CLOCK_MONOTONIC`).
    pub(crate) fn monotonic_time(&self) -> Duration {
        match &self.world {
            World::Real => clock(rustix::time::ClockId::Monotonic),
            #[cfg(feature = "testkit")]
            World::Simulated(node, _) => node.monotonic_time(),
        }
    }

    /// Milliseconds since 1970, as this machine believes.
    pub(crate) fn unix_millis(&self) -> u64 {
        match &self.world {
            World::Real => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            }
            #[cfg(feature = "testkit")]
            World::Simulated(node, _) => node.unix_millis(),
        }
    }
}

#[cfg(target_os = "linux")]
fn real_boot_time() -> Duration {
    clock(rustix::time::ClockId::Boottime)
}

// On macOS the monotonic clock counts a suspended machine's sleep.
#[cfg(not(target_os = "linux"))]
fn real_boot_time() -> Duration {
    clock(rustix::time::ClockId::Monotonic)
}

fn clock(id: rustix::time::ClockId) -> Duration {
    let time = rustix::time::clock_gettime(id);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
