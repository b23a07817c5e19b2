//! Whether a node may speak for its entities.

use std::{
    collections::VecDeque,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, Weak,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Release},
        },
    },
    time::Duration,
};

use super::Outputs;
use crate::{host::Host, sync::lock};

/// Until when a node may say anything in the name of its entities.
pub(crate) struct Pass {
    host: Host,
    /// By the boot clock, in nanoseconds.
    until: AtomicU64,
    stuck: Mutex<Vec<Weak<Outputs>>>,
    grants: Mutex<Grants>,
}

/// Leases, each of which counts once as much of the log has been seen.
#[derive(Default)]
struct Grants {
    seen: u64,
    /// Which log that is.
    log: u64,
    closed: bool,
    pending: VecDeque<(u64, Duration)>,
}

/// So many grants may be ahead of what was seen.
const AHEAD: usize = 64;
const ALWAYS: u64 = u64::MAX;

impl Pass {
    /// For a system that is alone.
    pub(crate) fn always(host: &Host) -> Arc<Self> {
        Arc::new(Self { host: host.clone(), until: AtomicU64::new(ALWAYS), stuck: Mutex::default(), grants: Mutex::default() })
    }

    /// For one that may say nothing yet.
    pub(crate) fn leased(host: &Host) -> Arc<Self> {
        Arc::new(Self { host: host.clone(), until: AtomicU64::new(0), stuck: Mutex::default(), grants: Mutex::default() })
    }

    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        let until = self.until.load(Acquire);
        until == ALWAYS || self.host.boot_time() < Duration::from_nanos(until)
    }

    /// Whether it was open when last looked at. What is begun on this word may come to nothing: its outputs stay behind.
    #[inline]
    pub(crate) fn seemed_open(&self) -> bool {
        self.until.load(Acquire) != 0
    }

    /// Looks whether it is open still, for those who go by that.
    pub(crate) fn look(&self) {
        if self.seemed_open() && !self.is_open() {
            let _grants = lock(&self.grants);
            if !self.is_open() {
                self.until.store(0, Release);
            }
        }
    }

    /// Until when it has been open, or 0: another one with each lease.
    #[cfg(feature = "testkit")]
    pub(crate) fn mark(&self) -> u64 {
        self.until.load(Acquire)
    }

    /// It holds until then, by the boot clock, once as much of what is agreed has been [`seen`](Self::seen).
    pub(crate) fn granted(&self, needed: u64, until: Duration) {
        let mut grants = lock(&self.grants);
        if grants.pending.len() == AHEAD {
            grants.pending.pop_front();
        }
        grants.pending.push_back((needed, until));
        self.count(grants);
    }

    /// Which log is counted now: to be asked before it is read.
    pub(crate) fn log(&self) -> u64 {
        lock(&self.grants).log
    }

    /// So much of what is agreed is known to those who look after the entities, in that log. Of a former one it is no news.
    pub(crate) fn seen(&self, log: u64, index: u64) {
        let mut grants = lock(&self.grants);
        if grants.log == log {
            grants.seen = grants.seen.max(index);
            self.count(grants);
        }
    }

    /// What was granted counts for nothing any more, and with `anew` what was seen neither: another log begins.
    pub(crate) fn fence(&self, anew: bool) {
        let mut grants = lock(&self.grants);
        grants.pending.clear();
        if anew {
            grants.seen = 0;
            grants.log += 1;
        }
        self.until.store(0, Release);
    }

    /// It opens no more.
    pub(crate) fn close(&self) {
        let mut grants = lock(&self.grants);
        grants.closed = true;
        self.until.store(0, Release);
    }

    fn count(&self, mut grants: MutexGuard<'_, Grants>) {
        if grants.closed {
            return;
        }
        let seen = grants.seen;
        let counts = grants.pending.iter().filter(|(needed, _)| *needed <= seen).map(|(_, until)| *until).max();
        grants.pending.retain(|(needed, _)| *needed > seen);
        let Some(until) = counts else { return };
        let until = u64::try_from(until.as_nanos()).unwrap_or(ALWAYS - 1);
        self.until.fetch_max(until, Release);
        let stuck = mem::take(&mut *lock(&self.stuck));
        drop(grants);
        // What leaves may make an entity where it arrives, which is the user's code.
        for outputs in stuck.iter().filter_map(Weak::upgrade) {
            outputs.kept(0);
        }
    }

    pub(super) fn stuck(&self, outputs: Weak<Outputs>) {
        let mut stuck = lock(&self.stuck);
        if !stuck.iter().any(|other| other.ptr_eq(&outputs)) {
            stuck.push(outputs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn a_lease_counts_once_enough_has_been_seen() {
        let host = Host::current();
        let pass = Pass::leased(&host);
        pass.granted(7, host.boot_time() + 60_000 * MS);
        assert!(!pass.is_open());
        pass.seen(0, 7);
        assert!(pass.is_open() && pass.seemed_open());
        pass.fence(false);
        assert!(!pass.is_open() && !pass.seemed_open());
        pass.granted(7, host.boot_time() + 60_000 * MS);
        assert!(pass.is_open());
    }

    #[tokio::test]
    async fn what_was_seen_of_a_former_log_counts_for_nothing() {
        let host = Host::current();
        let pass = Pass::leased(&host);
        let former = pass.log();
        pass.fence(true);
        pass.granted(7, host.boot_time() + 60_000 * MS);
        pass.seen(former, 5000);
        assert!(!pass.is_open());
        pass.seen(pass.log(), 7);
        assert!(pass.is_open());
    }

    #[tokio::test]
    async fn once_closed_it_opens_no_more_whatever_is_granted() {
        let host = Host::current();
        let pass = Pass::leased(&host);
        pass.granted(0, host.boot_time() + 60_000 * MS);
        pass.close();
        pass.granted(0, host.boot_time() + 60_000 * MS);
        pass.seen(0, 1);
        assert!(!pass.is_open() && !pass.seemed_open());
    }

    #[tokio::test]
    async fn a_lease_that_has_ended_is_seen_to_have_ended_with_the_next_look() {
        let host = Host::current();
        let pass = Pass::leased(&host);
        pass.granted(0, host.boot_time() + MS);
        while pass.is_open() {
            tokio::task::yield_now().await;
        }
        assert!(pass.seemed_open());
        pass.look();
        assert!(!pass.seemed_open());
    }
}
