//! How a message finds the node that has its entity, and what waits while nobody has it.

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    sync::{
        Arc, Mutex,
        atomic::{
            AtomicBool, AtomicU64, AtomicUsize,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Envelope, Shards,
    envelope::Turn,
    ports::{Held, Here, OnItsWay, Receipt},
};
use crate::{
    actor::{FarPort, Incoming, NotSent, Received, Wants},
    cluster::{
        placement::{SLOTS, Slot},
        transport::Letter,
    },
    reply::{FarRefusal, Refusal},
    sync::lock,
};

/// For how long a message looks for its entity. Less than an ask waits by itself: who asks is told what the matter is.
const PATIENCE: Duration = Duration::from_secs(4);
/// How many messages may look at once.
const CROWD: usize = 100_000;

pub(super) struct Router {
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

impl Router {
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
        if !is_left_behind || self.closed.load(Relaxed) {
            return self.next();
        }
        let mut queues = lock(&self.queues);
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
    fn put(&self, envelope: Envelope) {
        if self.len.load(Relaxed) >= CROWD {
            return envelope.give_back("too many messages look for where their entities are");
        }
        let slot = envelope.slot();
        let mut queues = lock(&self.queues);
        if self.closed.load(Relaxed) {
            drop(queues);
            return envelope.refuse(Refusal::Stopped);
        }
        let envelopes = &mut queues.entry(slot).or_default().envelopes;
        let at = envelopes.iter().rposition(|other| other.turn < envelope.turn).map_or(0, |at| at + 1);
        envelopes.insert(at, envelope);
        self.len.fetch_add(1, Relaxed);
        self.waiting[usize::from(slot)].store(true, Release);
    }

    /// Whether the caller is to bring the slot's messages where they belong: nobody else is at it, and they need not wait.
    fn begin(&self, slot: Slot) -> bool {
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

    fn take(&self, slot: Slot) -> Option<Envelope> {
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
    fn rest(&self, slot: Slot, envelope: Envelope) -> bool {
        let mut queues = lock(&self.queues);
        if self.closed.load(Relaxed) {
            drop(queues);
            envelope.refuse(Refusal::Stopped);
            return false;
        }
        let queue = queues.entry(slot).or_default();
        queue.envelopes.push_front(envelope);
        self.len.fetch_add(1, Relaxed);
        let again = mem::take(&mut queue.again);
        queue.busy = again;
        again
    }

    /// Nobody will try again: those that wait are told, and those that come.
    fn close(&self) {
        let mut queues = lock(&self.queues);
        self.closed.store(true, Relaxed);
        let left = mem::take(&mut *queues);
        drop(queues);
        left.into_values().flat_map(|queue| queue.envelopes).for_each(|envelope| envelope.refuse(Refusal::Stopped));
    }

    /// Gives up those that have waited for too long, or that nobody waits for.
    fn expire(&self, now: Instant) -> Vec<Envelope> {
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

impl Shards {
    pub(super) fn deadline(&self) -> Instant {
        self.host.now() + PATIENCE
    }

    /// Brings a message to its entity, now or later.
    pub(super) fn route(&self, envelope: Envelope) {
        let slot = envelope.slot();
        if self.router.is_waiting(slot) {
            self.router.put(envelope);
            return self.kick(slot);
        }
        if let Err(envelope) = self.attempt(envelope) {
            self.router.put(envelope);
            self.kick(slot);
        }
    }

    /// A message was not handled where it was brought. It is tried again soon.
    pub(super) fn came_back(&self, envelope: Envelope) {
        if envelope.is_awaited() {
            self.router.put(envelope);
        }
    }

    /// Something has changed about the slot: those that wait are tried.
    pub(super) fn kick(&self, slot: Slot) {
        if !self.router.is_waiting(slot) || !self.router.begin(slot) {
            return;
        }
        let mut last = None;
        while let Some(envelope) = self.router.take(slot) {
            // One that has come back at once is not tried for ever.
            let turn = Some(envelope.turn);
            let tried = if turn > last { self.attempt(envelope) } else { Err(envelope) };
            last = last.max(turn);
            if let Err(envelope) = tried {
                if !self.router.rest(slot, envelope) {
                    return;
                }
                last = None;
            }
        }
    }

    /// The node has ended.
    pub(super) fn close(&self) {
        self.router.close();
    }

    pub(super) fn kick_all(&self) {
        for envelope in self.router.expire(self.host.now()) {
            let why = self.whats_the_matter(envelope.slot());
            envelope.give_back(&why);
        }
        for slot in self.router.slots() {
            self.kick(slot);
        }
    }

    fn whats_the_matter(&self, slot: Slot) -> String {
        let Some(plane) = self.plane.get() else { return "this node is starting".into() };
        let view = plane.view();
        if !self.pass.is_open() {
            return "this node has no lease: it does not reach a majority of the cluster".into();
        }
        match view.slots.get(usize::from(slot)).and_then(|chain| chain.primary()) {
            None => "nobody has its slot yet".into(),
            Some(primary) if *primary == self.me => "too few of its copies answer".into(),
            Some(primary) if view.is_up(primary) => format!("{} does not serve it", primary.id),
            Some(primary) => format!("{} is down", primary.id),
        }
    }

    /// Brings it where it belongs by what is known now. It comes back if that cannot be.
    #[expect(clippy::result_large_err, reason = "it comes back seldom")]
    fn attempt(&self, mut envelope: Envelope) -> Result<(), Envelope> {
        let (Some(plane), Some(network)) = (self.plane.get(), self.network()) else { return Err(envelope) };
        let slot = envelope.slot();
        let view = plane.view();
        let Some(primary) = view.slots.get(usize::from(slot)).and_then(|chain| chain.primary()) else { return Err(envelope) };
        if *primary == self.me {
            return self.attempt_here(envelope);
        }
        if !view.is_up(primary) {
            return Err(envelope);
        }
        let (kind, id, message) = (envelope.kind.clone(), envelope.id.clone(), envelope.message.clone());
        let (chain, body) = (mem::take(&mut envelope.chain), envelope.body.clone());
        let letter = Letter {
            kind: &kind,
            id: id.as_str(),
            hash: envelope.hash,
            message: &message,
            idempotent: envelope.idempotent,
            is_left_behind: envelope.turn.is_left_behind(),
            asks: envelope.asks,
            chain: &chain,
            body: &body,
        };
        // It is kept until it is answered: who gets it may not have its entity any more.
        let held: Held = Arc::new(Mutex::new(Some(envelope)));
        let on_its_way = Box::new(OnItsWay::new(self.itself.clone(), held.clone()));
        let Err((not_sent, on_its_way)) = network.forward(primary, &letter, on_its_way) else { return Ok(()) };
        let back = lock(&held).take();
        drop(on_its_way);
        let Some(mut envelope) = back else { return Ok(()) };
        envelope.chain = chain;
        match not_sent {
            NotSent::Full(room) => {
                let itself = self.itself.clone();
                self.host.spawn(async move {
                    room.await;
                    if let Some(itself) = itself.upgrade() {
                        itself.kick(slot);
                    }
                });
                Err(envelope)
            }
            NotSent::Refused(Refusal::Far(why)) if matches!(*why, FarRefusal::Unreachable(_)) => Err(envelope),
            NotSent::Refused(why) => {
                envelope.refuse(why);
                Ok(())
            }
        }
    }

    #[expect(clippy::result_large_err, reason = "it comes back seldom")]
    fn attempt_here(&self, envelope: Envelope) -> Result<(), Envelope> {
        let slot = envelope.slot();
        let Some(kind) = self.kinds.of(&envelope.kind) else {
            if self.serves(slot) == 0 {
                return Err(envelope);
            }
            envelope.refuse(Refusal::rejected(&"this node's program has no such type"));
            return Ok(());
        };
        if self.is_lost(slot, kind.number) {
            envelope.refuse(FarRefusal::StateLost.into());
            return Ok(());
        }
        if self.serves(slot) == 0 || !self.pass.is_open() {
            return Err(envelope);
        }
        let Some(system) = self.system.upgrade() else { return Err(envelope) };
        let (id, message, body) = (envelope.id.clone(), envelope.message.clone(), envelope.body.clone());
        let (asks, hash, chain) = (envelope.asks, envelope.hash, envelope.chain.clone());
        let waits_for_answer = asks || kind.settings.sync > 0;
        let held: Held = Arc::new(Mutex::new(Some(envelope)));
        let on_its_way = OnItsWay::new(self.itself.clone(), held.clone());
        let (reply, aside): (Option<Box<dyn FarPort>>, _) = if waits_for_answer {
            let here = Box::new(Here { system: system.clone(), on_its_way });
            (Some(if asks { here } else { Box::new(Receipt(here)) }), None)
        } else {
            (None, Some(on_its_way))
        };
        let wants = if waits_for_answer { Wants::Answer } else { Wants::Receipt };
        let incoming = Incoming { name: &message, body: &body, wants, reply, chain };
        match (kind.region.receive(&system, (&id, hash), incoming), aside) {
            (Ok(Received::Taken), Some(aside)) => aside.answered(&system, &[]),
            (Ok(Received::Waits(room)), aside) => {
                self.host.spawn(async move {
                    let entered = room.await;
                    if let Some(aside) = aside {
                        match entered {
                            Ok(()) => aside.answered(&system, &[]),
                            Err(_) => aside.refused(Refusal::Stopped),
                        }
                    }
                });
            }
            (Ok(Received::Refused(why)), Some(aside)) => aside.refused(why),
            (Ok(Received::Taken | Received::Refused(_)), None) => {}
            // Taken back first: who waits is told nothing then.
            (Err(incoming), aside) => {
                let back = lock(&held).take();
                drop((incoming, aside));
                return back.map_or(Ok(()), Err);
            }
        }
        Ok(())
    }
}
