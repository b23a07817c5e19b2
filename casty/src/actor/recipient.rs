//! A reference that knows of one message only.

use std::{
    any::Any,
    borrow::Cow,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{
    Actor, ActorId, ActorRef, Answer, AnyCell, AnyRef, Asking, Cell, Sending, StopReason,
    asking::{Target, Unsent},
    by_name::{ByName, unknown},
    taking::reason,
};
use crate::{
    ActorSystem, Message, SentTo, TrySendError,
    entity::AnyEntity,
    error::ActorLabel,
    registry::entity_type,
    reply::{Refusal, ReplyTo, Slot},
    system::{Address, Found, NoActor},
};

/// Any actor that handles `M`, or any [entity](crate::EntityRef).
///
/// ```
/// use casty::prelude::*;
///
/// #[message(reply = String)]
/// struct Say(String);
///
/// #[actor]
/// struct Echo;
///
/// #[actor]
/// impl Echo {
///     #[handler]
///     fn say(&self, Say(text): Say) -> String {
///         text
///     }
/// }
///
/// # #[casty::main]
/// # async fn main(system: ActorSystem) -> casty::Result<()> {
/// let anyone: Recipient<Say> = system.spawn(|| Echo).await?.recipient();
/// assert_eq!(anyone.ask(Say("hi".into())).await?, "hi");
/// # Ok(()) }
/// ```
///
/// It serialises as the actor's address and the message's name, and works on another node, too. Where it is deserialised
/// nothing is known of the actor: if it does not handle `M`, sends and asks are `Rejected`.
pub struct Recipient<M: Message>(Arc<dyn Receive<M>>);

impl<M: Message> Recipient<M> {
    pub(crate) fn of<A: Actor>(cell: Arc<Cell<A>>) -> Self
    where
        M: SentTo<A>,
    {
        Self(Arc::new(ActorRef::of(cell)))
    }

    pub(crate) fn of_entity(entity: AnyEntity) -> Self {
        Self(Arc::new(entity))
    }

    /// As [`ActorRef::send`].
    ///
    /// # Errors
    /// [`SendError`](crate::SendError), when awaited. The message was not handled then.
    pub fn send(&self, message: M) -> Sending<'_, Self, M> {
        Sending::new(self, Letter(message, ReplyTo::NOBODY))
    }

    /// As [`ActorRef::try_send`].
    ///
    /// # Errors
    /// [`TrySendError`], with the message in it, if the actor has stopped or its mailbox is full.
    pub fn try_send(&self, message: M) -> Result<(), TrySendError<M>> {
        self.0.try_send(message)
    }

    /// As [`ActorRef::ask`].
    ///
    /// # Errors
    /// [`AskError`](crate::AskError), when awaited; it tells whether the message can have been handled.
    pub fn ask(&self, message: M) -> Asking<'_, Self, M> {
        let slot = Slot::new();
        let letter = Letter(message, ReplyTo::asker(slot.clone()));
        Asking::new(self, letter, slot)
    }

    pub(super) fn push_or_tell(&self, message: M, reply: ReplyTo<M>) {
        self.0.tell(Letter(message, reply));
    }

    /// The actor behind it; `None` for an entity, whose actors come and go.
    pub fn actor(&self) -> Option<AnyRef> {
        self.0.cell().map(AnyRef::of)
    }

    /// The actor's id; for an entity, that of its actor now, if it is awake on this node.
    pub fn id(&self) -> ActorId {
        self.0.id()
    }

    /// Its type, and name or id, for messages to people.
    pub fn label(&self) -> ActorLabel {
        self.0.label()
    }

    /// Whether the actor takes messages still. An entity always does.
    pub fn is_alive(&self) -> bool {
        self.0.cell().is_none_or(|cell| cell.is_alive())
    }
}

impl<M: Message> Clone for Recipient<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M: Message> PartialEq for Recipient<M> {
    fn eq(&self, other: &Self) -> bool {
        match (self.actor(), other.actor()) {
            (None, None) => self.0.address() == other.0.address() && self.0.system().addr() == other.0.system().addr(),
            (one, other) => one == other,
        }
    }
}

impl<M: Message> Eq for Recipient<M> {}

impl<M: Message> Hash for Recipient<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // An entity's is another each time that it is woken.
        self.actor().map(|actor| actor.id()).hash(state);
    }
}

impl<M: Message> fmt::Debug for Recipient<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient<{}>({})", M::NAME, self.0.label())
    }
}

/// A message and its asker, before it is known which actor's it will be.
pub struct Letter<M: Message>(pub(super) M, pub(super) ReplyTo<M>);

impl<M: Message> Letter<M> {
    pub(crate) fn new(message: M, reply: ReplyTo<M>) -> Self {
        Self(message, reply)
    }

    /// What a letter of unknown type holds, if it is of this type.
    pub fn open(letter: &mut dyn Any) -> Option<(M, ReplyTo<M>)> {
        let Self(message, reply) = letter.downcast_mut::<Option<Self>>()?.take()?;
        Some((message, reply))
    }
}

impl<M: Message> Letter<M> {
    /// Puts what [`open`](Self::open) gave back.
    pub fn close(letter: &mut dyn Any, message: M, reply: ReplyTo<M>) {
        if let Some(letter) = letter.downcast_mut::<Option<Self>>() {
            *letter = Some(Self(message, reply));
        }
    }
}

impl<M: Message> fmt::Debug for Letter<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Letter<{}>", M::NAME)
    }
}

impl<M: Message> Letter<M> {
    /// It was not taken, and nobody will try again.
    pub(crate) fn undelivered(self, system: &ActorSystem, label: ActorLabel, why: Refusal) {
        if self.1.is_ask() {
            self.1.refuse(why);
        } else {
            system.dead_letter(label, M::NAME, reason(&why));
        }
    }
}

/// An actor, seen as one that handles `M`.
trait Receive<M: Message>: Send + Sync {
    fn push(&self, letter: Letter<M>) -> Result<usize, Unsent>;
    /// Runs it now, or else puts it into the mailbox.
    fn ask(&self, letter: Letter<M>, only_if_known: bool) -> Result<(), Unsent>;
    /// Puts it into the mailbox. `true` if a receipt will come for that.
    fn confirm(&self, letter: Letter<M>, receipt: Box<dyn Answer>) -> Result<bool, Unsent>;
    fn try_send(&self, message: M) -> Result<(), TrySendError<M>>;
    /// Puts it into the mailbox without waiting. If that cannot be, an asker is told, and else it is a dead letter.
    fn tell(&self, letter: Letter<M>);
    /// The actor, if it is one that stays.
    fn cell(&self) -> Option<Arc<dyn AnyCell>>;
    fn address(&self) -> Address;
    fn label(&self) -> ActorLabel;
    fn id(&self) -> ActorId;
    fn system(&self) -> &ActorSystem;
    fn is_far(&self) -> bool;
}

impl<A: Actor, M: SentTo<A>> Receive<M> for ActorRef<A> {
    fn push(&self, Letter(message, reply): Letter<M>) -> Result<usize, Unsent> {
        Target::push(self, message.__wrap(reply))
    }

    fn ask(&self, Letter(message, reply): Letter<M>, only_if_known: bool) -> Result<(), Unsent> {
        Target::ask(self, message.__wrap(reply), only_if_known)
    }

    fn confirm(&self, Letter(message, reply): Letter<M>, receipt: Box<dyn Answer>) -> Result<bool, Unsent> {
        Target::confirm(self, message.__wrap(reply), receipt)
    }

    fn try_send(&self, message: M) -> Result<(), TrySendError<M>> {
        Self::try_send(self, message)
    }

    fn tell(&self, Letter(message, reply): Letter<M>) {
        Self::cell(self).push_or_tell(message.__wrap(reply));
    }

    fn cell(&self) -> Option<Arc<dyn AnyCell>> {
        Some(Self::cell(self).clone())
    }

    fn address(&self) -> Address {
        Address::of(&**Self::cell(self))
    }

    fn label(&self) -> ActorLabel {
        Self::label(self)
    }

    fn id(&self) -> ActorId {
        Self::id(self)
    }

    fn system(&self) -> &ActorSystem {
        Self::cell(self).system()
    }

    fn is_far(&self) -> bool {
        Target::is_far(self)
    }
}

impl<M: Message> Target for Recipient<M> {
    type Item = Letter<M>;

    fn ask(&self, letter: Letter<M>, only_if_known: bool) -> Result<(), Unsent> {
        self.0.ask(letter, only_if_known)
    }

    fn push(&self, letter: Letter<M>) -> Result<usize, Unsent> {
        self.0.push(letter)
    }

    fn confirm(&self, letter: Letter<M>, receipt: Box<dyn Answer>) -> Result<bool, Unsent> {
        self.0.confirm(letter, receipt)
    }

    fn label(&self) -> ActorLabel {
        self.0.label()
    }

    fn id(&self) -> ActorId {
        self.0.id()
    }

    fn is_far(&self) -> bool {
        self.0.is_far()
    }

    fn system(&self) -> &ActorSystem {
        self.0.system()
    }
}

impl<M: Message> Serialize for Recipient<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.0.address(), M::NAME).serialize(serializer)
    }
}

impl<'de, M: Message> Deserialize<'de> for Recipient<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (address, name) = <(Address, Cow<'de, str>)>::deserialize(deserializer)?;
        if name != M::NAME {
            return Err(D::Error::custom(format_args!("the recipient takes {name}, and not {}", M::NAME)));
        }
        let cell = match address.find().map_err(D::Error::custom)? {
            Found::Entity(system, kind, id) => {
                let region = entity_type(&kind).and_then(|kind| (kind.region)(&system));
                let region = region.ok_or_else(|| D::Error::custom(NoActor::NoType))?;
                return Ok(Self::of_entity(AnyEntity::new(system, region, id)));
            }
            Found::Here(cell) => cell,
            Found::Far(system, address) => unknown(system, address, None),
            Found::Ended(system, address) => unknown(system, address, Some(StopReason::Stopped)),
        };
        Ok(Self(Arc::new(ByName(cell))))
    }
}

impl<M: Message> Receive<M> for ByName {
    fn push(&self, letter: Letter<M>) -> Result<usize, Unsent> {
        self.deliver(letter, None)
    }

    fn ask(&self, letter: Letter<M>, only_if_known: bool) -> Result<(), Unsent> {
        self.deliver(letter, Some(only_if_known)).map(drop)
    }

    fn confirm(&self, letter: Letter<M>, receipt: Box<dyn Answer>) -> Result<bool, Unsent> {
        match self.0.far() {
            Some(_) => self.deliver_far(letter, &mut Some(receipt)).map(|()| true),
            None => self.deliver(letter, None).map(|_| false),
        }
    }

    fn try_send(&self, message: M) -> Result<(), TrySendError<M>> {
        self.try_deliver(message).map_err(|(message, why)| TrySendError::new(&why, self.0.label(), message))
    }

    fn tell(&self, letter: Letter<M>) {
        self.deliver_or_tell(letter);
    }

    fn cell(&self) -> Option<Arc<dyn AnyCell>> {
        Some(self.0.clone())
    }

    fn address(&self) -> Address {
        Address::of(&*self.0)
    }

    fn label(&self) -> ActorLabel {
        self.0.label()
    }

    fn id(&self) -> ActorId {
        self.0.id()
    }

    fn system(&self) -> &ActorSystem {
        self.0.system()
    }

    fn is_far(&self) -> bool {
        self.0.far().is_some()
    }
}

impl<M: Message> Receive<M> for AnyEntity {
    fn push(&self, letter: Letter<M>) -> Result<usize, Unsent> {
        self.deliver(letter, None)
    }

    fn ask(&self, letter: Letter<M>, only_if_known: bool) -> Result<(), Unsent> {
        self.deliver(letter, Some(only_if_known)).map(drop)
    }

    fn confirm(&self, letter: Letter<M>, _: Box<dyn Answer>) -> Result<bool, Unsent> {
        self.deliver(letter, None).map(|_| false)
    }

    fn try_send(&self, message: M) -> Result<(), TrySendError<M>> {
        self.try_deliver(message).map_err(|(message, why)| TrySendError::new(&why, Self::label(self), message))
    }

    fn tell(&self, letter: Letter<M>) {
        self.deliver_or_tell(letter);
    }

    fn cell(&self) -> Option<Arc<dyn AnyCell>> {
        None
    }

    fn address(&self) -> Address {
        Self::address(self)
    }

    fn label(&self) -> ActorLabel {
        Self::label(self)
    }

    fn id(&self) -> ActorId {
        self.actor()
    }

    fn system(&self) -> &ActorSystem {
        Self::system(self)
    }

    fn is_far(&self) -> bool {
        false
    }
}
