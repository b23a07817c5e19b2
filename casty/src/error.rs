//! The errors of each operation. Every one says where it happened and whether the message can have been handled.

use std::{fmt, sync::Arc, time::Duration};

use thiserror::Error;

use crate::{Failure, actor::ActorId};

/// Which actor an error or an event is about: its type, its name if it has one, its id.
///
/// It is displayed as `Worker "boss/worker-1"`, or as `Worker #3.5` if it has no name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ActorLabel {
    pub(crate) id: ActorId,
    pub(crate) kind: &'static str,
    pub(crate) name: Option<Arc<str>>,
}

impl ActorLabel {
    /// The actor's id.
    pub fn id(&self) -> ActorId {
        self.id
    }

    /// The actor's declared name, `#[actor(name = ..)]` or that of its type.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The name that it was spawned under.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

impl fmt::Display for ActorLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} \"{name}\"", self.kind),
            None => write!(f, "{} {}", self.kind, self.id),
        }
    }
}

impl fmt::Debug for ActorLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a `send` did not hand its message over. The message was not handled.
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
}

impl SendError {
    /// What was not delivered, and to whom.
    pub fn undelivered(&self) -> &Undelivered {
        match self {
            Self::Stopped(undelivered) | Self::Full(undelivered) | Self::Cycle(undelivered) => undelivered,
        }
    }
}

/// What was not delivered, and to whom. See [`SendError`].
#[derive(Debug, Clone)]
pub struct Undelivered(Box<(ActorLabel, &'static str)>);

impl Undelivered {
    pub(crate) fn new(actor: ActorLabel, message: &'static str) -> Self {
        Self(Box::new((actor, message)))
    }

    /// The actor that the message was for.
    pub fn actor(&self) -> &ActorLabel {
        &self.0.0
    }

    /// The message's name.
    pub fn message(&self) -> &'static str {
        self.0.1
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
    /// The mailbox is full. The actor is alive, so a later attempt can succeed.
    #[error("not sent: the mailbox of {actor} is full")]
    Full {
        /// The actor that it was for.
        actor: ActorLabel,
        /// The message itself.
        message: M,
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
            Self::Stopped { message, .. } | Self::Full { message, .. } => message,
        }
    }
}

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
    /// The handler ended, and whoever was to answer later dropped the [`Reply`](crate::Reply). It was handled.
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
}

impl AskError {
    /// Whether the message can have been handled, in whole or in part, or be handled yet.
    ///
    /// `false` means that asking again cannot do anything twice.
    pub fn may_have_been_handled(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Failed { .. } | Self::NotAnswered { .. } => true,
            Self::Stopped { .. } | Self::MailboxFull { .. } | Self::Cycle { .. } => false,
        }
    }
}

/// Why there is no new actor. Nothing of it is left: no child, no name.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// Another actor has this name. Stop it first, or choose another name.
    #[error("the name \"{name}\" is taken by {by}")]
    NameTaken {
        /// The whole name, the parent's included.
        name: Arc<str>,
        /// The actor that has it.
        by: ActorLabel,
    },
    /// A name that cannot be looked up: it is empty, or has an empty part between slashes.
    #[error("\"{name}\" is no name for an actor: a name has at least one character, and no empty part between slashes")]
    BadName {
        /// The name that was asked for.
        name: Arc<str>,
    },
    /// The factory panicked, or `on_start` failed. `on_stop` did not run.
    #[error("{kind} could not start: {failure}")]
    Failed {
        /// The actor's declared name.
        kind: &'static str,
        /// What happened.
        failure: Failure,
    },
    /// The system is shutting down, or the parent is stopping: nothing new starts.
    #[error("{kind} was not started: {by} is shutting down")]
    ShuttingDown {
        /// The actor's declared name.
        kind: &'static str,
        /// What is ending: the system, or the parent.
        by: &'static str,
    },
}

/// Why a name could not be looked up.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum LookupError {
    /// An actor has this name, but it is of another type.
    #[error("\"{name}\" is a {found}, not a {wanted}")]
    WrongType {
        /// The name that was looked up.
        name: Arc<str>,
        /// The type that the name's actor has.
        found: &'static str,
        /// The type that was asked for.
        wanted: &'static str,
    },
}
