//! Whom a handler can leave messages to: whoever takes them without keeping it waiting.

use std::sync::Arc;

use super::{Actor, ActorRef, Cell, Recipient, Refused, Unsent};
use crate::{
    ActorSystem, EntityRef, Message, SentTo,
    entity::Entity,
    error::ActorLabel,
    message::Travelling,
    reply::{FarRefusal, Refusal, ReplyTo},
    system::DeadLetterReason,
};

/// Whoever takes `M`: the [`ActorRef`] of an actor that handles it, the [`EntityRef`] of an entity that does, or a
/// [`Recipient`]. See [`Context::then`](crate::Context::then) and [`Context::forward`](crate::Context::forward).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not take the message `{M}`",
    label = "this takes no `{M}`",
    note = "messages are left to an `ActorRef`, an `EntityRef` or a `Recipient<{M}>`"
)]
pub trait Takes<M: Message>: Sealed {
    /// What hands the message over, once it is known who waits for its answer.
    #[doc(hidden)]
    fn __handing(&self, message: M) -> Handing<M>;
}

pub(super) type Handing<M> = Box<dyn FnOnce(ReplyTo<M>) + Send>;

#[doc(hidden)]
#[expect(unnameable_types, reason = "nobody else implements `Takes`")]
pub trait Sealed {}

impl<A: Actor> Sealed for ActorRef<A> {}
impl<A: Entity> Sealed for EntityRef<A> {}
impl<M: Message> Sealed for Recipient<M> {}
impl<T: Sealed + ?Sized> Sealed for &T {}
impl<T: Sealed + ?Sized> Sealed for Box<T> {}
impl<T: Sealed + ?Sized> Sealed for Arc<T> {}

impl<A: Actor, M: SentTo<A>> Takes<M> for ActorRef<A> {
    fn __handing(&self, message: M) -> Handing<M> {
        let to = self.clone();
        Box::new(move |reply| to.cell().push_or_tell(message.__wrap(reply)))
    }
}

impl<A: Entity, M: SentTo<A> + Travelling> Takes<M> for EntityRef<A> {
    fn __handing(&self, message: M) -> Handing<M> {
        let to = self.clone();
        Box::new(move |reply| to.push_or_tell(message.__wrap(reply)))
    }
}

impl<M: Message> Takes<M> for Recipient<M> {
    fn __handing(&self, message: M) -> Handing<M> {
        let to = self.clone();
        Box::new(move |reply| to.push_or_tell(message, reply))
    }
}

// Where a reference was wanted, these were good as well.
#[diagnostic::do_not_recommend]
impl<M: Message, T: Takes<M> + ?Sized> Takes<M> for &T {
    fn __handing(&self, message: M) -> Handing<M> {
        (**self).__handing(message)
    }
}

#[diagnostic::do_not_recommend]
impl<M: Message, T: Takes<M> + ?Sized> Takes<M> for Box<T> {
    fn __handing(&self, message: M) -> Handing<M> {
        (**self).__handing(message)
    }
}

#[diagnostic::do_not_recommend]
impl<M: Message, T: Takes<M> + ?Sized> Takes<M> for Arc<T> {
    fn __handing(&self, message: M) -> Handing<M> {
        (**self).__handing(message)
    }
}

impl<A: Actor> Cell<A> {
    /// Puts a message into the mailbox without waiting. If that cannot be, an asker is told, and a message that was sent
    /// is a dead letter.
    pub(super) fn push_or_tell(self: &Arc<Self>, item: A::Item) {
        let (item, why) = match self.push_at_once(item) {
            Ok(_) => return,
            Err(Refused::Stopped(item)) => (item, Refusal::Stopped),
            Err(Refused::Full(item) | Refused::Wait(item)) => (item, Refusal::Full),
            Err(Refused::Far(refused)) => *refused,
        };
        undelivered(self.system(), self.label(), item, why);
    }
}

/// A message was not taken, and nobody will try again.
pub(crate) fn undelivered<I: super::Item>(system: &ActorSystem, label: ActorLabel, item: I, why: Refusal) {
    if item.is_ask() {
        item.refuse(why);
    } else {
        system.dead_letter(label, item.name(), reason(&why));
    }
}

/// Why a message is a dead letter that was refused.
pub(crate) fn reason(why: &Refusal) -> DeadLetterReason {
    match why {
        Refusal::Stopped => DeadLetterReason::Stopped,
        Refusal::Full => DeadLetterReason::MailboxFull,
        Refusal::Far(why) => match **why {
            FarRefusal::Rejected(_) => DeadLetterReason::Rejected,
            FarRefusal::Unavailable(_) => DeadLetterReason::Unavailable,
            _ => DeadLetterReason::Unreachable,
        },
        Refusal::NotAnswered | Refusal::Failed(_) => DeadLetterReason::Unreachable,
    }
}

impl Unsent {
    /// Why a message is a dead letter that was not sent.
    pub(crate) fn reason(&self) -> DeadLetterReason {
        match self {
            Self::Stopped => DeadLetterReason::Stopped,
            Self::Full | Self::Waits(_) => DeadLetterReason::MailboxFull,
            Self::Far(why) => reason(why),
        }
    }
}
