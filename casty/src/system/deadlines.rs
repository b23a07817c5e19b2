//! The default time limit of asks: many, long, and seldom reached. One task looks at all of them a few times a second.

use std::{
    cell::Cell,
    sync::{
        Arc, Mutex,
        atomic::{
            AtomicBool, AtomicU64, AtomicUsize,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::Duration,
};

use slab::Slab;
use tokio::sync::Notify;

use crate::{host::Host, sync::lock};

const TICK: Duration = Duration::from_millis(250);
const SHARDS: usize = 16;

/// Somebody who waits.
pub(crate) trait Expire: Send + Sync {
    /// Wakes whoever waits.
    fn expire(&self);
    /// Whether what is waited for has not even begun to be answered.
    fn is_unhandled(&self) -> bool;
}

/// Who waits, and until which tick.
type Shard = Slab<(u64, Arc<dyn Expire>)>;

pub(crate) struct Deadlines {
    ticks: AtomicU64,
    shards: [Mutex<Shard>; SHARDS],
    running: AtomicBool,
    closed: AtomicBool,
    wake: Notify,
}

/// A time limit that is being watched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    tick: u64,
    shard: usize,
    key: usize,
}

impl Deadlines {
    pub(crate) fn start(host: &Host) -> Arc<Self> {
        let deadlines = Arc::new(Self {
            ticks: AtomicU64::new(0),
            shards: std::array::from_fn(|_| Mutex::default()),
            running: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            wake: Notify::new(),
        });
        host.spawn(deadlines.clone().watch(host.clone()));
        deadlines
    }

    /// Ends the watch once nobody waits any more.
    pub(crate) fn close(&self) {
        self.closed.store(true, SeqCst);
        self.wake.notify_one();
    }

    /// Watches over a limit that begins now. `who` is woken a little after it is over.
    pub(crate) fn add(&self, limit: Duration, who: Arc<dyn Expire>) -> Deadline {
        let ticks = u64::try_from(limit.as_nanos().div_ceil(TICK.as_nanos())).unwrap_or(u64::MAX / 2);
        // The tick that is under way is not a whole one.
        let tick = self.ticks.load(Relaxed) + ticks + 1;
        let shard = shard();
        let key = lock(&self.shards[shard]).insert((tick, who));
        if !self.running.load(SeqCst) {
            self.wake.notify_one();
        }
        Deadline { tick, shard, key }
    }

    async fn watch(self: Arc<Self>, host: Host) {
        while !(self.closed.load(SeqCst) && self.is_empty()) {
            self.running.store(false, SeqCst);
            if self.is_empty() {
                self.wake.notified().await;
            }
            self.running.store(true, SeqCst);
            self.tick(&host).await;
        }
    }

    async fn tick(&self, host: &Host) {
        while !self.is_empty() {
            host.sleep(TICK).await;
            let now = self.ticks.fetch_add(1, SeqCst) + 1;
            for shard in &self.shards {
                // Woken outside of the lock: a waker may do anything.
                let late: Vec<_> =
                    lock(shard).iter().filter(|(_, (tick, _))| *tick <= now).map(|(_, (_, who))| who.clone()).collect();
                late.iter().for_each(|who| who.expire());
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| lock(shard).is_empty())
    }
}

impl Deadline {
    /// Limits below this are worth a timer of their own.
    pub(crate) const COARSEST: Duration = Duration::from_secs(1);

    pub(crate) fn is_over(&self, deadlines: &Deadlines) -> bool {
        deadlines.ticks.load(Relaxed) >= self.tick
    }

    pub(crate) fn remove(self, deadlines: &Deadlines) {
        let removed = lock(&deadlines.shards[self.shard]).remove(self.key);
        drop(removed);
    }
}

/// A number for this thread, so that threads seldom meet at a lock.
pub(super) fn shard() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static SHARD: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    SHARD.with(|shard| {
        if shard.get() == usize::MAX {
            shard.set(THREADS.fetch_add(1, Relaxed) % SHARDS);
        }
        shard.get()
    })
}
