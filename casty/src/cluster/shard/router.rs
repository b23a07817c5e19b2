//! How a message finds the node that has its entity.

use std::{
    mem,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Envelope, Shards,
    ports::{Held, Here, OnItsWay, Receipt},
};
use crate::{
    actor::{FarPort, Incoming, NotSent, Received, Wants},
    cluster::{placement::Slot, transport::Letter},
    reply::{FarRefusal, Refusal},
    sync::lock,
};

/// For how long a message looks for its entity. Less than an ask waits by itself: who asks is told what the matter is.
const PATIENCE: Duration = Duration::from_secs(4);

impl Shards {
    pub(super) fn deadline(&self) -> Instant {
        self.host.now() + PATIENCE
    }

    /// Brings a message to its entity, now or later.
    pub(super) fn route(&self, envelope: Envelope) {
        let slot = envelope.slot();
        if self.waiting.is_waiting(slot) {
            self.waiting.put(envelope);
            return self.kick(slot);
        }
        if let Err(envelope) = self.attempt(envelope) {
            self.waiting.put(envelope);
            self.kick(slot);
        }
    }

    /// A message was not handled where it was brought. It is tried again soon.
    pub(super) fn came_back(&self, envelope: Envelope) {
        if envelope.is_awaited() {
            self.waiting.put(envelope);
        }
    }

    /// Something has changed about the slot: those that wait are tried.
    pub(super) fn kick(&self, slot: Slot) {
        if !self.waiting.is_waiting(slot) || !self.waiting.begin(slot) {
            return;
        }
        let mut last = None;
        while let Some(envelope) = self.waiting.take(slot) {
            // One that has come back at once is not tried for ever.
            let turn = Some(envelope.turn);
            let tried = if turn > last { self.attempt(envelope) } else { Err(envelope) };
            last = last.max(turn);
            if let Err(envelope) = tried {
                if !self.waiting.rest(slot, envelope) {
                    return;
                }
                last = None;
            }
        }
    }

    /// Begins to count anew what is passed on. Returns what that was counted by so far.
    pub(crate) fn next_passing(&self) -> usize {
        self.passed.next()
    }

    /// Whether what was passed on and counted so is not answered yet, or waits.
    pub(crate) fn passes_on(&self, count: usize) -> bool {
        self.passed.are_any(count) || !self.waiting.slots().is_empty()
    }

    /// The node has ended.
    pub(super) fn close(&self) {
        self.waiting.close();
    }

    pub(super) fn kick_all(&self) {
        for envelope in self.waiting.expire(self.host.now()) {
            let why = self.whats_the_matter(envelope.slot());
            envelope.give_back(&why);
        }
        for slot in self.waiting.slots() {
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
        let on_its_way = Box::new(OnItsWay::new(self, held.clone()));
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
        let on_its_way = OnItsWay::new(self, held.clone());
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
