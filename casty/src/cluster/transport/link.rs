//! The way to one other node: requests go out, answers come back.
//!
//! A link connects when there is something to send, and again after it broke. What was under way when it broke is told:
//! an asker gets `ConnectionLost`, what was sent and not confirmed becomes a dead letter, and what may be sent twice is.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use slab::Slab;
use tokio::sync::{Notify, Semaphore};

use super::{flight::Flight, letter::Letter, network::Network, pen::Pen, session};
use crate::{
    actor::{Answer, FarAddress, NotSent, Parcel, Wants},
    cluster::{
        NodeKey,
        wire::{ChainBuf, DataFrame, Kind, Request, begin_frame, flags},
    },
    reply::{FarRefusal, Refusal},
    sync::lock,
    system::DeadLetterReason,
};

/// Bytes of requests that may be on their way to one node, unconfirmed by it. Who sends more waits.
const WINDOW: usize = 4 << 20;
/// Between two attempts to connect.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// A look for askers that gave up is worth it at this many.
const SWEEP: usize = 1024;
/// A buffer for frames that has grown beyond this is given back.
const KEEP: usize = 256 * 1024;

pub(crate) struct Link {
    pub(super) network: Arc<Network>,
    pub(super) peer: NodeKey,
    state: Mutex<State>,
    /// Bytes of the window that are free.
    window: Arc<Semaphore>,
}

struct State {
    /// There is a task that connects, or is connected.
    running: bool,
    closed: Option<Arc<str>>,
    pen: Arc<Pen>,
    /// Requests of this session that the peer has not confirmed.
    flight: Flight,
    /// Bytes of the window that are taken beyond all that it has. They are paid back before any are free again.
    debt: usize,
    asks: Slab<Ask>,
    sweep_at: usize,
    /// Tells asks apart that had one place in turn.
    turn: u32,
    /// Actors whose mailboxes are full, with who waits for them.
    paused: BTreeMap<u64, Arc<Notify>>,
}

struct Ask {
    turn: u32,
    answer: Box<dyn Answer>,
    /// If it may be sent again.
    again: Option<Box<Again>>,
    /// It was sent before, on a connection that broke, and may have been handled then.
    twice: bool,
}

/// A request as it was sent.
struct Again {
    actor: u64,
    frame: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Link {
    pub(super) fn new(network: Arc<Network>, peer: NodeKey) -> Arc<Self> {
        let state = State {
            running: false,
            closed: None,
            pen: Pen::new(),
            flight: Flight::default(),
            debt: 0,
            asks: Slab::new(),
            sweep_at: SWEEP,
            turn: 0,
            paused: BTreeMap::new(),
        };
        Arc::new(Self { network, peer, state: Mutex::new(state), window: Arc::new(Semaphore::new(WINDOW)) })
    }

    /// Queues a message. Returns how many are under way.
    pub(super) fn send(self: &Arc<Self>, to: &Arc<FarAddress>, parcel: &mut Parcel<'_>) -> Result<usize, NotSent> {
        let mut frame = SCRATCH.take();
        frame.clear();
        let sent = self.send_in(&mut frame, to, parcel);
        if frame.capacity() <= KEEP {
            SCRATCH.set(frame);
        }
        sent
    }

    fn send_in(self: &Arc<Self>, frame: &mut Vec<u8>, to: &Arc<FarAddress>, parcel: &mut Parcel<'_>) -> Result<usize, NotSent> {
        self.write(frame, to, parcel)?;
        let cost = cost(frame.len());
        let Ok(room) = self.window.try_acquire_many(cost) else {
            let window = self.window.clone();
            return Err(NotSent::Full(Box::pin(async move { drop(window.acquire_many(cost).await) })));
        };
        let mut state = lock(&self.state);
        if let Some(full) = state.is_paused(to.actor.0) {
            return Err(full);
        }
        if let Some(why) = &state.closed {
            return Err(Refusal::unreachable(why.clone()).into());
        }
        room.forget();
        // With no company to wait for, it goes at once.
        let alone = state.running && state.asks.is_empty();
        let answer = parcel.take_answer();
        let is_ask = answer.is_some();
        if let Some(answer) = answer {
            let again = parcel.is_idempotent().then(|| Box::new(Again { actor: to.actor.0, frame: frame.clone() }));
            let request = state.ask(answer, again, false);
            Request::renumber(frame, request);
        }
        // Under the lock, so that the order of frames is that of the flight.
        let pushed = state.pen.push(Some(to.actor.0), frame, is_ask && alone);
        let late = pushed.late.then_some(to.actor.0);
        if is_ask {
            state.flight.asked(cost, late);
        } else {
            state.flight.sent(cost, to, parcel.name(), late);
        }
        let under_way = state.flight.len();
        let pen = pushed.write.then(|| state.pen.clone());
        let start = !std::mem::replace(&mut state.running, true);
        drop(state);
        if let Some(pen) = pen {
            pen.write_some();
        }
        if start {
            self.start();
        }
        Ok(under_way)
    }

    fn write(&self, frame: &mut Vec<u8>, to: &FarAddress, parcel: &Parcel<'_>) -> Result<(), Refusal> {
        let asks = match parcel.wants() {
            Wants::Nothing => 0,
            Wants::Receipt => flags::CONFIRM,
            Wants::Answer => flags::ASK,
        };
        let mut chain = ChainBuf::default();
        for (node, actor) in parcel.chain() {
            // What is too long for the wire is told of by the ask's own limit of time.
            let _ = chain.push(node.id.as_str(), actor.0);
        }
        let request = Request {
            request: 0,
            actor: to.actor.0,
            flags: asks | if parcel.is_idempotent() { flags::IDEMPOTENT } else { 0 },
            target_incarnation: to.node.incarnation.0,
            name: parcel.name(),
            to_name: to.name.as_deref(),
            chain: chain.as_chain(),
            body: &[],
        };
        let limit = self.network.max_frame();
        let start = request.begin(frame).map_err(|error| Refusal::rejected(&error))?;
        parcel.encode(frame)?;
        let bytes = frame.len() as u64;
        start.end(frame, limit).map_err(|_| FarRefusal::TooLarge { bytes, limit: limit.into() }.into())
    }

    /// Queues a message for an entity. What takes its answer comes back if the link did not take it.
    pub(super) fn forward(
        self: &Arc<Self>,
        letter: &Letter<'_>,
        answer: Box<dyn Answer>,
    ) -> Result<(), (NotSent, Box<dyn Answer>)> {
        let mut frame = SCRATCH.take();
        frame.clear();
        let sent = match letter.write(&mut frame, self.peer.incarnation, self.network.max_frame()) {
            Ok(()) => self.forward_in(&mut frame, letter, answer),
            Err(why) => Err((why.into(), answer)),
        };
        if frame.capacity() <= KEEP {
            SCRATCH.set(frame);
        }
        sent
    }

    fn forward_in(
        self: &Arc<Self>,
        frame: &mut [u8],
        letter: &Letter<'_>,
        answer: Box<dyn Answer>,
    ) -> Result<(), (NotSent, Box<dyn Answer>)> {
        let (cost, target) = (cost(frame.len()), letter.target());
        let Ok(room) = self.window.try_acquire_many(cost) else {
            let window = self.window.clone();
            return Err((NotSent::Full(Box::pin(async move { drop(window.acquire_many(cost).await) })), answer));
        };
        let mut state = lock(&self.state);
        if let Some(full) = state.is_paused(target) {
            return Err((full, answer));
        }
        if let Some(why) = &state.closed {
            let why = Refusal::unreachable(why.clone());
            return Err((why.into(), answer));
        }
        room.forget();
        let alone = state.running && state.asks.is_empty();
        let request = state.ask(answer, None, false);
        Request::renumber(frame, request);
        let pushed = state.pen.push(Some(target), frame, alone);
        state.flight.asked(cost, pushed.late.then_some(target));
        let pen = pushed.write.then(|| state.pen.clone());
        let start = !std::mem::replace(&mut state.running, true);
        drop(state);
        if let Some(pen) = pen {
            pen.write_some();
        }
        if start {
            self.start();
        }
        Ok(())
    }

    /// Queues a frame that is no request. It goes with a connection that is there, or not at all.
    pub(super) fn tell(self: &Arc<Self>, frame: &DataFrame<'_>) {
        let mut bytes = Vec::with_capacity(64);
        if frame.encode(&mut bytes, self.network.max_frame()).is_ok() {
            self.tell_bytes(&bytes);
        }
    }

    fn tell_bytes(self: &Arc<Self>, frame: &[u8]) {
        let mut state = lock(&self.state);
        if state.closed.is_some() {
            return;
        }
        let pushed = state.pen.push(None, frame, false);
        let pen = pushed.write.then(|| state.pen.clone());
        let start = !std::mem::replace(&mut state.running, true);
        drop(state);
        if let Some(pen) = pen {
            pen.write_some();
        }
        if start {
            self.start();
        }
    }

    /// Queues a message about the copies of a slot, as [`tell`](Self::tell) does.
    pub(super) fn tell_slot(self: &Arc<Self>, slot: u16, write: impl FnOnce(&mut Vec<u8>)) {
        let mut frame = SCRATCH.take();
        frame.clear();
        let start = begin_frame(&mut frame, Kind::Slot);
        frame.extend_from_slice(&slot.to_le_bytes());
        write(&mut frame);
        match start.end(&mut frame, self.network.max_frame()) {
            Ok(()) => self.tell_bytes(&frame),
            Err(error) => tracing::error!(slot, to = %self.peer, %error, "a copy is too large for `max_message` and is not sent"),
        }
        if frame.capacity() <= KEEP {
            SCRATCH.set(frame);
        }
    }

    /// Asks the node which of its actors has this name.
    pub(super) fn find(self: &Arc<Self>, name: &str, answer: Box<dyn Answer>) {
        let mut state = lock(&self.state);
        if let Some(why) = &state.closed {
            let why = Refusal::unreachable(why.clone());
            drop(state);
            return answer.refuse(why);
        }
        let request = state.ask(answer, None, false);
        drop(state);
        self.tell(&DataFrame::Find { request, name });
    }

    fn start(self: &Arc<Self>) {
        self.network.host().spawn(session::run(self.clone()));
    }

    /// The pen of the session that begins.
    pub(super) fn pen(&self) -> Arc<Pen> {
        lock(&self.state).pen.clone()
    }

    /// The peer has taken so many requests of this session off the connection.
    pub(super) fn confirm(&self, received: u64) {
        let mut state = lock(&self.state);
        if state.flight.has_late() {
            let passed = state.pen.passed();
            state.flight.passed(passed);
        }
        let freed = state.flight.confirm(received);
        let freed = state.pay_back(freed);
        drop(state);
        if freed > 0 {
            self.window.add_permits(freed);
        }
    }

    /// Takes out who waits for an answer, and whether the message was sent before.
    pub(super) fn answered(&self, request: u64) -> Option<(Box<dyn Answer>, bool)> {
        let (key, turn) = place(request)?;
        let mut state = lock(&self.state);
        let is_it = state.asks.get(key).is_some_and(|ask| ask.turn == turn);
        is_it.then(|| state.asks.remove(key)).map(|ask| (ask.answer, ask.twice))
    }

    pub(super) fn pause(&self, actor: u64) {
        lock(&self.state).paused.entry(actor).or_default();
    }

    pub(super) fn resume(&self, actor: u64) {
        let resumed = lock(&self.state).paused.remove(&actor);
        if let Some(resumed) = resumed {
            resumed.notify_waiters();
            // For who has looked and does not wait yet.
            resumed.notify_one();
        }
    }

    /// The session is over, or there was none: tells everybody whose message was under way. `sent` is whether any of them
    /// can have arrived. Returns whether there is something to send again.
    pub(super) fn broke(&self, why: &str, sent: bool) -> bool {
        let mut state = lock(&self.state);
        let pen = std::mem::replace(&mut state.pen, Pen::new());
        let flight = std::mem::take(&mut state.flight);
        let paused = std::mem::take(&mut state.paused);
        let mut asks = std::mem::take(&mut state.asks);
        let kept = if sent && state.closed.is_none() { state.again(&mut asks) } else { 0 };
        state.running = state.closed.is_none() && (!state.flight.is_empty() || self.network.watches(&self.peer));
        let running = state.running;
        let (freed, lost) = flight.end();
        let freed = state.pay_back(freed);
        // Some of what goes again had been confirmed: it takes its room again, and what is not there it owes.
        let short = kept.saturating_sub(freed);
        state.debt += short - self.window.forget_permits(short);
        drop(state);
        pen.close();
        self.window.add_permits(freed.saturating_sub(kept));
        for waiting in paused.into_values() {
            waiting.notify_waiters();
            waiting.notify_one();
        }
        for (_, ask) in asks {
            let why = if sent || ask.twice { FarRefusal::ConnectionLost } else { FarRefusal::Unreachable(why.into()) };
            ask.answer.refuse(why.into());
        }
        let reason = if sent { DeadLetterReason::LostInFlight } else { DeadLetterReason::Unreachable };
        for lost in lost {
            (0..lost.count).for_each(|_| self.network.dead_letter(&lost.to, lost.message, reason));
        }
        running
    }

    /// Refuses everything from now on: the node is gone.
    pub(super) fn close(&self, why: &str) {
        lock(&self.state).closed = Some(why.into());
        self.broke(why, true);
    }

    pub(super) fn is_closed(&self) -> bool {
        lock(&self.state).closed.is_some()
    }
}

impl State {
    fn is_paused(&self, target: u64) -> Option<NotSent> {
        let resumed = self.paused.get(&target)?.clone();
        Some(NotSent::Full(Box::pin(async move {
            resumed.notified().await;
            // For the next who waits for this.
            resumed.notify_one();
        })))
    }

    /// So many bytes of the window are not needed any more. Returns how many of them are free.
    fn pay_back(&mut self, bytes: usize) -> usize {
        let paid = bytes.min(self.debt);
        self.debt -= paid;
        bytes - paid
    }

    fn ask(&mut self, answer: Box<dyn Answer>, again: Option<Box<Again>>, twice: bool) -> u64 {
        if self.asks.len() >= self.sweep_at {
            // Who gave up is not waited for.
            self.asks.retain(|_, ask| ask.answer.is_awaited());
            self.sweep_at = (self.asks.len() * 2).max(SWEEP);
        }
        self.turn = self.turn.wrapping_add(1);
        let turn = self.turn;
        number(self.asks.insert(Ask { turn, answer, again, twice }), turn)
    }

    /// Queues again what may be sent twice, and takes it out of `asks`. Returns what that takes of the window.
    fn again(&mut self, asks: &mut Slab<Ask>) -> usize {
        let mut kept = 0;
        // In the order in which they were asked.
        let mut order: Vec<(u32, usize)> = asks.iter().map(|(key, ask)| (ask.turn, key)).collect();
        order.sort_unstable();
        for (_, key) in order {
            let may = asks.get(key).is_some_and(|ask| ask.again.is_some() && ask.answer.is_awaited());
            if !may {
                continue;
            }
            let Ask { answer, again, .. } = asks.remove(key);
            let Some(mut again) = again else { continue };
            Request::mark_again(&mut again.frame);
            let (actor, mut frame) = (again.actor, again.frame.clone());
            let request = self.ask(answer, Some(again), true);
            Request::renumber(&mut frame, request);
            let bytes = cost(frame.len());
            kept += bytes as usize;
            // It is written once there is a connection.
            let pushed = self.pen.push(Some(actor), &frame, false);
            self.flight.asked(bytes, pushed.late.then_some(actor));
        }
        kept
    }
}

/// The number of a request: never 0, which stands for nobody waiting.
fn number(key: usize, turn: u32) -> u64 {
    ((key as u64 + 1) << 32) | u64::from(turn)
}

fn place(request: u64) -> Option<(usize, u32)> {
    let key = usize::try_from(request >> 32).ok()?.checked_sub(1)?;
    Some((key, (request & u64::from(u32::MAX)) as u32))
}

/// What a frame takes of the window.
fn cost(bytes: usize) -> u32 {
    u32::try_from(bytes.min(WINDOW)).unwrap_or(u32::MAX)
}

/// How long to wait before the next attempt to connect.
pub(super) fn backoff(attempts: u32) -> Duration {
    BACKOFF_MIN.saturating_mul(1 << attempts.min(8)).min(BACKOFF_MAX)
}
