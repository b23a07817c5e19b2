//! The entities of a system.

use std::sync::Arc;

use super::ActorSystem;
use crate::{
    actor::{Actor, ActorId, Cell, Mailbox},
    entity::{Alone, AnyRegion, Entity, EntityConfig, EntityRef, Home, Sharded, ShardedActor, SingletonActor},
};

impl ActorSystem {
    /// The entities of a type: actors by id, each made when a message needs it.
    ///
    /// Each keeps its state when it fails: it is then what it was after the last message that was handled whole. One that is
    /// idle for long is put away, its state kept as well. In a cluster they are spread over its nodes, and reached from each; on
    /// how many of them a change is before it is answered the type's `sync` says.
    ///
    /// # Panics
    /// If the type has no `Default` and the system was not told how to [make](crate::SystemBuilder::entities) it; if another
    /// type has its name; if it is to be kept on disk, which this version does not do. A node of a cluster does not start then.
    #[track_caller]
    pub fn sharded<A: ShardedActor>(&self) -> Sharded<A> {
        Sharded::new(self.clone(), self.0.regions.of(self, &self.0.settings.makers))
    }

    /// The only actor of a type. On a cluster it is kept awake, on one of the nodes, and reached from each.
    ///
    /// ```
    /// use casty::prelude::*;
    ///
    /// #[message(reply = u64)]
    /// struct Next;
    ///
    /// #[actor]
    /// #[singleton(name = "numbers")]
    /// #[derive(Default)]
    /// struct Numbers {
    ///     last: u64,
    /// }
    ///
    /// #[actor]
    /// impl Numbers {
    ///     #[handler]
    ///     fn next(&mut self, _: Next) -> u64 {
    ///         self.last += 1;
    ///         self.last
    ///     }
    /// }
    ///
    /// # #[casty::main]
    /// # async fn main(system: ActorSystem) -> casty::Result<()> {
    /// assert_eq!(system.singleton::<Numbers>().ask(Next).await?, 1);
    /// assert_eq!(system.singleton::<Numbers>().ask(Next).await?, 2);
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// As [`sharded`](Self::sharded) does.
    #[track_caller]
    pub fn singleton<A: SingletonActor>(&self) -> EntityRef<A> {
        Sharded::new(self.clone(), self.0.regions.of(self, &self.0.settings.makers)).only()
    }

    /// The entities of a type, unless they cannot be served.
    pub(crate) fn entities<A: Entity>(&self) -> Option<Sharded<A>> {
        let region = self.0.regions.find(self, &self.0.settings.makers).ok()?;
        Some(Sharded::new(self.clone(), region))
    }

    /// Where its entities live: here alone, unless it is a node of a cluster.
    pub(crate) fn home(&self) -> &Arc<dyn Home> {
        self.0.home.get_or_init(|| Arc::new(Alone::new(self.host())))
    }

    pub(crate) fn set_home(&self, home: Arc<dyn Home>) {
        let taken = self.0.home.set(home);
        debug_assert!(taken.is_ok(), "nobody has needed one before");
    }

    /// What holds for a type on this node: what its attribute says, but for what the builder was told.
    pub(crate) fn entity_config<A: Entity>(&self) -> EntityConfig {
        self.0.settings.replication.of::<A>()
    }

    /// Whether somebody has said how entities of a type are made.
    pub(crate) fn makes<A: Entity>(&self) -> bool {
        self.0.settings.makers.of::<A>().is_some()
    }

    /// The region of a type, unless its entities cannot be served.
    pub(crate) fn region_of<A: Entity>(&self) -> Option<Arc<dyn AnyRegion>> {
        self.0.regions.erased::<A>(self, &self.0.settings.makers)
    }

    /// Gives a new actor its place among the living.
    pub(crate) fn settle<A: Actor>(&self, make: impl FnOnce(ActorId) -> Cell<A>) -> Arc<Cell<A>> {
        self.0.directory.add(|id| Arc::new(make(id)))
    }

    pub(crate) fn mailbox(&self) -> Mailbox {
        self.0.settings.mailbox
    }
}
