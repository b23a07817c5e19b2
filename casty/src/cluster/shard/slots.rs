//! The cores of a node's slots, and what they want done.

use std::{
    mem,
    sync::{Arc, atomic::Ordering::Release},
    time::Duration,
};

use super::{Shards, news::Served};
use crate::{
    actor::AnyRef,
    cluster::{
        NodeKey,
        placement::{Epoch, Slot},
        replication::{Agreed, Core, Message, Out},
    },
    metrics,
    reply::Outputs,
    spans,
    sync::lock,
};

/// How long a handler may run on when its entity moves. It is dropped then.
const HANDLER: Duration = Duration::from_secs(5);
/// How long what has been done may take to be kept before the slot is released all the same.
const SETTLE: Duration = Duration::from_secs(3);
/// How long answers that were promised for later may take. Until then nobody serves the slot's entities.
const PROMISED: Duration = Duration::from_millis(50);
const LOOK: Duration = Duration::from_millis(2);

/// One slot of this node.
pub(super) struct Place {
    pub(super) core: Core<Arc<Outputs>>,
    /// Rises whenever the slot has been served and is no more.
    term: u64,
    served: bool,
    /// Its activations end, each after the message in hand.
    ending: bool,
    /// What the core wants done is written here.
    out: Vec<Out<Arc<Outputs>>>,
}

type Outs = Vec<Out<Arc<Outputs>>>;

impl Place {
    pub(super) fn new(me: NodeKey) -> Self {
        Self { core: Core::new(me), term: 1, served: false, ending: false, out: Vec::new() }
    }

    /// What follows from what the core has done: the term in which entities may be woken, or 0.
    fn settle(&mut self, out: &Outs) -> u64 {
        let serves = self.core.serving().is_some();
        let stops = |wanted: bool| out.iter().any(|out| matches!(out, Out::Stops { orderly, .. } if *orderly == wanted));
        // It may have been released to this very node, which serves it again at once.
        let begins_anew = self.ending && out.iter().any(|out| matches!(out, Out::Serves(_)));
        self.ending |= stops(true);
        if begins_anew || stops(false) || (self.served && !serves) {
            // Those that are awake are of the past, even if it is served again already.
            self.term += 1;
            self.ending = false;
        }
        self.served = serves;
        if serves && !self.ending { self.term } else { 0 }
    }
}

impl Shards {
    /// Has the core of a slot do something, and does what comes of it. Returns the term as well.
    pub(super) fn with<T>(&self, slot: Slot, act: impl FnOnce(&mut Core<Arc<Outputs>>, &mut Outs) -> T) -> Option<(T, u64)> {
        self.with_place(slot, |place, out| act(&mut place.core, out))
    }

    /// The same, for an activation that was made in that term. `None`: it is of the past.
    pub(super) fn with_term<T>(
        &self,
        slot: Slot,
        term: u64,
        act: impl FnOnce(&mut Core<Arc<Outputs>>, &mut Outs) -> T,
    ) -> Option<T> {
        let done = self.with_place(slot, |place, out| (place.term == term).then(|| act(&mut place.core, out)));
        done?.0
    }

    fn with_place<T>(&self, slot: Slot, act: impl FnOnce(&mut Place, &mut Outs) -> T) -> Option<(T, u64)> {
        let mut place = lock(self.places.get(usize::from(slot))?);
        let mut out = mem::take(&mut place.out);
        let done = act(&mut place, &mut out);
        let serves = place.settle(&out);
        let term = place.term;
        for out in &out {
            if let Out::Stops { epoch, orderly: true } = out {
                // Before anything is turned away for it.
                self.waiting.hold(slot, *epoch);
            }
        }
        self.serving[usize::from(slot)].store(serves, Release);
        self.waits[usize::from(slot)].store(place.core.waits(), Release);
        if out.is_empty() {
            place.out = out;
            return Some((done, term));
        }
        drop(place);
        for out in out.drain(..) {
            self.carry_out(slot, out);
        }
        let mut place = lock(&self.places[usize::from(slot)]);
        if place.out.capacity() == 0 {
            place.out = out;
        }
        Some((done, term))
    }

    /// A message of another node about the copies of a slot.
    pub(crate) fn told(&self, from: &NodeKey, slot: Slot, bytes: &[u8]) -> Result<(), String> {
        let message = Message::decode(bytes).map_err(|error| error.to_string())?;
        self.with(slot, |core, out| core.receive(from, message, out)).map(drop).ok_or_else(|| format!("there is no slot {slot}"))
    }

    pub(super) fn agreed(&self, slot: Slot, agreed: Agreed, fenced: bool) {
        if fenced {
            // Whoever is at ending them may be slow: nothing of the past is to be about when this node may speak again.
            self.kinds.regions().iter().for_each(|region| drop(region.end_slot(slot, true)));
        }
        self.with(slot, |core, out| {
            if fenced {
                core.fenced(out);
            }
            core.agreed(agreed, out);
        });
    }

    fn carry_out(&self, slot: Slot, out: Out<Arc<Outputs>>) {
        match out {
            Out::Send(to, message) => {
                if let Some(network) = self.network() {
                    network.tell_slot(&to, slot, |bytes| message.encode(bytes));
                }
            }
            Out::Kept(outputs, version) => outputs.kept(version),
            Out::Serves(epoch) => {
                let served = lock(&self.news).serves(slot, self.host.now());
                if let Some(Served { took, failover, span }) = served {
                    span.record("epoch", epoch);
                    span.record("failover", failover);
                    tracing::debug!(parent: &span, slot, epoch, ?took, failover, "a slot is served");
                    metrics::slot_taken(took, failover);
                }
                self.begins(slot);
            }
            Out::Stops { epoch, orderly } => {
                tracing::debug!(slot, epoch, orderly, "a slot is served no more");
                if orderly {
                    let span = spans::giving(slot, epoch);
                    let before = lock(&self.news).stops(slot, self.host.now(), span);
                    drop(before);
                }
                self.ends(slot, epoch, orderly);
            }
            Out::Reached(epoch, stage) => {
                let mut reached = lock(&self.reached);
                let known = reached.entry((slot, epoch)).or_insert(stage);
                *known = stage.max(*known);
                drop(reached);
                self.wake.notify_one();
            }
            Out::Renew(epoch) => {
                lock(&self.renewed).insert((slot, epoch));
                self.wake.notify_one();
            }
            Out::Lost(epoch) => {
                let is_new = lock(&self.news).is_lost(slot);
                if is_new {
                    tracing::debug!(slot, epoch, "so many copies of a slot are gone that changes may be lost");
                    metrics::slot_lost();
                }
                self.kick(slot);
            }
        }
    }

    /// Entities of the slot are here now.
    fn begins(&self, slot: Slot) {
        let Some(itself) = self.itself.upgrade() else { return };
        self.host.spawn(async move {
            itself.wake_standing(slot);
            itself.kick(slot);
        });
    }

    /// They are not any more.
    fn ends(&self, slot: Slot, epoch: Epoch, orderly: bool) {
        let Some(itself) = self.itself.upgrade() else { return };
        let ending: Vec<(AnyRef, Arc<Outputs>)> =
            self.kinds.regions().iter().flat_map(|region| region.end_slot(slot, !orderly)).collect();
        if !orderly {
            // Whoever is at ending them in order may be slow, and others serve the slot meanwhile.
            self.waiting.release(slot, None);
            return self.kick(slot);
        }
        self.host.spawn(async move {
            let limit = itself.host.now() + HANDLER;
            for (actor, _) in &ending {
                let left = limit.saturating_duration_since(itself.host.now());
                if itself.host.timeout(left, actor.stopped()).await.is_err() {
                    actor.cell().kill();
                }
            }
            itself.waiting.release(slot, Some(epoch));
            itself.kick(slot);
            let over = itself.host.now();
            let (limit, promised) = (over + SETTLE, over + PROMISED);
            // What is kept by now may be about to be told.
            let has_left = || ending.iter().all(|(_, outputs)| outputs.is_settled());
            let is_open = || ending.iter().any(|(_, outputs)| outputs.has_open());
            while itself.host.now() < limit
                && (!(itself.is_settled(slot) && has_left()) || (itself.host.now() < promised && is_open()))
            {
                itself.host.sleep(LOOK).await;
            }
            itself.with(slot, |core, out| core.released(epoch, out));
            let given = lock(&itself.news).released(slot, itself.host.now());
            if let Some((took, span)) = given {
                tracing::debug!(parent: &span, slot, epoch, ?took, "a slot is handed over");
                metrics::slot_given(took);
            }
            // What is not kept by now may be, and nobody here will know.
            ending.iter().for_each(|(_, outputs)| outputs.end());
        });
    }

    fn is_settled(&self, slot: Slot) -> bool {
        lock(&self.places[usize::from(slot)]).core.is_settled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Incarnation, placement::Chain};

    #[test]
    fn what_is_released_to_the_node_that_had_it_is_served_again_in_another_term() {
        let me = NodeKey { id: "a".into(), incarnation: Incarnation(1) };
        let (mut place, mut out) = (Place::new(me.clone()), Vec::new());
        let mut chain = Chain::default();
        chain.begin(vec![me.clone()], 1);
        place.core.agreed(Agreed { chain: chain.into(), up: [me].into(), ..Agreed::default() }, &mut out);
        let first = place.settle(&out);
        assert_ne!(first, 0);
        assert_eq!(place.settle(&vec![Out::Stops { epoch: 1, orderly: true }]), 0, "its entities end");
        assert_eq!(place.settle(&Vec::new()), 0);
        let second = place.settle(&vec![Out::Serves(2)]);
        assert!(second > first, "{second}");
    }
}
