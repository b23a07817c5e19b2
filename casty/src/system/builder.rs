//! Settings of a system.

use std::{sync::Arc, time::Duration};

use super::{ActorSystem, Settings};
use crate::{
    EntityId,
    actor::Mailbox,
    entity::{Entity, Makers, Overrides, ReplicationConfig},
};

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
            makers: Makers::default(),
            replication: Overrides::default(),
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

    /// How entities of a type are made that needs more than its id, or has no `Default`.
    ///
    /// ```
    /// use casty::{EntityId, prelude::*};
    /// use std::sync::Arc;
    ///
    /// #[message(reply = String)]
    /// struct Greet;
    ///
    /// #[actor]
    /// #[sharded(name = "guests")]
    /// struct Guest {
    ///     #[casty(skip)]
    ///     greeting: Arc<str>,
    ///     #[casty(id)]
    ///     name: String,
    /// }
    ///
    /// #[actor]
    /// impl Guest {
    ///     #[handler]
    ///     fn greet(&self, _: Greet) -> String {
    ///         format!("{}, {}!", self.greeting, self.name)
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> casty::Result<()> {
    /// let greeting: Arc<str> = "Welcome".into();
    /// let system = ActorSystem::builder()
    ///     .entities(move |id: &EntityId| Guest { greeting: greeting.clone(), name: id.into() })
    ///     .build();
    /// assert_eq!(system.sharded::<Guest>().entity("Ada").ask(Greet).await?, "Welcome, Ada!");
    /// # Ok(()) }
    /// ```
    pub fn entities<A: Entity>(mut self, make: impl Fn(&EntityId) -> A + Send + Sync + 'static) -> Self {
        self.0.makers.add::<A>(Arc::new(make));
        self
    }

    /// How the entities of a type are replicated, in place of what their attribute says. Where there is one node, nothing is.
    ///
    /// In a cluster, what was agreed on first for a type holds for all nodes: see
    /// [`DistributedBuilder::replication`](crate::DistributedBuilder::replication).
    pub fn replication<A: Entity>(mut self, config: ReplicationConfig) -> Self {
        self.0.replication.add::<A>(config);
        self
    }

    /// Whether what was said can be.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.0.replication.check()
    }

    /// Starts the system.
    ///
    /// # Panics
    /// Outside of a tokio runtime, and if a [`ReplicationConfig`] cannot be.
    #[track_caller]
    pub fn build(self) -> ActorSystem {
        if let Err(why) = self.check() {
            panic!("{why}");
        }
        ActorSystem::start(self.0)
    }
}
