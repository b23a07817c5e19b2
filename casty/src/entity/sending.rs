//! The future of a `send` to an entity.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::{Entity, EntityRef};
use crate::{
    AskError, Message, SendError,
    actor::{Asking, Sending},
    reply::{FarRefusal, Refusal},
};

/// The future of a `send` to an [entity](EntityRef). Its output is `Ok(())`, or a [`SendError`].
///
/// With the type's `sync` it is `Ok` once the change is on so many backups; without, once the message is in the entity's
/// mailbox, on whichever node that is. Nothing happens until it is awaited.
#[must_use = "nothing is sent until it is awaited"]
pub struct EntitySending<'a, A: Entity, M: Message>(Kind<'a, A, M>);

enum Kind<'a, A: Entity, M: Message> {
    /// It is handed over.
    Plain(Sending<'a, EntityRef<A>, M>),
    /// It is waited for.
    Kept(Asking<'a, EntityRef<A>, M>),
}

impl<'a, A: Entity, M: Message> EntitySending<'a, A, M> {
    pub(super) fn plain(sending: Sending<'a, EntityRef<A>, M>) -> Self {
        Self(Kind::Plain(sending))
    }

    pub(super) fn kept(asking: Asking<'a, EntityRef<A>, M>) -> Self {
        Self(Kind::Kept(asking))
    }
}

impl<A: Entity, M: Message> Future for EntitySending<'_, A, M> {
    type Output = Result<(), SendError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.get_mut().0 {
            Kind::Plain(sending) => Pin::new(sending).poll(cx),
            Kind::Kept(asking) => {
                let answer = ready!(Pin::new(asking).poll(cx));
                Poll::Ready(answer.map(drop).or_else(not_kept))
            }
        }
    }
}

/// What an ask without an answer is to a sender.
fn not_kept(error: AskError) -> Result<(), SendError> {
    let (why, actor, message) = match error {
        // Its handler may have been dropped halfway, with its node's part in the entity.
        AskError::NotAnswered { actor, message }
        | AskError::Timeout { actor, message, .. }
        | AskError::NotReplicated { actor, message } => (FarRefusal::NotReplicated.into(), actor, message),
        AskError::Failed { actor, message, failure } => (Refusal::Failed(failure), actor, message),
        AskError::Stopped { actor, message } => (Refusal::Stopped, actor, message),
        AskError::MailboxFull { actor, message } => (Refusal::Full, actor, message),
        AskError::Cycle { actor, message } => (FarRefusal::Cycle.into(), actor, message),
        AskError::Unreachable { actor, message, reason } => (Refusal::unreachable(reason), actor, message),
        AskError::ConnectionLost { actor, message } => (FarRefusal::ConnectionLost.into(), actor, message),
        AskError::TooLarge { actor, message, reason } | AskError::NotEncoded { actor, message, reason } => {
            (FarRefusal::NotEncoded(reason).into(), actor, message)
        }
        AskError::Local { actor, message } => (FarRefusal::Local.into(), actor, message),
        AskError::Rejected { actor, message, reason } => (FarRefusal::Rejected(reason).into(), actor, message),
        // Nobody wants the answer.
        AskError::BadAnswer { .. } => return Ok(()),
        AskError::Unavailable { actor, message, reason } => (FarRefusal::Unavailable(reason).into(), actor, message),
        AskError::StateLost { actor, message } => (FarRefusal::StateLost.into(), actor, message),
    };
    Err(SendError::of_entity(&why, actor, message))
}

impl<A: Entity, M: Message> fmt::Debug for EntitySending<'_, A, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Plain(sending) => fmt::Debug::fmt(sending, f),
            Kind::Kept(asking) => fmt::Debug::fmt(asking, f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ActorLabel;

    #[test]
    fn a_send_whose_handler_was_dropped_halfway_is_not_said_to_be_kept() {
        let actor = ActorLabel::entity("accounts", &"alice".into());
        let told = not_kept(AskError::NotAnswered { actor, message: "Deposit" });
        assert!(matches!(told, Err(SendError::NotReplicated(_))), "{told:?}");
    }
}
