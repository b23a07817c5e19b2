//! Who runs actors: one runner a worker thread of the tokio runtime, each an ordinary task with a queue of actors that
//! have something to do.
//!
//! An actor has no task of its own. It enters a queue when it gets mail while at rest, and a runner gives it a turn.
//! Runners that run dry steal from the others. What an actor does in its turn is not known here.

mod runner;
mod watchdog;

use std::{
    cell::Cell,
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::Waker,
};

use tokio::sync::Notify;

use crate::{
    host::Host,
    sync::{lock, lock_hot},
};
use runner::Runner;

/// Something that wants a turn.
pub(crate) trait Run: Send + Sync {
    /// Works until there is nothing to do or `budget` (in messages) is used up, and sees to it that it is scheduled
    /// again if work is left.
    fn run(self: Arc<Self>, budget: &mut u32);
}

pub(crate) type Job = Arc<dyn Run>;

/// How many of a queue's jobs change hands at once, at most.
const GRAB: usize = 64;
/// A queue with room for more than these gives it back once it is empty.
const ROOMY: usize = 4096;

pub(crate) struct Scheduler {
    host: Host,
    /// Tells it from all others, for as long as the process lives.
    number: u64,
    /// Jobs from threads that are no runners.
    injector: Mutex<VecDeque<Job>>,
    injected: AtomicUsize,
    seats: Box<[Seat]>,
    idle: Mutex<Vec<usize>>,
    idle_count: AtomicUsize,
    /// Runners that were woken and have not found work yet. While there is one, no other is woken.
    searching: AtomicUsize,
    closed: AtomicBool,
    watching: AtomicBool,
    watch: Notify,
}

/// A runner as the others see it.
#[derive(Default)]
struct Seat {
    queue: Mutex<VecDeque<Job>>,
    /// The queue's length, for those who only want to know whether a look is worth it.
    len: AtomicUsize,
    waker: Mutex<Option<Waker>>,
    /// Turns given so far. Only the runner itself writes it.
    turns: AtomicU64,
}

thread_local! {
    /// The scheduler (by address) and seat whose runner is being polled on this thread.
    static SEATED: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
    /// The job that this thread's runner runs next, where no other runner sees it.
    static NEXT: Cell<Option<Job>> = const { Cell::new(None) };
    /// The scheduler (by number) whose runtime this thread belongs to for good, because it is one of its workers.
    static HOME: Cell<u64> = const { Cell::new(0) };
    /// What runs on this thread now is known to be quick, so that `NEXT` does not wait long.
    static TRUSTED: Cell<bool> = const { Cell::new(false) };
}

/// Says whether what runs on this thread from now on is known to be quick.
#[inline]
pub(crate) fn trust(quick: bool) {
    TRUSTED.set(quick);
}

#[inline]
pub(crate) fn trusted() -> bool {
    TRUSTED.get()
}

impl Scheduler {
    pub(crate) fn start(host: &Host) -> Arc<Self> {
        let runners = host.workers();
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let scheduler = Arc::new(Self {
            number: NUMBERS.fetch_add(1, Relaxed),
            host: host.clone(),
            injector: Mutex::default(),
            injected: AtomicUsize::new(0),
            seats: (0..runners).map(|_| Seat::default()).collect(),
            idle: Mutex::default(),
            idle_count: AtomicUsize::new(0),
            searching: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            watching: AtomicBool::new(false),
            watch: Notify::new(),
        });
        for seat in 0..runners {
            host.spawn(Runner::new(scheduler.clone(), seat));
        }
        if runners > 1 {
            host.spawn(watchdog::watch(scheduler.clone()));
        }
        scheduler
    }

    /// Ends the runners once they have nothing left to do.
    pub(crate) fn close(&self) {
        self.closed.store(true, Relaxed);
        while self.wake_one() {}
        self.watch.notify_one();
    }

    /// Gives `job` a turn soon.
    pub(crate) fn schedule(&self, job: Job) {
        match self.seat() {
            Some(seat) => {
                // Only one is left for this thread to run next, and only by what is known to be quick: the rest may be run
                // by others.
                let job = if TRUSTED.replace(false) { NEXT.replace(Some(job)) } else { Some(job) };
                let Some(job) = job else { return };
                let waiting = self.seats[seat].push(job);
                // One waiting job is next on this thread anyway; more are worth another core.
                if waiting > 1 && self.may_wake() && self.wake_one() {
                    self.spread();
                }
            }
            None => {
                let mut injector = lock_hot(&self.injector);
                injector.push_back(job);
                self.injected.store(injector.len(), Relaxed);
                drop(injector);
                if self.may_wake() {
                    self.wake_one();
                }
            }
        }
    }

    /// Puts the job that only this thread sees where others find it.
    pub(crate) fn share_next(&self) {
        if let (Some(seat), Some(job)) = (self.seat(), NEXT.take()) {
            self.seats[seat].push(job);
        }
    }

    /// Whether this thread is within the runtime of the runners, so that what an actor does can be done here.
    #[inline]
    pub(crate) fn is_here(&self) -> bool {
        HOME.get() == self.number || self.host.is_here()
    }

    /// The seat whose runner is being polled on this thread, if it is one of ours.
    fn seat(&self) -> Option<usize> {
        let (scheduler, seat) = SEATED.get();
        (scheduler == std::ptr::from_ref(self).addr()).then_some(seat)
    }

    fn may_wake(&self) -> bool {
        self.idle_count.load(Relaxed) > 0 && self.searching.load(Relaxed) == 0
    }

    /// Wakes one idle runner to look for work.
    fn wake_one(&self) -> bool {
        let mut idle = lock(&self.idle);
        let Some(seat) = idle.pop() else { return false };
        self.idle_count.store(idle.len(), Relaxed);
        self.searching.fetch_add(1, Relaxed);
        drop(idle);
        if let Some(waker) = lock(&self.seats[seat].waker).take() {
            waker.wake();
        }
        if !self.watching.load(Relaxed) && self.seats.len() > 1 {
            self.watch.notify_one();
        }
        true
    }

    /// Moves the task that this worker thread woke last to where another worker finds it.
    ///
    /// tokio puts it into a slot that only this thread looks at, and only when the running task yields. A further task
    /// pushes it out of there.
    fn spread(&self) {
        self.host.spawn(std::future::ready(()));
    }

    /// Work from the injector: one job to run, more into `seat`'s queue.
    fn injected(&self, seat: usize) -> Option<Job> {
        if self.injected.load(Relaxed) == 0 {
            return None;
        }
        let mut injector = lock_hot(&self.injector);
        let take = injector.len().div_ceil(self.seats.len()).min(GRAB);
        let mut taken = injector.drain(..take);
        let first = taken.next();
        self.seats[seat].extend(taken);
        self.injected.store(injector.len(), Relaxed);
        shrink(&mut injector);
        first
    }

    /// Half of another runner's queue.
    fn stolen(&self, seat: usize) -> Option<Job> {
        let others = self.seats.len();
        (1..others).map(|step| (seat + step) % others).find_map(|victim| {
            let mut taken = self.seats[victim].give_half()?.into_iter();
            let first = taken.next();
            self.seats[seat].extend(taken);
            first
        })
    }

    /// Whether any queue holds a job. Takes the locks: what it does not see was pushed after.
    fn has_work(&self) -> bool {
        !lock_hot(&self.injector).is_empty() || self.seats.iter().any(|seat| !lock(&seat.queue).is_empty())
    }
}

/// Gives back what a burst has blown up.
fn shrink(queue: &mut VecDeque<Job>) {
    if queue.is_empty() && queue.capacity() > ROOMY {
        *queue = VecDeque::new();
    }
}

impl Seat {
    /// Returns how many wait now.
    fn push(&self, job: Job) -> usize {
        let mut queue = lock_hot(&self.queue);
        queue.push_back(job);
        let len = queue.len();
        self.len.store(len, Relaxed);
        len
    }

    fn pop(&self) -> Option<Job> {
        let mut queue = lock_hot(&self.queue);
        let job = queue.pop_front();
        self.len.store(queue.len(), Relaxed);
        shrink(&mut queue);
        job
    }

    fn extend(&self, jobs: impl Iterator<Item = Job>) {
        let mut queue = lock_hot(&self.queue);
        queue.extend(jobs);
        self.len.store(queue.len(), Relaxed);
    }

    fn give_half(&self) -> Option<VecDeque<Job>> {
        if self.len.load(Relaxed) == 0 {
            return None;
        }
        let mut queue = lock_hot(&self.queue);
        let half = queue.len().div_ceil(2).min(GRAB);
        let given: VecDeque<Job> = queue.drain(..half).collect();
        self.len.store(queue.len(), Relaxed);
        Some(given)
    }
}
