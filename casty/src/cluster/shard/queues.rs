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
    cluster::placement::{Epoch, SLOTS, Slot},
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
    /// By their turns, but for what activations have left behind.
    envelopes: VecDeque<Envelope>,
    /// That, by its turns.
    left_behind: VecDeque<Envelope>,
    /// While the slot's activations are ended for these epochs, none is brought anywhere.
    holds: Vec<Epoch>,
    /// What activations have left behind comes before this one, and so much has come.
    left: Option<(Turn, u32)>,
    /// Somebody brings them where they belong.
    busy: bool,
    /// And is to look once more.
    again: bool,
}

impl Queue {
    fn put(&mut self, envelope: Envelope) {
        let queue = if envelope.turn.is_left_behind() { &mut self.left_behind } else { &mut self.envelopes };
        let at = queue.partition_point(|other| other.turn < envelope.turn);
        queue.insert(at, envelope);
    }

    fn first(&self) -> Option<Turn> {
        let fronts = [self.left_behind.front(), self.envelopes.front()];
        fronts.into_iter().flatten().map(|envelope| envelope.turn).min()
    }

    fn pop(&mut self) -> Option<Envelope> {
        match self.first()?.is_left_behind() {
            true => self.left_behind.pop_front(),
            false => self.envelopes.pop_front(),
        }
    }

    fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    /// What activations leave behind from now on comes before what is there by now, and before what comes.
    fn mark(&mut self, next: impl FnOnce() -> Turn) -> &mut (Turn, u32) {
        let first = self.first();
        self.left.get_or_insert_with(|| (first.unwrap_or_else(next), 0))
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
        let (first, left) = queue.mark(|| self.next());
        *left += 1;
        first.before(*left)
    }

    /// The slot's activations end: what comes waits until all is there that they leave behind.
    pub(super) fn hold(&self, slot: Slot, epoch: Epoch) {
        let mut queues = lock(&self.queues);
        if self.closed.load(Relaxed) {
            return;
        }
        let queue = queues.entry(slot).or_default();
        queue.holds.push(epoch);
        queue.mark(|| self.next());
        self.waiting[usize::from(slot)].store(true, Release);
    }

    /// They have ended that were held for this epoch; or, without one, are none of this node's any more. What waits can be
    /// brought where it belongs.
    pub(super) fn release(&self, slot: Slot, epoch: Option<Epoch>) {
        let mut queues = lock(&self.queues);
        let Some(queue) = queues.get_mut(&slot) else { return };
        queue.holds.retain(|held| epoch.is_some_and(|epoch| epoch != *held));
        // Who is at it removes it.
        if queue.holds.is_empty() && queue.is_empty() && !queue.busy {
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
        if self.len.load(Relaxed) >= CROWD && !envelope.turn.is_left_behind() {
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
        if !queue.holds.is_empty() {
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
        if !queue.holds.is_empty() {
            (queue.busy, queue.again) = (false, false);
            return None;
        }
        let next = queue.pop();
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
        self.waiting[usize::from(slot)].store(true, Release);
        again
    }

    /// Nobody will try again: those that wait are told, and those that come.
    pub(super) fn close(&self) {
        let mut queues = lock(&self.queues);
        self.closed.store(true, Relaxed);
        let left = mem::take(&mut *queues);
        drop(queues);
        let all = left.into_values().flat_map(|queue| queue.left_behind.into_iter().chain(queue.envelopes));
        all.for_each(|envelope| envelope.refuse(Refusal::Stopped));
    }

    /// Gives up those that have waited for too long, or that nobody waits for.
    pub(super) fn expire(&self, now: Instant) -> Vec<Envelope> {
        if self.len.load(Relaxed) == 0 {
            return Vec::new();
        }
        let mut expired = Vec::new();
        let mut queues = lock(&self.queues);
        for queue in queues.values_mut().flat_map(|queue| [&mut queue.left_behind, &mut queue.envelopes]) {
            let (gone, left) = mem::take(queue).into_iter().partition(|it: &Envelope| it.deadline <= now || !it.is_awaited());
            *queue = left;
            let gone: VecDeque<Envelope> = gone;
            self.len.fetch_sub(gone.len(), Relaxed);
            expired.extend(gone);
        }
        expired
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cluster::placement::slot_of_hash, host::Host};

    const HASH: u64 = 1;

    fn envelope(turn: Turn) -> Envelope {
        Envelope {
            turn,
            kind: "accounts".into(),
            hash: HASH,
            id: "alice".into(),
            message: "Put".into(),
            idempotent: false,
            twice: false,
            asks: false,
            chain: Vec::new(),
            body: Vec::new().into(),
            answer: None,
            deadline: Host::current().now(),
        }
    }

    /// All that waits, in order.
    fn turns(queues: &Queues, slot: Slot) -> Vec<Turn> {
        assert!(queues.begin(slot));
        std::iter::from_fn(|| queues.take(slot)).map(|envelope| envelope.turn).collect()
    }

    #[tokio::test]
    async fn what_was_left_behind_goes_before_what_came_since() {
        let (queues, slot) = (Queues::new(), slot_of_hash(HASH));
        queues.hold(slot, 5);
        assert!(queues.is_waiting(slot));
        // Somebody has a turn, and is slow.
        let came = queues.turn(slot, false);
        let left = [(); 3].map(|()| queues.turn(slot, true));
        queues.put(envelope(left[0]));
        queues.put(envelope(came));
        queues.put(envelope(left[2]));
        queues.put(envelope(left[1]));
        assert!(!queues.begin(slot), "it is held");
        queues.release(slot, Some(5));
        assert_eq!(turns(&queues, slot), [left[0], left[1], left[2], came]);
        assert!(!queues.is_waiting(slot) && queues.slots().is_empty());
    }

    #[tokio::test]
    async fn what_was_left_behind_elsewhere_goes_before_what_waits_here() {
        let (queues, slot) = (Queues::new(), slot_of_hash(HASH));
        let waits = [(); 2].map(|()| queues.turn(slot, false));
        waits.iter().for_each(|turn| queues.put(envelope(*turn)));
        let left = [(); 2].map(|()| queues.turn(slot, true));
        left.iter().for_each(|turn| queues.put(envelope(*turn)));
        assert_eq!(turns(&queues, slot), [left[0], left[1], waits[0], waits[1]]);
    }

    #[tokio::test]
    async fn a_message_in_hand_waits_on_after_a_hold() {
        let (queues, slot) = (Queues::new(), slot_of_hash(HASH));
        queues.put(envelope(queues.next()));
        assert!(queues.begin(slot));
        let in_hand = queues.take(slot).unwrap();
        let turn = in_hand.turn;
        queues.hold(slot, 5);
        queues.release(slot, Some(5));
        assert!(!queues.begin(slot), "somebody is at it");
        assert!(queues.rest(slot, in_hand), "it was to look once more");
        assert!(queues.is_waiting(slot));
        assert_eq!(queues.take(slot).unwrap().turn, turn);
        assert!(queues.take(slot).is_none() && !queues.is_waiting(slot));
    }

    #[tokio::test]
    async fn a_hold_ends_with_what_it_was_for_and_no_other_does() {
        let (queues, slot) = (Queues::new(), slot_of_hash(HASH));
        queues.hold(slot, 5);
        queues.release(slot, None);
        assert!(!queues.is_waiting(slot), "it is of the past");
        queues.hold(slot, 8);
        queues.release(slot, Some(5));
        assert!(queues.is_waiting(slot) && !queues.begin(slot), "who was slow ends no hold of later");
        queues.release(slot, Some(8));
        assert!(!queues.is_waiting(slot));
    }
}
