//! What the actors do, the same under every framework: count, gather, and say when they are done.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(120);

/// What a scenario waits for: a number of actors, each of which reports one sum.
///
/// It is leaked, so that an actor refers to it by one word and a message carries nothing for it.
#[derive(Debug)]
pub struct Job {
    expected: u64,
    reporters: AtomicUsize,
    total: AtomicU64,
    finished: Notify,
    stops: Semaphore,
}

impl Job {
    /// A job that is finished once `reporters` actors have come to a sum of `expected` each.
    pub fn new(reporters: usize, expected: u64) -> &'static Self {
        Box::leak(Box::new(Self {
            expected,
            reporters: AtomicUsize::new(reporters),
            total: AtomicU64::new(0),
            finished: Notify::new(),
            stops: Semaphore::new(0),
        }))
    }

    /// A job that is never finished: its actors only answer.
    pub fn endless() -> &'static Self {
        Self::new(1, u64::MAX)
    }

    /// One actor has come to `sum`.
    pub fn report(&self, sum: u64) {
        self.total.fetch_add(sum, Ordering::Relaxed);
        if self.reporters.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.finished.notify_one();
        }
    }

    /// Waits for all reports.
    ///
    /// # Panics
    /// If they don't come to the expected total, or take minutes.
    pub async fn finished(&self, total: u64) {
        let in_time = timeout(PATIENCE, self.finished.notified()).await;
        in_time.expect("the actors never came to their sums");
        assert_eq!(self.total.load(Ordering::Relaxed), total, "the total is wrong");
    }

    /// An actor says that it has stopped; for a framework that has no other way to wait for that.
    pub fn report_stop(&self) {
        self.stops.add_permits(1);
    }

    /// Waits for one [`report_stop`](Self::report_stop).
    pub async fn stopped(&self) {
        self.stops.acquire().await.expect("nobody closes it").forget();
    }
}

/// The message that is sent, as far as it is the same everywhere: two words, as small messages are.
#[derive(Clone, Copy, Debug)]
pub struct Add {
    /// What to add.
    pub value: u64,
    /// How often.
    pub times: u64,
}

impl Add {
    /// The `n`th that a producer sends.
    pub fn nth(n: u64) -> Self {
        Self { value: 1 + n % 4, times: 1 }
    }

    /// What a counter's sum grows by.
    pub fn product(self) -> u64 {
        self.value * self.times
    }
}

/// The state of a counting actor: two words.
#[derive(Clone, Copy, Debug)]
pub struct Tally {
    sum: u64,
    job: &'static Job,
}

impl Tally {
    /// A tally of nothing yet.
    pub fn new(job: &'static Job) -> Self {
        Self { sum: 0, job }
    }

    /// Handles the message that is sent.
    ///
    /// # Panics
    /// If more was added than expected.
    pub fn add(&mut self, add: Add) {
        self.sum += add.product();
        if self.sum >= self.job.expected {
            assert_eq!(self.sum, self.job.expected, "an actor's sum is wrong");
            self.job.report(self.sum);
        }
    }

    /// Handles the message that is asked: how often it was asked, this time included.
    pub fn asked(&mut self) -> u64 {
        self.sum += 1;
        self.sum
    }

    /// What the tally counts for.
    pub fn job(&self) -> &'static Job {
        self.job
    }
}

/// A tree of actors: a root, its branches, their leaves.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Branches of the root.
    pub branches: u64,
    /// Leaves of each branch.
    pub leaves: u64,
}

impl Shape {
    /// What the leaf of this number computes.
    pub fn leaf(seed: u64) -> u64 {
        (0..16).fold(seed, |value, _| value.wrapping_mul(6_364_136_223_846_793_005).rotate_left(17) ^ seed) >> 32
    }

    /// The seeds of the leaves of a branch.
    pub fn seeds(self, branch: u64) -> std::ops::Range<u64> {
        branch * self.leaves..(branch + 1) * self.leaves
    }

    /// What the root must come to.
    pub fn total(self) -> u64 {
        (0..self.branches * self.leaves).map(Self::leaf).sum()
    }
}

/// What a parent does with its children's sums.
#[derive(Clone, Copy, Debug)]
pub struct Gather {
    missing: u64,
    sum: u64,
}

impl Gather {
    /// Waits for the sums of `children`.
    pub fn of(children: u64) -> Self {
        Self { missing: children, sum: 0 }
    }

    /// Adds a child's sum; gives the total once no child's is missing.
    pub fn add(&mut self, sum: u64) -> Option<u64> {
        self.sum += sum;
        self.missing -= 1;
        (self.missing == 0).then_some(self.sum)
    }
}
