//! The errors of each operation. Every one says where it happened and whether the message can have been handled.

use std::{fmt, sync::Arc, time::Duration};

use thiserror::Error;

use crate::{
    Failure, NodeId,
    actor::{ActorId, FarAddress},
    reply::{FarRefusal, Refusal},
};

/// Which actor an error or an event is about: its type, its name if it has one, its id.
///
/// It is displayed as `Worker "boss/worker-1"`, or as `Worker #3.5` if it has no name; an actor of another node as
/// `Worker "boss/worker-1" on node-2`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ActorLabel(Who);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Who {
    Here { id: ActorId, kind: &'static str, name: Option<Arc<str>> },
    Far(Arc<FarAddress>),
}

impl ActorLabel {
    pub(crate) fn here(id: ActorId, kind: &'static str, name: Option<Arc<str>>) -> Self {
        Self(Who::Here { id, kind, name })
    }

    pub(crate) fn far(address: Arc<FarAddress>) -> Self {
        Self(Who::Far(address))
    }

    /// The actor's id, at its node.
    pub fn id(&self) -> ActorId {
        match &self.0 {
            Who::Here { id, .. } => *id,
            Who::Far(address) => address.actor,
        }
    }

    /// The actor's declared name, `#[actor(name = ..)]` or that of its type. Empty for an actor of another node that only
    /// one message is known of.
    pub fn kind(&self) -> &str {
        match &self.0 {
            Who::Here { kind, .. } => kind,
            Who::Far(address) => &address.kind,
        }
    }

    /// The name that it was spawned under.
    pub fn name(&self) -> Option<&str> {
        match &self.0 {
            Who::Here { name, .. } => name.as_deref(),
            Who::Far(address) => address.name.as_deref(),
        }
    }

    /// The node that it lives on, if that is another one.
    pub fn node(&self) -> Option<&NodeId> {
        match &self.0 {
            Who::Here { .. } => None,
            Who::Far(address) => Some(&address.node.id),
        }
    }
}

impl fmt::Display for ActorLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Who::Here { kind, name: Some(name), .. } => write!(f, "{kind} \"{name}\""),
            Who::Here { kind, id, .. } => write!(f, "{kind} {id}"),
            Who::Far(address) => fmt::Display::fmt(address, f),
        }
    }
}

impl fmt::Debug for ActorLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a `send` did not hand its message over. The message was not handled, except that after
/// [`ConnectionLost`](Self::ConnectionLost) it may have been.
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
            | Self::Rejected(undelivered) => undelivered,
        }
    }

    /// Whether the message can have been handled, or be handled yet.
    pub fn may_have_been_handled(&self) -> bool {
        matches!(self, Self::ConnectionLost(_))
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
            },
        }
    }
}

fn too_large(bytes: u64, limit: u64) -> String {
    format!("it has {bytes} bytes, and a message between nodes may have {limit}")
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
            },
        };
        if reachable { Self::Unreachable { actor, message, reason } } else { Self::CannotTravel { actor, message, reason } }
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
            | Self::BadAnswer { .. } => true,
            Self::Stopped { .. }
            | Self::MailboxFull { .. }
            | Self::Cycle { .. }
            | Self::Unreachable { .. }
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
            },
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
    /// The cluster could not be asked for the name in time. A later attempt can succeed.
    #[error("the name \"{name}\" could not be registered: {reason}")]
    Unavailable {
        /// The whole name.
        name: Arc<str>,
        /// What is known of it.
        reason: Arc<str>,
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
        found: Arc<str>,
        /// The type that was asked for.
        wanted: &'static str,
    },
    /// The cluster could not be asked for the name in time. A later attempt can succeed.
    #[error("\"{name}\" could not be looked up: {reason}")]
    Unavailable {
        /// The name that was looked up.
        name: Arc<str>,
        /// What is known of it.
        reason: Arc<str>,
    },
}
