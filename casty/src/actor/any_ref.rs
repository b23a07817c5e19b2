//! A reference to an actor of whichever type.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use tokio::sync::oneshot;

use super::{Actor, ActorId, ActorRef, AnyCell, Cell, StopReason, unknown, watch};
use crate::{
    error::ActorLabel,
    system::{Address, Found, NoActor},
};

/// A reference to an actor whose type is not known: a child, or an actor that has ended.
///
/// It takes no messages; [`typed`](Self::typed) gives the reference that does. It travels as an [`ActorRef`] does.
#[derive(Clone)]
pub struct AnyRef(Arc<dyn AnyCell>);

impl AnyRef {
    pub(crate) fn of(cell: Arc<dyn AnyCell>) -> Self {
        Self(cell)
    }

    pub(crate) fn cell(&self) -> Arc<dyn AnyCell> {
        self.0.clone()
    }

    /// The actor's id.
    pub fn id(&self) -> ActorId {
        self.0.id()
    }

    /// The name that it was spawned under, its parents' included: `"boss/worker-1"`.
    pub fn name(&self) -> Option<&str> {
        self.0.name().map(|name| &**name)
    }

    /// Its type, name and id, for messages to people.
    pub fn label(&self) -> ActorLabel {
        self.0.label()
    }

    /// Whether it takes messages still.
    pub fn is_alive(&self) -> bool {
        self.0.is_alive()
    }

    /// The reference to an `A`, if it is one: what messages can be sent to.
    pub fn typed<A: Actor>(&self) -> Option<ActorRef<A>> {
        match self.0.clone().into_any().downcast::<Cell<A>>() {
            Ok(cell) => Some(ActorRef::of(cell)),
            // Of another node's actor more may be known here than there was where this reference was made.
            Err(_) => ActorRef::elsewhere(self.0.system().clone(), self.0.far()?, self.0.ended()),
        }
    }

    /// Tells it to end after the message in hand. Told twice, it ends once. Returns at once, as [`ActorRef::stop`] does.
    pub fn stop(&self) {
        self.0.clone().stop(StopReason::Stopped);
    }

    /// Waits until it has ended, its name is free, and its watchers were told.
    pub async fn stopped(&self) {
        if self.0.far().is_some() {
            return self.stopped_far().await;
        }
        let extras = self.0.extras();
        let notified = extras.stopped.notified();
        tokio::pin!(notified);
        notified.as_mut().enable();
        if !self.0.is_gone() {
            notified.await;
        }
    }

    async fn stopped_far(&self) {
        let (told, ended) = oneshot::channel();
        let watch = Watching { cell: &*self.0, watcher: ActorId::outside() };
        watch::watch(&self.0, watch.watcher, Box::new(move |terminated| drop(told.send(terminated))));
        drop(ended.await);
    }
}

/// While it lives, somebody who is no actor watches one.
struct Watching<'a> {
    cell: &'a dyn AnyCell,
    watcher: ActorId,
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        watch::unwatch(self.cell, self.watcher);
    }
}

impl<A: Actor> From<&ActorRef<A>> for AnyRef {
    fn from(actor: &ActorRef<A>) -> Self {
        Self::of(actor.cell().clone())
    }
}

impl From<&Self> for AnyRef {
    fn from(actor: &Self) -> Self {
        actor.clone()
    }
}

impl PartialEq for AnyRef {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::addr_eq(Arc::as_ptr(&self.0), Arc::as_ptr(&other.0)) || same_far(&*self.0, &*other.0)
    }
}

/// Whether both are the same actor, and at least one of them is known as a node's.
pub(super) fn same_far(one: &dyn AnyCell, other: &dyn AnyCell) -> bool {
    one.id() == other.id()
        && (one.far().is_some() || other.far().is_some())
        && one.system().address_of(one) == other.system().address_of(other)
}

impl Eq for AnyRef {}

impl Hash for AnyRef {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

impl Serialize for AnyRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Address::of(&*self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AnyRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Address::deserialize(deserializer)?.find().map_err(D::Error::custom)? {
            Found::Entity(..) => return Err(D::Error::custom(NoActor::IsEntity)),
            Found::Here(cell) => cell,
            Found::Far(system, address) => unknown(system, address, None),
            Found::Ended(system, address) => unknown(system, address, Some(StopReason::Stopped)),
        }))
    }
}

impl fmt::Debug for AnyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnyRef({})", self.label())
    }
}
