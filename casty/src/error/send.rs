//! The errors of `send` and `try_send`.

use std::{fmt, sync::Arc};

use thiserror::Error;

use super::{ActorLabel, too_large};
use crate::reply::{FarRefusal, Refusal};

/// Why a `send` did not do what it is for. The message was not handled, except that it may have been, in part, to its end or
/// later on, after [`ConnectionLost`](Self::ConnectionLost), and after [`Failed`](Self::Failed) and
/// [`NotReplicated`](Self::NotReplicated), which only a `send` to an entity comes to. See
/// [`may_have_been_handled`](Self::may_have_been_handled).
///
/// Small, as most results of `send` are `Ok`: what it tells lies behind a pointer.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The actor has stopped, or is stopping, and takes nothing more.
    #[error("{} was not sent: {} has stopped", .0.message(), .0.actor())]
    Stopped(Undelivered),
    /// The mailbox is full and its overflow policy is `Fail`. A later attempt can succeed.
    #[error("{} was not sent: the mailbox of {} is full", .0.message(), .0.actor())]
    Full(Undelivered),
    /// The sender would wait for room in a mailbox whose actor waits, itself or through others, for the sender.
    #[error("{} was not sent: the mailbox of {} is full, and that actor waits for its sender", .0.message(), .0.actor())]
    Cycle(Undelivered),
    /// The actor's node cannot be reached. It was not handled; a later attempt can succeed.
    #[error("{} was not sent: {} cannot be reached: {}", .0.message(), .0.actor(), .0.reason())]
    Unreachable(Undelivered),
    /// The connection broke before the receipt of a [confirmed](crate::Sending::confirmed) send came. It may have been
    /// handled.
    #[error("whether {} came to {} is not known: the connection was lost", .0.message(), .0.actor())]
    ConnectionLost(Undelivered),
    /// The actor is on another node, and the message stays in its process: it is `local`, or generic. Not handled.
    #[error("{} was not sent: it stays in its process, and {} is in another", .0.message(), .0.actor())]
    Local(Undelivered),
    /// It has more bytes than a message between nodes may have. Not handled.
    #[error("{} was not sent to {}: {}", .0.message(), .0.actor(), .0.reason())]
    TooLarge(Undelivered),
    /// The actor is on another node, and the message's `Serialize` failed. Not handled.
    #[error("{} was not sent to {}: it has no bytes: {}", .0.message(), .0.actor(), .0.reason())]
    NotEncoded(Undelivered),
    /// The actor's node could not read the message, or the actor does not handle it there: the programs differ. Not
    /// handled.
    #[error("{} was not handled: the node of {} rejected it: {}", .0.message(), .0.actor(), .0.reason())]
    Rejected(Undelivered),
    /// The entity's handler failed. Its state is what it was before.
    #[error("{} failed while it handled {}: {}", .0.actor(), .0.message(), .0.reason())]
    Failed(Undelivered),
    /// Whether the entity handled it, and whether the change is on as many copies as its `sync` says, is not known.
    #[error("whether what came of {} is kept by {} is not known", .0.message(), .0.actor())]
    NotReplicated(Undelivered),
    /// The entity cannot be served now. It was not handled; a later attempt can succeed.
    #[error("{} was not handled: {} is unavailable: {}", .0.message(), .0.actor(), .0.reason())]
    Unavailable(Undelivered),
    /// So many copies of the entity are gone for good that acknowledged changes may be lost. It was not handled.
    #[error("{} was not handled: the state of {} may be lost", .0.message(), .0.actor())]
    StateLost(Undelivered),
}

impl SendError {
    /// What was not delivered, and to whom.
    pub fn undelivered(&self) -> &Undelivered {
        match self {
            Self::Stopped(undelivered)
            | Self::Full(undelivered)
            | Self::Cycle(undelivered)
            | Self::Unreachable(undelivered)
            | Self::ConnectionLost(undelivered)
            | Self::Local(undelivered)
            | Self::TooLarge(undelivered)
            | Self::NotEncoded(undelivered)
            | Self::Rejected(undelivered)
            | Self::Failed(undelivered)
            | Self::NotReplicated(undelivered)
            | Self::Unavailable(undelivered)
            | Self::StateLost(undelivered) => undelivered,
        }
    }

    /// Whether the message can have been handled, or be handled yet.
    pub fn may_have_been_handled(&self) -> bool {
        matches!(self, Self::ConnectionLost(_) | Self::Failed(_) | Self::NotReplicated(_))
    }

    /// Of an entity, whose senders are told how its handler ended.
    pub(crate) fn of_entity(why: &Refusal, actor: ActorLabel, message: &'static str) -> Self {
        match why {
            Refusal::Failed(failure) => Self::Failed(Undelivered::because(actor, message, Some(failure.to_string().into()))),
            why => Self::new(why, actor, message),
        }
    }

    pub(crate) fn new(why: &Refusal, actor: ActorLabel, message: &'static str) -> Self {
        let undelivered = |reason| Undelivered::because(actor, message, reason);
        match why {
            Refusal::Stopped => Self::Stopped(undelivered(None)),
            Refusal::Full => Self::Full(undelivered(None)),
            // A receipt is neither, unless the other node is not in its right mind.
            Refusal::NotAnswered | Refusal::Failed(_) => Self::ConnectionLost(undelivered(None)),
            Refusal::Far(why) => match &**why {
                FarRefusal::Unreachable(why) => Self::Unreachable(undelivered(Some(why.clone()))),
                FarRefusal::ConnectionLost | FarRefusal::BadAnswer(_) => Self::ConnectionLost(undelivered(None)),
                FarRefusal::TooLarge { bytes, limit } => Self::TooLarge(undelivered(Some(too_large(*bytes, *limit).into()))),
                FarRefusal::Local => Self::Local(undelivered(None)),
                FarRefusal::NotEncoded(why) => Self::NotEncoded(undelivered(Some(why.clone()))),
                FarRefusal::Rejected(why) => Self::Rejected(undelivered(Some(why.clone()))),
                FarRefusal::Cycle => Self::Cycle(undelivered(None)),
                FarRefusal::NotReplicated => Self::NotReplicated(undelivered(None)),
                FarRefusal::Unavailable(why) => Self::Unavailable(undelivered(Some(why.clone()))),
                FarRefusal::StateLost => Self::StateLost(undelivered(None)),
                FarRefusal::NotOwner => Self::Unavailable(undelivered(Some("it is on the move".into()))),
            },
        }
    }
}

/// What was not delivered, and to whom. See [`SendError`].
#[derive(Debug, Clone)]
pub struct Undelivered(Box<(ActorLabel, &'static str, Option<Arc<str>>)>);

impl Undelivered {
    pub(crate) fn new(actor: ActorLabel, message: &'static str) -> Self {
        Self::because(actor, message, None)
    }

    fn because(actor: ActorLabel, message: &'static str, reason: Option<Arc<str>>) -> Self {
        Self(Box::new((actor, message, reason)))
    }

    /// The actor that the message was for.
    pub fn actor(&self) -> &ActorLabel {
        &self.0.0
    }

    /// The message's name.
    pub fn message(&self) -> &'static str {
        self.0.1
    }

    /// What more there is to say, or nothing.
    pub fn reason(&self) -> &str {
        self.0.2.as_deref().unwrap_or_default()
    }
}

/// Why a `try_send` was refused at once. The message was not handled, and comes back to its sender.
#[derive(Clone, Error)]
#[non_exhaustive]
pub enum TrySendError<M> {
    /// The actor has stopped, or is stopping, and takes nothing more.
    #[error("not sent: {actor} has stopped")]
    Stopped {
        /// The actor that it was for.
        actor: ActorLabel,
        /// The message itself.
        message: M,
    },
    /// The mailbox is full, or the link to its node. The actor is alive, so a later attempt can succeed.
    #[error("not sent: the mailbox of {actor} is full")]
    Full {
        /// The actor that it was for.
        actor: ActorLabel,
        /// The message itself.
        message: M,
    },
    /// The actor's node cannot be reached. A later attempt can succeed.
    #[error("not sent: {actor} cannot be reached: {reason}")]
    Unreachable {
        /// The actor that it was for.
        actor: ActorLabel,
        /// The message itself.
        message: M,
        /// What is known of it.
        reason: Arc<str>,
    },
    /// The actor is on another node, and the message cannot go there: it is `local` or generic, has no bytes or too many.
    #[error("not sent: it cannot travel to {actor}: {reason}")]
    CannotTravel {
        /// The actor that it was for.
        actor: ActorLabel,
        /// The message itself.
        message: M,
        /// Why.
        reason: Arc<str>,
    },
}

impl<M> fmt::Debug for TrySendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrySendError({self})")
    }
}

impl<M> TrySendError<M> {
    /// The message that was not taken.
    ///
    /// ```
    /// use casty::prelude::*;
    ///
    /// #[message]
    /// struct Job(u32);
    ///
    /// #[actor]
    /// struct Worker;
    ///
    /// #[actor]
    /// impl Worker {
    ///     #[handler]
    ///     fn work(&mut self, _: Job) {}
    /// }
    ///
    /// # #[casty::main]
    /// # async fn main(system: ActorSystem) -> casty::Result<()> {
    /// let worker = system.spawn(|| Worker).await?;
    /// worker.stop().await?;
    /// if let Err(refused) = worker.try_send(Job(7)) {
    ///     let Job(number) = refused.into_message(); // for another worker
    ///     assert_eq!(number, 7);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn into_message(self) -> M {
        match self {
            Self::Stopped { message, .. }
            | Self::Full { message, .. }
            | Self::Unreachable { message, .. }
            | Self::CannotTravel { message, .. } => message,
        }
    }

    pub(crate) fn new(why: &Refusal, actor: ActorLabel, message: M) -> Self {
        let cannot = |reason: Arc<str>| (false, reason);
        let (reachable, reason) = match why {
            Refusal::Full => return Self::Full { actor, message },
            Refusal::Stopped | Refusal::NotAnswered | Refusal::Failed(_) => return Self::Stopped { actor, message },
            Refusal::Far(why) => match &**why {
                FarRefusal::Unreachable(why) => (true, why.clone()),
                FarRefusal::ConnectionLost => (true, "the connection was lost".into()),
                FarRefusal::TooLarge { bytes, limit } => cannot(too_large(*bytes, *limit).into()),
                FarRefusal::Local => cannot("it stays in its process".into()),
                FarRefusal::NotEncoded(why) | FarRefusal::Rejected(why) | FarRefusal::BadAnswer(why) => cannot(why.clone()),
                FarRefusal::Cycle => cannot("it would wait for its sender".into()),
                FarRefusal::NotReplicated => (true, "it is not kept".into()),
                FarRefusal::Unavailable(why) => (true, why.clone()),
                FarRefusal::StateLost => (true, "its state may be lost".into()),
                FarRefusal::NotOwner => (true, "it is on the move".into()),
            },
        };
        if reachable { Self::Unreachable { actor, message, reason } } else { Self::CannotTravel { actor, message, reason } }
    }
}
