//! The reference through which an actor of a known type is reached.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{
    Actor, ActorId, AnyRef, Asking, Cell, FarAddress, Recipient, Sending, StopReason, StopSent, any_cell::AnyCell as _,
    any_ref::same_far, delivery::Refused,
};
use crate::{
    ActorSystem, SendError, SentTo, TrySendError,
    error::ActorLabel,
    reply::{ReplyTo, Slot},
    system::{Address, Found, NoActor},
};

/// An actor's address. Cheap to clone, and good for as long as the actor lives, restarts included.
///
/// ```
/// use casty::prelude::*;
///
/// #[message(reply = u64)]
/// struct Add(u64);
///
/// #[actor]
/// #[derive(Default)]
/// struct Sum(u64);
///
/// #[actor]
/// impl Sum {
///     #[handler]
///     fn add(&mut self, Add(n): Add) -> u64 {
///         self.0 += n;
///         self.0
///     }
/// }
///
/// # #[casty::main]
/// # async fn main(system: ActorSystem) -> casty::Result<()> {
/// let sum = system.spawn(Sum::default).await?;
/// sum.send(Add(20)).await?;
/// assert_eq!(sum.ask(Add(22)).await?, 42);
/// # Ok(()) }
/// ```
///
/// It serialises as the actor's address, and deserialises to a reference to the same actor: within this process, and in a
/// cluster on every node.
pub struct ActorRef<A: Actor>(Arc<Cell<A>>);

impl<A: Actor> ActorRef<A> {
    pub(crate) fn of(cell: Arc<Cell<A>>) -> Self {
        Self(cell)
    }

    /// The reference to another node's actor, if it is an `A`; with `ended`, to one that has ended.
    pub(crate) fn elsewhere(system: ActorSystem, address: &Arc<FarAddress>, ended: Option<StopReason>) -> Option<Self> {
        address.is_of::<A>().then(|| Self(Arc::new(Cell::elsewhere(system, address.clone(), ended))))
    }

    pub(crate) fn cell(&self) -> &Arc<Cell<A>> {
        &self.0
    }

    /// Hands a message over and goes on; with a bounded mailbox that is full, what its [`Overflow`](crate::Overflow)
    /// says happens.
    ///
    /// # Errors
    /// [`SendError`](crate::SendError), when awaited. The message was not handled then.
    #[inline(always)]
    pub fn send<M: SentTo<A>>(&self, message: M) -> Sending<'_, Self, M> {
        Sending::new(self, message.__wrap(ReplyTo::NOBODY))
    }

    /// Hands a message over without ever waiting: for code that is not async, and for shedding load.
    ///
    /// With a bounded mailbox that drops messages, `Ok` can mean that one was dropped.
    ///
    /// # Errors
    /// [`TrySendError`], with the message in it, if the actor has stopped or its mailbox is full.
    #[inline]
    pub fn try_send<M: SentTo<A>>(&self, message: M) -> Result<(), TrySendError<M>> {
        let Err(refused) = self.0.push_at_once(message.__wrap(ReplyTo::NOBODY)) else { return Ok(()) };
        let actor = self.label();
        match refused {
            Refused::Far(refused) => {
                let (item, why) = *refused;
                Err(TrySendError::new(&why, actor, unwrap(item)))
            }
            Refused::Stopped(item) => Err(TrySendError::Stopped { actor, message: unwrap(item) }),
            Refused::Full(item) | Refused::Wait(item) => Err(TrySendError::Full { actor, message: unwrap(item) }),
        }
    }

    /// Sends a message and waits for the answer, for 5 s unless [`timeout`](Asking::timeout) or the system's
    /// [`ask_timeout`](crate::SystemBuilder::ask_timeout) says otherwise.
    ///
    /// ```
    /// use casty::prelude::*;
    /// use std::time::Duration;
    ///
    /// #[message(reply = u64)]
    /// struct Think(Duration);
    ///
    /// #[actor]
    /// struct Thinker;
    ///
    /// #[actor]
    /// impl Thinker {
    ///     #[handler]
    ///     async fn think(&mut self, Think(time): Think) -> u64 {
    ///         tokio::time::sleep(time).await;
    ///         42
    ///     }
    /// }
    ///
    /// # #[casty::main]
    /// # async fn main(system: ActorSystem) -> casty::Result<()> {
    /// let thinker = system.spawn(|| Thinker).await?;
    /// assert_eq!(thinker.ask(Think(Duration::ZERO)).await?, 42);
    ///
    /// let late = thinker.ask(Think(Duration::from_millis(100))).timeout(Duration::from_millis(10)).await;
    /// assert!(matches!(late, Err(AskError::Timeout { .. })));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`AskError`](crate::AskError), when awaited; it tells whether the message can have been handled.
    pub fn ask<M: SentTo<A>>(&self, message: M) -> Asking<'_, Self, M> {
        let slot = Slot::new();
        let item = message.__wrap(ReplyTo::asker(slot.clone()));
        Asking::new(self, item, slot)
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

    /// Whether it takes messages still: it was not told to stop. Of an actor on another node, whether it is not known here
    /// that it has ended.
    pub fn is_alive(&self) -> bool {
        self.0.is_alive()
    }

    /// A reference that knows of one message only, whatever actor is behind it.
    pub fn recipient<M: SentTo<A>>(&self) -> Recipient<M> {
        Recipient::of(self.0.clone())
    }

    /// Tells the actor to end after the message in hand: asks that wait get `Stopped`, sends become dead letters.
    ///
    /// The telling itself is done by this call; awaiting it does not wait for the end, [`stopped`](Self::stopped) does.
    /// An actor that has ended is `Ok` too.
    ///
    /// # Errors
    /// None in one process. [`SendError::Unreachable`] if the actor's node cannot be told.
    pub fn stop(&self) -> StopSent {
        if self.0.far().is_some() {
            let told = if self.0.is_alive() { self.0.stop_far() } else { Ok(()) };
            return StopSent::new(told.map_err(|why| SendError::new(&why, self.label(), "stop")));
        }
        self.0.clone().stop(StopReason::Stopped);
        StopSent::new(Ok(()))
    }

    /// Waits until the actor has ended, its name is free, and its watchers were told.
    pub async fn stopped(&self) {
        AnyRef::from(self).stopped().await;
    }
}

fn unwrap<A: Actor, M: SentTo<A>>(item: A::Item) -> M {
    M::__unwrap(item).expect("the item was made of this message")
}

impl<A: Actor> Clone for ActorRef<A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<A: Actor> PartialEq for ActorRef<A> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || same_far(&*self.0, &*other.0)
    }
}

impl<A: Actor> Eq for ActorRef<A> {}

impl<A: Actor> Hash for ActorRef<A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

impl<A: Actor> fmt::Debug for ActorRef<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActorRef({})", self.label())
    }
}

impl<A: Actor> Serialize for ActorRef<A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Address::of(&*self.0).serialize(serializer)
    }
}

impl<'de, A: Actor> Deserialize<'de> for ActorRef<A> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (cell, label) = match Address::deserialize(deserializer)?.find().map_err(D::Error::custom)? {
            Found::Entity(..) => return Err(D::Error::custom(NoActor::IsEntity)),
            Found::Here(cell) => (AnyRef::of(cell.clone()).typed(), cell.label()),
            Found::Far(system, address) => (Self::elsewhere(system, &address, None), ActorLabel::far(address)),
            Found::Ended(system, address) => {
                (Self::elsewhere(system, &address, Some(StopReason::Stopped)), ActorLabel::far(address))
            }
        };
        cell.ok_or_else(|| D::Error::custom(format_args!("{label} is not a {}", A::NAME)))
    }
}
