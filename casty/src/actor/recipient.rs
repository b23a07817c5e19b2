//! A reference that knows of one message only.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use super::{
    Actor, ActorId, ActorRef, AnyCell, AnyRef, Asking, Cell, Sending,
    asking::{Target, Unsent},
};
use crate::{
    ActorSystem, Message, SentTo, TrySendError,
    error::ActorLabel,
    reply::{ReplyTo, Slot},
};

/// Any actor that handles `M`.
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
pub struct Recipient<M: Message>(Arc<dyn Receive<M>>);

impl<M: Message> Recipient<M> {
    pub(crate) fn of<A: Actor>(cell: Arc<Cell<A>>) -> Self
    where
        M: SentTo<A>,
    {
        Self(Arc::new(ActorRef::of(cell)))
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

    /// The actor behind it.
    pub fn actor(&self) -> AnyRef {
        AnyRef::of(self.0.cell())
    }

    /// The actor's id.
    pub fn id(&self) -> ActorId {
        self.0.cell().id()
    }

    /// Whether the actor takes messages still.
    pub fn is_alive(&self) -> bool {
        self.0.cell().is_alive()
    }
}

impl<M: Message> Clone for Recipient<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M: Message> PartialEq for Recipient<M> {
    fn eq(&self, other: &Self) -> bool {
        self.actor() == other.actor()
    }
}

impl<M: Message> Eq for Recipient<M> {}

impl<M: Message> Hash for Recipient<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

impl<M: Message> fmt::Debug for Recipient<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient<{}>({})", M::NAME, self.0.cell().label())
    }
}

/// A message and its asker, before it is known which actor's it will be.
pub struct Letter<M: Message>(M, ReplyTo<M>);

impl<M: Message> fmt::Debug for Letter<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Letter<{}>", M::NAME)
    }
}

/// An actor, seen as one that handles `M`.
trait Receive<M: Message>: Send + Sync {
    fn push(&self, letter: Letter<M>) -> Result<usize, Unsent>;
    /// Runs it now, or else puts it into the mailbox.
    fn ask(&self, letter: Letter<M>, only_if_known: bool) -> Result<(), Unsent>;
    fn try_send(&self, message: M) -> Result<(), TrySendError<M>>;
    fn cell(&self) -> Arc<dyn AnyCell>;
    fn system(&self) -> &ActorSystem;
}

impl<A: Actor, M: SentTo<A>> Receive<M> for ActorRef<A> {
    fn push(&self, Letter(message, reply): Letter<M>) -> Result<usize, Unsent> {
        Target::push(self, message.__wrap(reply))
    }

    fn ask(&self, Letter(message, reply): Letter<M>, only_if_known: bool) -> Result<(), Unsent> {
        Target::ask(self, message.__wrap(reply), only_if_known)
    }

    fn try_send(&self, message: M) -> Result<(), TrySendError<M>> {
        Self::try_send(self, message)
    }

    fn cell(&self) -> Arc<dyn AnyCell> {
        Self::cell(self).clone()
    }

    fn system(&self) -> &ActorSystem {
        Self::cell(self).system()
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

    fn label(&self) -> ActorLabel {
        self.0.cell().label()
    }

    fn id(&self) -> ActorId {
        self.0.cell().id()
    }

    fn system(&self) -> &ActorSystem {
        self.0.system()
    }
}
