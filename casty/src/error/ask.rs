//! The errors of `ask`.

use std::{sync::Arc, time::Duration};

use thiserror::Error;

use super::{ActorLabel, too_large};
use crate::{
    Failure,
    reply::{FarRefusal, Refusal},
};

/// Why an `ask` has no answer. [`may_have_been_handled`](Self::may_have_been_handled) tells whether the message can
/// have had its effect all the same.
///
/// ```
/// use casty::prelude::*;
///
/// #[message(reply = u64)]
/// struct Parse(String);
///
/// #[actor]
/// struct Parser;
///
/// #[actor]
/// impl Parser {
///     #[handler]
///     fn parse(&mut self, Parse(text): Parse) -> casty::Result<u64> {
///         Ok(text.parse()?)
///     }
/// }
///
/// # #[casty::main]
/// # async fn main(system: ActorSystem) -> casty::Result<()> {
/// let parser = system.spawn(|| Parser).await?;
/// match parser.ask(Parse("seven".into())).await {
///     Ok(number) => println!("{number}"),
///     Err(AskError::Failed { failure, .. }) => println!("it was handled, and failed: {failure}"),
///     Err(error) if error.may_have_been_handled() => println!("look before you ask again: {error}"),
///     Err(error) => println!("asking again does no harm: {error}"),
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum AskError {
    /// No answer came in time. The message may have been handled, or be handled yet.
    #[error("{actor} did not answer {message} within {after:?}")]
    Timeout {
        /// The actor that was asked.
        actor: ActorLabel,
        /// The message's name.
        message: &'static str,
        /// The time that it was given.
        after: Duration,
    },
    /// The actor had stopped, or stopped before it came to this message. It was not handled.
    #[error("{message} was not handled: {actor} has stopped")]
    Stopped {
        /// The actor that was asked.
        actor: ActorLabel,
        /// The message's name.
        message: &'static str,
    },
    /// The handler failed: it returned an error or panicked. What it did before that is done.
    #[error("{actor} failed while it handled {message}: {failure}")]
    Failed {
        /// The actor that was asked.
        actor: ActorLabel,
        /// The message's name.
        message: &'static str,
        /// What the handler failed with.
        failure: Failure,
    },
    /// The handler ended, and whoever was to answer later dropped the [`Reply`](crate::Reply), or could not be given the
    /// message that was [forwarded](crate::Context::forward). It was handled.
    #[error("{actor} took {message} and never answered it")]
    NotAnswered {
        /// The actor that was asked.
        actor: ActorLabel,
        /// The message's name.
        message: &'static str,
    },
    /// The mailbox was full, or dropped the message to make room, as its overflow policy says. It was not handled.
    #[error("{message} was not handled: the mailbox of {actor} is full")]
    MailboxFull {
        /// The actor that was asked.
        actor: ActorLabel,
        /// The message's name.
        message: &'static str,
    },
    /// The asking actor would wait for itself: the asked one is, or waits for, the asker. It was not sent, and not handled.
    ///
    /// Seen for what handlers await themselves, not for what tasks do that they spawned.
    #[error("{message} to {actor} would wait for ever: that actor waits, itself or through others, for the asker")]
    Cycle {
        /// The actor that was asked.
        actor: ActorLabel,
        /// The message's name.
        message: &'static str,
    },
    /// The actor's node cannot be reached. It was not handled; a later attempt can succeed.
    #[error("{message} was not handled: {actor} cannot be reached: {reason}")]
    Unreachable {
        /// The actor that was asked.
        actor: ActorLabel,
        /// The message's name.
        message: &'static str,
        /// What is known of it.
        reason: Arc<str>,
    },
    /// The connection to the actor's node broke before the answer came. It may have been handled, or be handled yet.
    #[error("whether {actor} handled {message} is not known: the connection was lost")]
    ConnectionLost {
        /// The actor that was asked.
        actor: ActorLabel,
        /// The message's name.
        message: &'static str,
    },
    /// It has more bytes than a message between nodes may have. It was not handled.
    #[error("{message} was not sent to {actor}: {reason}")]
    TooLarge {
        /// The actor that was asked.
        actor: ActorLabel,
        /// The message's name.
        message: &'static str,
        /// What is known of it.
        reason: Arc<str>,
    },
    /// The actor is on another node, and the message stays in its process: it is `local`, or generic. It was not handled.
    #[error("{message} was not sent: it stays in its process, and {actor} is in another")]
    Local {
        /// The actor that was asked.
        actor: ActorLabel,
        /// The message's name.
        message: &'static str,
    },
    /// The actor is on another node, and the message's `Serialize` failed. It was not handled.
    #[error("{message} was not sent to {actor}: it has no bytes: {reason}")]
    NotEncoded {
        /// The actor that was asked.
        actor: ActorLabel,
        /// The message's name.
        message: &'static str,
        /// What is known of it.
        reason: Arc<str>,
    },
    /// The actor's node could not read the message, or the actor does not handle it there: the programs differ. It was not
    /// handled.
    #[error("{message} was not handled: the node of {actor} rejected it: {reason}")]
    Rejected {
        /// The actor that was asked.
        actor: ActorLabel,
        /// The message's name.
        message: &'static str,
        /// What is known of it.
        reason: Arc<str>,
    },
    /// The entity handled it, and whether the change is on as many copies as its `sync` says is not known: no answer came in
    /// time, or its node lost the entity to another.
    #[error("{actor} handled {message}, and whether what came of it is kept is not known")]
    NotReplicated {
        /// The entity that was asked.
        actor: ActorLabel,
        /// The message's name.
        message: &'static str,
    },
    /// The entity cannot be served now: its copies, or a majority of the cluster, cannot be reached from here. It was not
    /// handled; a later attempt can succeed.
    #[error("{message} was not handled: {actor} is unavailable: {reason}")]
    Unavailable {
        /// The entity that was asked.
        actor: ActorLabel,
        /// The message's name.
        message: &'static str,
        /// What is known of it.
        reason: Arc<str>,
    },
    /// So many copies of the entity are gone for good that acknowledged changes may be lost. It was not handled, and nothing
    /// is until an operator accepts the loss.
    #[error(
        "{message} was not handled: the state of {actor} may be lost; `Cluster::accept_loss` goes on with the best copy left"
    )]
    StateLost {
        /// The entity that was asked.
        actor: ActorLabel,
        /// The message's name.
        message: &'static str,
    },
    /// It was handled, and its answer could not be brought back: it has no bytes or too many, or they do not read.
    #[error("{actor} handled {message}, and its answer could not be brought back: {reason}")]
    BadAnswer {
        /// The actor that was asked.
        actor: ActorLabel,
        /// The message's name.
        message: &'static str,
        /// What is known of it.
        reason: Arc<str>,
    },
}

impl AskError {
    /// Whether the message can have been handled, in whole or in part, or be handled yet.
    ///
    /// `false` means that asking again cannot do anything twice.
    pub fn may_have_been_handled(&self) -> bool {
        match self {
            Self::Timeout { .. }
            | Self::Failed { .. }
            | Self::NotAnswered { .. }
            | Self::ConnectionLost { .. }
            | Self::NotReplicated { .. }
            | Self::BadAnswer { .. } => true,
            Self::Stopped { .. }
            | Self::MailboxFull { .. }
            | Self::Cycle { .. }
            | Self::Unreachable { .. }
            | Self::Unavailable { .. }
            | Self::StateLost { .. }
            | Self::TooLarge { .. }
            | Self::Local { .. }
            | Self::NotEncoded { .. }
            | Self::Rejected { .. } => false,
        }
    }

    pub(crate) fn new(why: Refusal, actor: ActorLabel, message: &'static str) -> Self {
        match why {
            Refusal::Stopped => Self::Stopped { actor, message },
            Refusal::Full => Self::MailboxFull { actor, message },
            Refusal::NotAnswered => Self::NotAnswered { actor, message },
            Refusal::Failed(failure) => Self::Failed { actor, message, failure },
            Refusal::Far(why) => match *why {
                FarRefusal::Unreachable(reason) => Self::Unreachable { actor, message, reason },
                FarRefusal::ConnectionLost => Self::ConnectionLost { actor, message },
                FarRefusal::TooLarge { bytes, limit } => {
                    Self::TooLarge { actor, message, reason: too_large(bytes, limit).into() }
                }
                FarRefusal::Local => Self::Local { actor, message },
                FarRefusal::NotEncoded(reason) => Self::NotEncoded { actor, message, reason },
                FarRefusal::Rejected(reason) => Self::Rejected { actor, message, reason },
                FarRefusal::BadAnswer(reason) => Self::BadAnswer { actor, message, reason },
                FarRefusal::Cycle => Self::Cycle { actor, message },
                FarRefusal::NotReplicated => Self::NotReplicated { actor, message },
                FarRefusal::Unavailable(reason) => Self::Unavailable { actor, message, reason },
                FarRefusal::StateLost => Self::StateLost { actor, message },
                FarRefusal::NotOwner => Self::Unavailable { actor, message, reason: "it is on the move".into() },
            },
        }
    }
}
