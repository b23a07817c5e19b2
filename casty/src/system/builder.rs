//! Settings of a system.

use std::time::Duration;

use super::{ActorSystem, Settings};
use crate::actor::Mailbox;

/// Settings of a new system. See [`ActorSystem::builder`].
///
/// ```
/// use casty::prelude::*;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let system = ActorSystem::builder()
///     .mailbox(Mailbox::bounded(10_000, Overflow::Wait))
///     .ask_timeout(Duration::from_secs(2))
///     .build();
/// system.shutdown().await;
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is made before `build`"]
pub struct SystemBuilder(Settings);

impl Default for SystemBuilder {
    fn default() -> Self {
        Self(Settings {
            mailbox: Mailbox::unbounded(),
            ask_timeout: Duration::from_secs(5),
            shutdown_timeout: Duration::from_secs(30),
        })
    }
}

impl SystemBuilder {
    /// The mailbox of every actor that does not declare its own; unbounded unless set.
    pub fn mailbox(mut self, mailbox: Mailbox) -> Self {
        self.0.mailbox = mailbox;
        self
    }

    /// How long an `ask` waits that does not say itself; 5 s unless set. From 1 s on it may be late by up to 0.5 s.
    pub fn ask_timeout(mut self, limit: Duration) -> Self {
        self.0.ask_timeout = limit;
        self
    }

    /// How long actors have to end, at a shutdown and when their parent stops, before they are dropped; 30 s unless set.
    pub fn shutdown_timeout(mut self, limit: Duration) -> Self {
        self.0.shutdown_timeout = limit;
        self
    }

    /// Starts the system.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[track_caller]
    pub fn build(self) -> ActorSystem {
        ActorSystem::start(self.0)
    }
}
