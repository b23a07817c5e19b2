//! How a request that came from another node gets into its actor's mailbox, and what waits where one is full.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::{
        Arc, Mutex,
        atomic::{
            AtomicUsize,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
};

use bytes::Bytes;

use super::{network::Network, replies::Replies};
use crate::{
    ActorSystem,
    actor::{ActorId, AnyCell, ForRoom, Incoming, Received, Wants},
    cluster::{
        NodeKey,
        wire::{AnswerStatus, DataFrame, Kind, Request, flags},
    },
    reply::Refusal,
    sync::lock,
};

/// So many messages may wait for one full mailbox before its senders are told to pause.
const CROWD: usize = 64;
/// And so few let them go on.
const FEW: usize = 16;
/// Bytes that may wait so on one connection. A peer that does not pause is cut off.
const WAITING: usize = 64 << 20;

/// What one peer has waiting for full mailboxes. Its next connection goes on with it, so that what comes on that one waits
/// behind.
#[derive(Clone, Default)]
pub(super) struct Parking {
    parked: Arc<Mutex<Parked>>,
    /// How many actors have messages waiting there: for none, there is nothing to look at. Only a reader adds one.
    lines: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Parked {
    actors: HashMap<u64, Line>,
    bytes: usize,
    /// Of the connection that there is now: where pausing and going on is told.
    replies: Option<Replies>,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<Bytes>,
    paused: bool,
}

/// Clones are handles to the same connection.
#[derive(Clone)]
pub(super) struct Delivery {
    network: Arc<Network>,
    system: ActorSystem,
    peer: Arc<NodeKey>,
    replies: Replies,
    parking: Parking,
}

impl Delivery {
    pub(super) fn new(network: Arc<Network>, system: ActorSystem, peer: NodeKey, replies: Replies, parking: Parking) -> Self {
        let mut parked = lock(&parking.parked);
        parked.replies = Some(replies.clone());
        // On a new connection the other side pauses for nobody.
        parked.actors.values_mut().for_each(|line| line.paused = false);
        drop(parked);
        Self { network, system, peer: Arc::new(peer), replies, parking }
    }

    /// Takes a request as it came, `payload` and what it says. `last` is the actor that the last one was for.
    pub(super) fn take(&self, request: &Request<'_>, payload: &[u8], last: &mut Option<Arc<dyn AnyCell>>) -> Result<(), String> {
        if self.parking.lines.load(Acquire) > 0 && self.stands_in_line(request.actor, payload)? {
            return Ok(());
        }
        let Some(room) = self.deliver(request, last) else { return Ok(()) };
        lock(&self.parking.parked).actors.insert(request.actor, Line::default());
        self.parking.lines.fetch_add(1, Relaxed);
        let confirm = (request.flags & flags::CONFIRM != 0).then_some(request.request);
        self.network.host().spawn(self.clone().unpark(request.actor, room, confirm));
        Ok(())
    }

    /// Whether others wait for the actor's mailbox, and this with them.
    fn stands_in_line(&self, actor: u64, payload: &[u8]) -> Result<bool, String> {
        let mut parked = lock(&self.parking.parked);
        if let Entry::Occupied(mut line) = parked.actors.entry(actor) {
            let line = line.get_mut();
            line.waiting.push_back(Bytes::copy_from_slice(payload));
            let pause = line.waiting.len() > CROWD && !std::mem::replace(&mut line.paused, true);
            parked.bytes += payload.len();
            if parked.bytes > WAITING {
                return Err(format!("over {WAITING} bytes wait for full mailboxes"));
            }
            drop(parked);
            if pause {
                self.replies.frame(&DataFrame::Pause { actor });
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Puts it into the mailbox, or says why not. Returns what is to be waited for if the mailbox is full.
    fn deliver(&self, request: &Request<'_>, last: &mut Option<Arc<dyn AnyCell>>) -> Option<ForRoom> {
        let refuse = |why: &Refusal| {
            if request.request != 0 {
                self.replies.refuse(request.request, why);
            }
        };
        if request.flags & flags::ENTITY != 0 {
            return self.network.shards.deliver(&self.system, &self.network, request, &self.replies);
        }
        let cell = match self.target(request, last) {
            Ok(cell) => cell,
            Err(why) => {
                refuse(&why);
                if request.request == 0 {
                    self.network.stray(&self.peer, request);
                }
                return None;
            }
        };
        let chain = request.chain.iter();
        let incoming = Incoming {
            name: request.name,
            body: request.body,
            wants: if request.flags & flags::ASK != 0 {
                Wants::Answer
            } else if request.flags & flags::CONFIRM != 0 {
                Wants::Receipt
            } else {
                Wants::Nothing
            },
            reply: (request.flags & flags::ASK != 0).then(|| self.replies.port(request.request)),
            chain: chain.filter_map(|(node, actor)| Some((self.network.key_of(node)?, ActorId(actor)))).collect(),
        };
        let confirms = request.flags & flags::CONFIRM != 0;
        match cell.receive(incoming) {
            Received::Taken => {
                if confirms {
                    self.confirm(request.request);
                }
                None
            }
            Received::Waits(room) => Some(room),
            Received::Refused(why) => {
                if confirms {
                    refuse(&why);
                }
                None
            }
        }
    }

    fn confirm(&self, request: u64) {
        self.replies.frame(&DataFrame::Answer { request, status: AnswerStatus::Delivered, body: &[] });
    }

    fn target(&self, request: &Request<'_>, last: &mut Option<Arc<dyn AnyCell>>) -> Result<Arc<dyn AnyCell>, Refusal> {
        let is_here = request.target_incarnation == self.network.myself().key().incarnation.0;
        if is_here
            && let Some(cell) = last
            && cell.id().0 == request.actor
            && cell.is_alive()
        {
            return Ok(cell.clone());
        }
        let found = if is_here { self.system.find(ActorId(request.actor)) } else { None };
        // A name finds its actor again after a restart of the actor or of its node.
        let found = found.filter(|cell| cell.is_alive()).or_else(|| self.system.find_name(request.to_name?));
        let cell = found.ok_or(Refusal::Stopped)?;
        *last = is_here.then(|| cell.clone());
        Ok(cell)
    }

    /// Delivers what waits for one actor, as its mailbox has room.
    async fn unpark(self, actor: u64, mut room: ForRoom, mut confirm: Option<u64>) {
        loop {
            let entered = room.await.is_ok();
            if let Some(request) = confirm.take() {
                if entered { self.confirm(request) } else { self.replies.refuse(request, &Refusal::Stopped) }
            }
            let Some(next) = self.next_parked(actor) else { return };
            room = next.0;
            confirm = next.1;
        }
    }

    /// Delivers until a message has to wait. `None` if all are gone.
    fn next_parked(&self, actor: u64) -> Option<(ForRoom, Option<u64>)> {
        loop {
            let mut parked = lock(&self.parking.parked);
            let Entry::Occupied(mut line) = parked.actors.entry(actor) else { return None };
            let next = line.get_mut().waiting.pop_front();
            let resume = line.get().waiting.len() <= FEW && std::mem::take(&mut line.get_mut().paused);
            if next.is_none() {
                line.remove();
                self.parking.lines.fetch_sub(1, Release);
            }
            parked.bytes -= next.as_ref().map_or(0, Bytes::len);
            let told = if resume { parked.replies.clone() } else { None };
            drop(parked);
            if let Some(replies) = told {
                replies.frame(&DataFrame::Resume { actor });
            }
            let payload = next?;
            // It was read before.
            let Ok(DataFrame::Request(request)) = DataFrame::read(Kind::Request, &payload) else { continue };
            if let Some(room) = self.deliver(&request, &mut None) {
                return Some((room, (request.flags & flags::CONFIRM != 0).then_some(request.request)));
            }
        }
    }
}
