//! Messages that wait while nobody has their entities, slot by slot.

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    sync::{
        Mutex,
        atomic::{
            AtomicBool, AtomicU64, AtomicUsize,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
};

use tokio::time::Instant;

use super::{Envelope, envelope::Turn};
use crate::{
    cluster::placement::{SLOTS, Slot},
    reply::Refusal,
    sync::lock,
};

/// How many messages may look at once.
const CROWD: usize = 100_000;

pub(super) struct Queues {
    numbers: AtomicU64,
    /// For each slot, whether messages wait: later ones wait behind them.
    waiting: Box<[AtomicBool]>,
    queues: Mutex<BTreeMap<Slot, Queue>>,
    len: AtomicUsize,
    /// The node has ended: nothing waits any more. Set while `queues` are locked.
    closed: AtomicBool,
}

#[derive(Default)]
struct Queue {
    /// By their turns.
    envelopes: VecDeque<Envelope>,
    /// While so many tasks end the slot's activations, none is brought anywhere.
    holds: usize,
    /// What activations have left behind comes before this one, and so much has come.
    left: Option<(Turn, u32)>,
    /// Somebody brings them where they belong.
    busy: bool,
    /// And is to look once more.
    again: bool,
}

impl Queue {
    fn put(&mut self, envelope: Envelope) {
        let at = self.envelopes.partition_point(|other| other.turn < envelope.turn);
        self.envelopes.insert(at, envelope);
    }
}

impl Queues {
    pub(super) fn new() -> Self {
        let waiting = (0..SLOTS).map(|_| AtomicBool::new(false)).collect();
        Self {
            numbers: AtomicU64::new(0),
            waiting,
            queues: Mutex::default(),
            len: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        }
    }

    pub(super) fn next(&self) -> Turn {
        Turn::of(self.numbers.fetch_add(1, Relaxed))
    }

    /// The turn of a message that is routed now. What activations have left behind, here or where the slot was, goes before
    /// what has come so far.
    pub(super) fn turn(&self, slot: Slot, is_left_behind: bool) -> Turn {
        if !is_left_behind {
            return self.next();
        }
        let mut queues = lock(&self.queues);
        if self.closed.load(Relaxed) {
            return self.next();
        }
        let queue = queues.entry(slot).or_default();
        self.waiting[usize::from(slot)].store(true, Release);
        let left = queue.left.get_or_insert_with(|| (queue.envelopes.front().map_or_else(|| self.next(), |it| it.turn), 0));
        left.1 += 1;
        left.0.before(left.1)
    }

    /// The slot's activations end: what comes waits until all is there that they leave behind.
    pub(super) fn hold(&self, slot: Slot) {
        let mut queues = lock(&self.queues);
        if self.closed.load(Relaxed) {
            return;
        }
        queues.entry(slot).or_default().holds += 1;
        self.waiting[usize::from(slot)].store(true, Release);
    }

    /// They have ended. What waits can be brought where it belongs.
    pub(super) fn release(&self, slot: Slot) {
        let mut queues = lock(&self.queues);
        let Some(queue) = queues.get_mut(&slot) else { return };
        queue.holds = queue.holds.saturating_sub(1);
        if queue.holds > 0 {
            return;
        }
        if queue.envelopes.is_empty() {
            queues.remove(&slot);
            self.waiting[usize::from(slot)].store(false, Release);
        }
    }

    /// Whether messages for the slot wait.
    pub(super) fn is_waiting(&self, slot: Slot) -> bool {
        self.waiting[usize::from(slot)].load(Acquire)
    }

    pub(super) fn slots(&self) -> Vec<Slot> {
        if self.len.load(Relaxed) == 0 { Vec::new() } else { lock(&self.queues).keys().copied().collect() }
    }

    /// Behind those that came before it.
    pub(super) fn put(&self, envelope: Envelope) {
        if self.len.load(Relaxed) >= CROWD {
            return envelope.give_back("too many messages look for where their entities are");
        }
        let slot = envelope.slot();
        let mut queues = lock(&self.queues);
        if self.closed.load(Relaxed) {
            drop(queues);
            return envelope.refuse(Refusal::Stopped);
        }
        queues.entry(slot).or_default().put(envelope);
        self.len.fetch_add(1, Relaxed);
        self.waiting[usize::from(slot)].store(true, Release);
    }

    /// Whether the caller is to bring the slot's messages where they belong: nobody else is at it, and they need not wait.
    pub(super) fn begin(&self, slot: Slot) -> bool {
        let mut queues = lock(&self.queues);
        let Some(queue) = queues.get_mut(&slot) else { return false };
        if queue.holds > 0 {
            return false;
        }
        if queue.busy {
            queue.again = true;
            return false;
        }
        queue.busy = true;
        true
    }

    pub(super) fn take(&self, slot: Slot) -> Option<Envelope> {
        let mut queues = lock(&self.queues);
        let queue = queues.get_mut(&slot)?;
        if queue.holds > 0 {
            (queue.busy, queue.again) = (false, false);
            return None;
        }
        let next = queue.envelopes.pop_front();
        if next.is_some() {
            self.len.fetch_sub(1, Relaxed);
        } else {
            queues.remove(&slot);
            self.waiting[usize::from(slot)].store(false, Release);
        }
        next
    }

    /// That one has to wait still. Whether another look is worth it.
    pub(super) fn rest(&self, slot: Slot, envelope: Envelope) -> bool {
        let mut queues = lock(&self.queues);
        if self.closed.load(Relaxed) {
            drop(queues);
            envelope.refuse(Refusal::Stopped);
            return false;
        }
        let queue = queues.entry(slot).or_default();
        // What activations have left behind may have come meanwhile.
        queue.put(envelope);
        self.len.fetch_add(1, Relaxed);
        let again = mem::take(&mut queue.again);
        queue.busy = again;
        again
    }

    /// Nobody will try again: those that wait are told, and those that come.
    pub(super) fn close(&self) {
        let mut queues = lock(&self.queues);
        self.closed.store(true, Relaxed);
        let left = mem::take(&mut *queues);
        drop(queues);
        left.into_values().flat_map(|queue| queue.envelopes).for_each(|envelope| envelope.refuse(Refusal::Stopped));
    }

    /// Gives up those that have waited for too long, or that nobody waits for.
    pub(super) fn expire(&self, now: Instant) -> Vec<Envelope> {
        if self.len.load(Relaxed) == 0 {
            return Vec::new();
        }
        let mut expired = Vec::new();
        let mut queues = lock(&self.queues);
        for queue in queues.values_mut() {
            let (gone, left) =
                mem::take(&mut queue.envelopes).into_iter().partition(|it: &Envelope| it.deadline <= now || !it.is_awaited());
            queue.envelopes = left;
            let gone: VecDeque<Envelope> = gone;
            self.len.fetch_sub(gone.len(), Relaxed);
            expired.extend(gone);
        }
        expired
    }
}
