//! How entities are reached.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{
    AnyEntity, Entity, EntityId, EntitySending, Regions, SingletonActor,
    posting::post_unheard,
    region::{NotHere, Region},
};
use crate::{
    ActorSystem, Asking, Recipient, Sending, SentTo, TrySendError,
    actor::{ActorId, Answer, Cell, Refused, Target, Unsent, undelivered},
    error::ActorLabel,
    message::Travelling,
    reply::{Refusal, ReplyTo, Slot},
    system::{Address, Found, NoActor},
};

/// The entities of one type. See [`ActorSystem::sharded`].
pub struct Sharded<A: Entity> {
    system: ActorSystem,
    region: Arc<Region<A>>,
}

impl<A: Entity> Sharded<A> {
    pub(crate) fn new(system: ActorSystem, region: Arc<Region<A>>) -> Self {
        Self { system, region }
    }

    /// The entity of this id. Nothing is made before a message needs it.
    pub fn entity(&self, id: impl Into<EntityId>) -> EntityRef<A> {
        let id = id.into();
        let hash = self.region.hash(&id);
        EntityRef { system: self.system.clone(), region: self.region.clone(), id, hash }
    }
}

impl<A: SingletonActor> Sharded<A> {
    pub(crate) fn only(self) -> EntityRef<A> {
        self.entity("")
    }
}

impl<A: Entity> Clone for Sharded<A> {
    fn clone(&self) -> Self {
        Self { system: self.system.clone(), region: self.region.clone() }
    }
}

impl<A: Entity> fmt::Debug for Sharded<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sharded({})", A::ENTITY.name)
    }
}

/// An entity's address: good whether its actor is there or not, which is made when a message needs it.
///
/// ```
/// use casty::prelude::*;
///
/// #[message]
/// struct Deposit(i64);
///
/// #[message(reply = i64)]
/// struct Balance;
///
/// #[actor]
/// #[sharded(name = "accounts")]
/// #[derive(Default)]
/// struct Account {
///     #[casty(id)]
///     owner: String,
///     balance: i64,
/// }
///
/// #[actor]
/// impl Account {
///     #[handler]
///     fn deposit(&mut self, Deposit(amount): Deposit) {
///         self.balance += amount;
///     }
///
///     #[handler]
///     fn balance(&self, _: Balance) -> i64 {
///         self.balance
///     }
/// }
///
/// # #[casty::main]
/// # async fn main(system: ActorSystem) -> casty::Result<()> {
/// let alice = system.sharded::<Account>().entity("alice");
/// alice.send(Deposit(10)).await?;
/// assert_eq!(alice.ask(Balance).await?, 10);
/// # Ok(()) }
/// ```
///
/// It serialises as the names of its type and of the entity, and can travel in messages and in states: it is good on every
/// node of the cluster.
pub struct EntityRef<A: Entity> {
    system: ActorSystem,
    region: Arc<Region<A>>,
    id: EntityId,
    /// Of its type's name and its id.
    hash: u64,
}

impl<A: Entity> EntityRef<A> {
    /// Which entity of its type.
    pub fn id(&self) -> &EntityId {
        &self.id
    }

    /// Sends a message. On a cluster, with the type's `sync`, it waits until the message was handled and so many backups have what
    /// it changed; otherwise it hands the message over and goes on, as [`ActorRef::send`](crate::ActorRef::send) does.
    ///
    /// # Errors
    /// [`SendError`](crate::SendError), when awaited; it [tells](crate::SendError::may_have_been_handled) whether the message can
    /// have been handled. Where it is waited for, that is so after [`Failed`](crate::SendError::Failed),
    /// [`NotReplicated`](crate::SendError::NotReplicated) and [`ConnectionLost`](crate::SendError::ConnectionLost).
    pub fn send<M: SentTo<A> + Travelling>(&self, message: M) -> EntitySending<'_, A, M> {
        if self.region.waits() {
            return EntitySending::kept(self.ask(message));
        }
        EntitySending::plain(Sending::new(self, message.__wrap(ReplyTo::NOBODY)))
    }

    /// Hands a message over without ever waiting. For an entity that is elsewhere, or on the move, that is `Ok` at once: what does
    /// not get there is a dead letter. No change is waited for, whatever the type's `sync`.
    ///
    /// # Errors
    /// [`TrySendError`], with the message in it, for an entity that is here: its mailbox is full, it is just being put away (a
    /// later attempt succeeds), it cannot be made, or the system has shut down.
    pub fn try_send<M: SentTo<A> + Travelling>(&self, message: M) -> Result<(), TrySendError<M>> {
        self.try_item(message.__wrap(ReplyTo::NOBODY)).map_err(|(item, why)| {
            let message = M::__unwrap(item).expect("the item was made of this message");
            TrySendError::new(&why, self.label(), message)
        })
    }

    pub(super) fn try_item(&self, item: A::Item) -> Result<(), (A::Item, Refusal)> {
        let cell = match self.region.cell_in_turn(&self.system, &self.id, self.hash) {
            Ok(cell) => cell,
            Err(NotHere::Refused(why)) => return Err((item, why)),
            Err(NotHere::Elsewhere) => {
                post_unheard(&self.system, &self.region.address(&self.id), self.label(), item);
                return Ok(());
            }
        };
        Err(match cell.push(item) {
            Ok(_) => return Ok(()),
            Err(Refused::Far(refused)) => *refused,
            // Another one takes its place at once.
            Err(Refused::Stopped(item)) if self.system.serves_entities() => (item, Refusal::Full),
            Err(Refused::Stopped(item)) => (item, Refusal::Stopped),
            Err(Refused::Full(item) | Refused::Wait(item)) => (item, Refusal::Full),
        })
    }

    /// Sends a message and waits for the answer, as [`ActorRef::ask`](crate::ActorRef::ask) does.
    ///
    /// # Errors
    /// [`AskError`](crate::AskError), when awaited; it tells whether the message can have been handled.
    pub fn ask<M: SentTo<A> + Travelling>(&self, message: M) -> Asking<'_, Self, M> {
        let slot = Slot::new();
        let item = message.__wrap(ReplyTo::asker(slot.clone()));
        Asking::new(self, item, slot)
    }

    /// Its type and id, for messages to people.
    pub fn label(&self) -> ActorLabel {
        ActorLabel::entity(A::NAME, &self.id)
    }

    /// A reference that knows of one message only, whatever is behind it. What is sent through it is handed over, and not
    /// waited for until it is kept.
    pub fn recipient<M: SentTo<A> + Travelling>(&self) -> Recipient<M> {
        Recipient::of_entity(AnyEntity::new(self.system.clone(), Regions::erase(&self.region), self.id.clone()))
    }

    /// Hands a message over without waiting. If that cannot be, an asker is told, and what was sent is a dead letter.
    pub(crate) fn push_or_tell(&self, item: A::Item) {
        let (item, why) = match self.region.cell_in_turn(&self.system, &self.id, self.hash) {
            Ok(cell) => match cell.push(item) {
                Ok(_) => return,
                Err(Refused::Stopped(item)) => return self.follow(cell, item),
                Err(Refused::Full(item) | Refused::Wait(item)) => (item, Refusal::Full),
                Err(Refused::Far(refused)) => *refused,
            },
            Err(NotHere::Elsewhere) => {
                return post_unheard(&self.system, &self.region.address(&self.id), Self::label(self), item);
            }
            Err(NotHere::Refused(why)) => (item, why),
        };
        undelivered(&self.system, Self::label(self), item, why);
    }

    /// Gives a message to the activation that follows one that ends.
    fn follow(&self, ended: Arc<Cell<A>>, item: A::Item) {
        use crate::actor::Item as _;
        let (name, asks, label, system) = (item.name(), item.is_ask(), Self::label(self), self.system.clone());
        let after = self.region.clone().after(system.clone(), self.id.clone(), ended, item);
        self.system.host().spawn(async move {
            if let Err(unsent) = after.await
                && !asks
            {
                system.dead_letter(label, name, unsent.reason());
            }
        });
    }

    fn push_to(&self, cell: Arc<Cell<A>>, item: A::Item) -> Result<usize, Unsent> {
        match cell.push(item) {
            Ok(waiting) => Ok(waiting),
            Err(Refused::Stopped(item)) => {
                let after = self.region.clone().after(self.system.clone(), self.id.clone(), cell, item);
                Err(Unsent::Waits(Box::pin(after)))
            }
            Err(other) => Err(cell.refused(other)),
        }
    }

    fn unsent(&self, item: A::Item, why: Refusal) -> Unsent {
        use crate::actor::Item as _;
        item.refuse(why.clone());
        Unsent::Far(why)
    }
}

impl<A: Entity> Target for EntityRef<A> {
    type Item = A::Item;

    fn push(&self, item: A::Item) -> Result<usize, Unsent> {
        match self.region.cell_in_turn(&self.system, &self.id, self.hash) {
            Ok(cell) => self.push_to(cell, item),
            Err(NotHere::Elsewhere) => self.region.post(&self.system, &self.id, item).map(|()| 0),
            Err(NotHere::Refused(why)) => Err(self.unsent(item, why)),
        }
    }

    fn ask(&self, item: A::Item, only_if_known: bool) -> Result<(), Unsent> {
        let cell = match self.region.cell_in_turn(&self.system, &self.id, self.hash) {
            Ok(cell) => cell,
            Err(NotHere::Elsewhere) => return self.region.post(&self.system, &self.id, item),
            Err(NotHere::Refused(why)) => return Err(self.unsent(item, why)),
        };
        match cell.run_inline(item, only_if_known) {
            Ok(()) => Ok(()),
            Err(item) => self.push_to(cell, item).map(drop),
        }
    }

    fn confirm(&self, item: A::Item, _: Box<dyn Answer>) -> Result<bool, Unsent> {
        self.push(item).map(|_| false)
    }

    fn label(&self) -> ActorLabel {
        Self::label(self)
    }

    fn id(&self) -> ActorId {
        // One that sleeps waits for nobody.
        self.region.awake(&self.id).map_or_else(ActorId::outside, |cell| cell.id())
    }

    fn is_far(&self) -> bool {
        false
    }

    fn system(&self) -> &ActorSystem {
        &self.system
    }
}

impl<A: Entity> Clone for EntityRef<A> {
    fn clone(&self) -> Self {
        Self { system: self.system.clone(), region: self.region.clone(), id: self.id.clone(), hash: self.hash }
    }
}

impl<A: Entity> PartialEq for EntityRef<A> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.region, &other.region) && self.id == other.id
    }
}

impl<A: Entity> Eq for EntityRef<A> {}

impl<A: Entity> Hash for EntityRef<A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl<A: Entity> fmt::Debug for EntityRef<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntityRef({})", self.label())
    }
}

impl<A: Entity> Serialize for EntityRef<A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Address::of_entity(&self.system, A::ENTITY.name, &self.id).serialize(serializer)
    }
}

impl<'de, A: Entity> Deserialize<'de> for EntityRef<A> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (system, kind, id) = match Address::deserialize(deserializer)?.find().map_err(D::Error::custom)? {
            Found::Entity(system, kind, id) => (system, kind, id),
            Found::Here(_) | Found::Far(..) | Found::Ended(..) => {
                return Err(D::Error::custom(format_args!(
                    "the reference is to an actor, and not to one of \"{}\"",
                    A::ENTITY.name
                )));
            }
        };
        if kind != A::ENTITY.name {
            return Err(D::Error::custom(format_args!("\"{id}\" is one of \"{kind}\", and not of \"{}\"", A::ENTITY.name)));
        }
        let entities = system.entities::<A>().ok_or_else(|| D::Error::custom(NoActor::NoType))?;
        Ok(entities.entity(id))
    }
}
