//! The errors of `spawn` and `lookup`.

use std::sync::Arc;

use thiserror::Error;

use super::ActorLabel;
use crate::Failure;

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
