//! What the cluster does with a system's actors in other nodes' names, and the links that it gives to the system.

use std::{
    cell::RefCell,
    sync::{Arc, Weak},
};

use super::{ActorSystem, Inner};
use crate::{
    LookupError, StopReason,
    actor::{ActorId, AnyRef, FarAddress, FarQuestions, Links, TellEnd, unknown},
};
#[cfg(test)]
use crate::{
    actor::{Incoming, Received, Wants},
    error::ActorLabel,
    reply::Refusal,
    system::DeadLetterReason,
};

thread_local! {
    /// Whose references are being decoded on this thread.
    static DECODING: RefCell<Option<ActorSystem>> = const { RefCell::new(None) };
}

/// Puts back what was there before, whatever happens.
struct Restore(Option<ActorSystem>);

impl Drop for Restore {
    fn drop(&mut self) {
        let inner = DECODING.replace(self.0.take());
        drop(inner);
    }
}

/// The system whose references are being decoded on this thread.
pub(super) fn decoding_for() -> Option<ActorSystem> {
    DECODING.with_borrow(Clone::clone)
}

/// A system that does not live for this.
#[derive(Clone)]
pub(crate) struct WeakSystem(Weak<Inner>);

impl WeakSystem {
    pub(crate) fn upgrade(&self) -> Option<ActorSystem> {
        self.0.upgrade().map(ActorSystem)
    }
}

impl ActorSystem {
    /// For the links that the system has: they must not hold it.
    pub(crate) fn downgrade(&self) -> WeakSystem {
        WeakSystem(Arc::downgrade(&self.0))
    }

    /// From now on this system is a node. Once: a second set of links is not taken.
    pub(crate) fn set_links(&self, links: Arc<dyn Links>) {
        let taken = self.0.links.set(links);
        debug_assert!(taken.is_ok(), "a system is one node");
    }

    /// The way to other nodes, in a cluster.
    pub(crate) fn links(&self) -> Option<&Arc<dyn Links>> {
        self.0.links.get()
    }

    /// The questions of other nodes that are open here.
    pub(crate) fn far_questions(&self) -> &FarQuestions {
        &self.0.far_questions
    }

    /// Runs `decode`; the references that it decodes are this system's.
    pub(crate) fn decoding<R>(&self, decode: impl FnOnce() -> R) -> R {
        let _restore = Restore(DECODING.replace(Some(self.clone())));
        decode()
    }

    /// A message came from another node. Does not block, and does not wait; it may run the handler.
    #[cfg(test)]
    pub(crate) fn receive(&self, actor: ActorId, incoming: Incoming<'_>) -> Received {
        match self.find(actor) {
            Some(cell) => cell.receive(incoming),
            None => {
                if let Some(port) = incoming.reply {
                    port.refuse(Refusal::Stopped);
                } else if incoming.wants == Wants::Nothing {
                    let label = ActorLabel::here(actor, "an actor", None);
                    self.dead_letter(label, UNKNOWN, DeadLetterReason::Stopped);
                }
                Received::Refused(Refusal::Stopped)
            }
        }
    }

    /// Another node's actor, or task, tells an actor to end.
    pub(crate) fn stop_for(&self, actor: ActorId) {
        if let Some(cell) = self.find(actor) {
            cell.stop(StopReason::Stopped);
        }
    }

    /// Another node watches an actor. `watcher` is [`ActorId::outside`], one for each watch; `tell` is called once, at once
    /// if the actor has ended.
    pub(crate) fn watch_for(&self, actor: ActorId, watcher: ActorId, tell: TellEnd) {
        let Some(cell) = self.find(actor) else { return tell(StopReason::Stopped) };
        crate::actor::watch(&cell, watcher, Box::new(move |ended| tell(ended.reason)));
    }

    pub(crate) fn unwatch_for(&self, actor: ActorId, watcher: ActorId) {
        if let Some(extras) = self.find(actor).as_ref().and_then(|cell| cell.had_extras()) {
            extras.unwatch(watcher);
        }
    }

    /// The actor that has a name on this node. `None` without links.
    #[cfg(test)]
    pub(crate) fn lookup_for(&self, name: &str) -> Option<FarAddress> {
        self.address_of(&*self.0.names.get(name)?)
    }

    /// The actor that has a name on another node.
    pub(super) async fn lookup_elsewhere(&self, name: &str) -> Result<Option<AnyRef>, LookupError> {
        let Some(links) = self.links() else { return Ok(None) };
        let Some(address) = links.lookup(name).await? else { return Ok(None) };
        // It may have come here meanwhile, or be known by an older table.
        let cell = if address.node == *links.this_node() {
            self.find(address.actor)
        } else {
            Some(unknown(self.clone(), Arc::new(address), None))
        };
        Ok(cell.map(AnyRef::of))
    }

    /// The address of an actor of this system, or of one that it knows on another node. `None` without links.
    pub(crate) fn address_of(&self, cell: &dyn crate::actor::AnyCell) -> Option<FarAddress> {
        if let Some(far) = cell.far() {
            return Some((**far).clone());
        }
        let node = self.links()?.this_node().clone();
        Some(FarAddress { node, actor: cell.id(), kind: cell.kind().into(), name: cell.name().cloned() })
    }
}

/// In place of the name of a message that this program does not know.
pub(crate) const UNKNOWN: &str = "an unknown message";
