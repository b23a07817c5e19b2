//! What is done about failures: the rules (pure), and the restart of several children together.
//!
//! Who runs the hooks, and when, is `actor::life`'s business.

pub(crate) mod group;
mod restarts;

use std::time::Duration;

pub(crate) use restarts::Restarts;

/// What is done about a failed actor: by `#[supervised(strategy = ..)]`, [`SupervisorConfig::strategy`], or a parent's
/// `on_child_failure`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Directive {
    /// A new instance takes its place, after the backoff, with the same mailbox and the same references. Over the limit
    /// of restarts it ends.
    #[default]
    Restart,
    /// It ends.
    Stop,
    /// Its parent fails in its place. Without a parent it ends, with an [`Event::Escalated`](crate::Event::Escalated).
    Escalate,
}

/// Which of an actor's children restart together when one of them does, as OTP's supervisors define it.
///
/// Only the limit of the one that failed is counted against. A sibling whose own strategy is [`Directive::Stop`] ends for
/// good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Children {
    /// Only the one that failed.
    #[default]
    OneForOne,
    /// All of them: ended last first, then started first to last.
    OneForAll,
    /// The one that failed and those spawned after it, likewise.
    RestForOne,
}

/// How an actor is supervised: what `#[supervised(..)]` says, as a value for [`Spawn::supervision`](crate::Spawn::supervision).
///
/// ```
/// use casty::{Directive, SupervisorConfig};
///
/// let config = SupervisorConfig { max_restarts: 10, ..SupervisorConfig::DEFAULT };
/// assert_eq!(config.strategy, Directive::Restart);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SupervisorConfig {
    /// What is done when this actor fails.
    pub strategy: Directive,
    /// Which of its children restart together.
    pub children: Children,
    /// Restarts within [`within`](Self::within), at most; at the next failure the actor stops.
    /// [`UNLIMITED`](Self::UNLIMITED) is no limit.
    pub max_restarts: u32,
    /// The window that restarts are counted in.
    pub within: Duration,
    /// How long the first restart in a window waits.
    pub backoff_initial: Duration,
    /// How long a restart waits at most.
    pub backoff_max: Duration,
    /// How many times the wait before it each further wait in the window is; 1 keeps it the same.
    pub backoff_multiplier: f64,
}

impl SupervisorConfig {
    /// For [`max_restarts`](Self::max_restarts): any number.
    pub const UNLIMITED: u32 = u32::MAX;

    /// Three restarts a minute, after 100 ms, 200 ms, 400 ms: what `#[supervised]` and no attribute at all give.
    pub const DEFAULT: Self = Self {
        strategy: Directive::Restart,
        children: Children::OneForOne,
        max_restarts: 3,
        within: Duration::from_secs(60),
        backoff_initial: Duration::from_millis(100),
        backoff_max: Duration::from_secs(30),
        backoff_multiplier: 2.0,
    };

    /// The default rules: [`DEFAULT`](Self::DEFAULT).
    pub const fn restart() -> Self {
        Self::DEFAULT
    }

    /// Never restarted: a failure ends the actor.
    pub const fn stop() -> Self {
        Self { strategy: Directive::Stop, ..Self::DEFAULT }
    }

    /// A failure is the parent's.
    pub const fn escalate() -> Self {
        Self { strategy: Directive::Escalate, ..Self::DEFAULT }
    }

    /// Restarted at once and without limit, for actors whose failures are expected and cheap.
    pub const fn always() -> Self {
        Self {
            max_restarts: Self::UNLIMITED,
            backoff_initial: Duration::ZERO,
            backoff_max: Duration::ZERO,
            backoff_multiplier: 1.0,
            ..Self::DEFAULT
        }
    }
}

impl Default for SupervisorConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}
