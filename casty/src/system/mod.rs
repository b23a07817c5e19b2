//! Many actors together: how they are made, named, found, told of, and ended.

mod address;
mod builder;
mod dead_letters;
mod deadlines;
mod directory;
mod entities;
mod event;
mod names;
mod output;
mod places;
mod remote;
mod shutdown;
mod spawn;

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{
            AtomicBool,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::Duration,
};

pub(crate) use address::{Address, Found, NoActor};
pub use builder::SystemBuilder;
pub use dead_letters::DeadLetterReason;
pub(crate) use deadlines::{Deadline, Deadlines, Expire};
pub use event::{Event, Events};
pub use output::{MainOutput, run_distributed_main, run_main, run_test};
pub(crate) use remote::UNKNOWN;
pub(crate) use remote::WeakSystem;
pub use spawn::Spawn;

use crate::{
    Cluster, DistributedBuilder, LookupError,
    actor::{Actor, ActorId, ActorRef, AnyCell, AnyRef, FarQuestions, Links, Mailbox},
    entity::{Home, Makers, Overrides, Regions},
    error::ActorLabel,
    host::Host,
    scheduler::Scheduler,
};
use dead_letters::DeadLetters;
use directory::Directory;
use event::Bus;
use names::Names;

/// Where actors live. Cheap to clone; all clones are the same system.
///
/// ```
/// use casty::prelude::*;
///
/// #[casty::main]
/// async fn main(system: ActorSystem) -> casty::Result<()> {
///     assert!(system.lookup::<Nobody>("nobody").await?.is_none());
///     Ok(())
/// }
/// #
/// # #[actor] struct Nobody;
/// # #[actor] impl Nobody {}
/// ```
///
/// A system lives until [`shutdown`](Self::shutdown), which [`#[casty::main]`](crate::main) calls at the end: actors are
/// not stopped because nobody refers to them any more.
#[derive(Clone)]
pub struct ActorSystem(Arc<Inner>);

struct Inner {
    host: Host,
    scheduler: Arc<Scheduler>,
    directory: Directory,
    names: Names,
    deadlines: Arc<Deadlines>,
    bus: Bus,
    dead_letters: DeadLetters,
    settings: Settings,
    serial: u64,
    closing: AtomicBool,
    /// Its actors are stopped, or are about to be.
    ending: AtomicBool,
    over: crate::host::watch::Sender<bool>,
    /// In a cluster.
    links: OnceLock<Arc<dyn Links>>,
    cluster: OnceLock<Cluster>,
    far_questions: FarQuestions,
    regions: Regions,
    /// Where its entities live.
    home: OnceLock<Arc<dyn Home>>,
}

impl Drop for Inner {
    /// Nobody refers to the system any more, and no actor lives in it: its tasks have nothing to do.
    fn drop(&mut self) {
        self.scheduler.close();
        self.deadlines.close();
    }
}

#[derive(Debug, Clone)]
struct Settings {
    mailbox: Mailbox,
    ask_timeout: Duration,
    shutdown_timeout: Duration,
    makers: Makers,
    replication: Overrides,
}

impl ActorSystem {
    /// A system with the default settings, in one process.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[expect(clippy::new_without_default, reason = "it starts tasks")]
    #[track_caller]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A system with settings of one's own.
    pub fn builder() -> SystemBuilder {
        SystemBuilder::default()
    }

    /// Settings of a node that is to be part of a cluster, listening on `bind`: an address and a port, where port 0 picks a
    /// free one.
    ///
    /// ```no_run
    /// use casty::prelude::*;
    ///
    /// # async fn example() -> casty::Result<()> {
    /// let system = ActorSystem::distributed("0.0.0.0:8001")
    ///     .seeds(["node2:8001", "node3:8001"])
    ///     .advertise("node1:8001")
    ///     .node_id("node-1")
    ///     .data_dir("data/node-1")
    ///     .secret("correct horse battery staple")
    ///     .start()
    ///     .await?;
    /// println!("{:?}", system.cluster().expect("it is a node").members());
    /// # Ok(()) }
    /// ```
    pub fn distributed(bind: impl Into<String>) -> DistributedBuilder {
        DistributedBuilder::new(bind.into())
    }

    /// The cluster that this system is a node of; `None` for a system that is not [distributed](Self::distributed).
    pub fn cluster(&self) -> Option<Cluster> {
        self.0.cluster.get().cloned()
    }

    pub(crate) fn set_cluster(&self, cluster: Cluster) {
        let taken = self.0.cluster.set(cluster);
        debug_assert!(taken.is_ok(), "a system is one node");
    }

    #[track_caller]
    fn start(settings: Settings) -> Self {
        let host = Host::current();
        let system = Self(Arc::new(Inner {
            scheduler: Scheduler::start(&host),
            deadlines: Deadlines::start(&host),
            directory: Directory::default(),
            names: Names::default(),
            bus: Bus::default(),
            dead_letters: DeadLetters::default(),
            serial: address::next_serial(&host),
            closing: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            over: crate::host::watch::Sender::new(false),
            links: OnceLock::new(),
            cluster: OnceLock::new(),
            far_questions: FarQuestions::default(),
            regions: Regions::default(),
            home: OnceLock::new(),
            host,
            settings,
        }));
        address::enter(&system);
        system
    }

    /// Makes an actor. `factory` gives its state, now and again at each restart.
    ///
    /// Awaited, it returns once `on_start` has run; before that, [`name`](Spawn::name), [`mailbox`](Spawn::mailbox) and
    /// [`supervision`](Spawn::supervision) can be set.
    ///
    /// ```
    /// use casty::prelude::*;
    ///
    /// #[actor]
    /// #[derive(Default)]
    /// struct Cache;
    ///
    /// #[actor]
    /// impl Cache {}
    ///
    /// # #[casty::main]
    /// # async fn main(system: ActorSystem) -> casty::Result<()> {
    /// let cache = system.spawn(Cache::default).name("main-cache").mailbox(Mailbox::bounded(64, Overflow::Wait)).await?;
    /// assert_eq!(system.lookup::<Cache>("main-cache").await?, Some(cache));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`SpawnError`](crate::SpawnError), when awaited: the name is taken or is no name, the factory panicked, `on_start`
    /// failed, or the system (for a child: its parent) is shutting down.
    pub fn spawn<A: Actor, F>(&self, factory: F) -> Spawn<A>
    where
        F: Fn() -> A + Send + Sync + 'static,
    {
        Spawn::new(self.clone(), None, Box::new(factory))
    }

    /// The actor of a name, if there is one: of this system, or of its cluster. A child's name begins with its parent's: `"boss/worker-1"`. A name is free
    /// again once its actor has ended.
    ///
    /// # Errors
    /// [`LookupError::WrongType`] if the name's actor is no `A`; [`LookupError::Unavailable`] if the cluster cannot be asked.
    pub async fn lookup<A: Actor>(&self, name: &str) -> Result<Option<ActorRef<A>>, LookupError> {
        let found = match self.0.names.get(name) {
            Some(here) => Some(AnyRef::of(here)),
            None => self.lookup_elsewhere(name).await?,
        };
        let Some(actor) = found else { return Ok(None) };
        match actor.typed() {
            Some(typed) => Ok(Some(typed)),
            None => Err(LookupError::WrongType { name: name.into(), found: actor.label().kind().into(), wanted: A::NAME }),
        }
    }

    /// What happens in the system from now on: failures, restarts, ends, dead letters.
    ///
    /// ```
    /// use casty::prelude::*;
    ///
    /// #[actor]
    /// struct Guest;
    ///
    /// #[actor]
    /// impl Guest {}
    ///
    /// # #[casty::main]
    /// # async fn main(system: ActorSystem) -> casty::Result<()> {
    /// let guest = system.spawn(|| Guest).name("guest").await?;
    /// let mut events = system.events();
    /// guest.stop().await?;
    /// match events.next().await {
    ///     Some(Event::Stopped { actor, reason }) => println!("{actor}: {reason}"), // Guest "guest": stopped
    ///     other => println!("{other:?}"),
    /// }
    /// # Ok(()) }
    /// ```
    pub fn events(&self) -> Events {
        self.0.bus.subscribe()
    }

    /// How many messages could not be handled so far, for whichever reason: see [`Event::DeadLetter`].
    pub fn dead_letters(&self) -> u64 {
        self.0.dead_letters.count()
    }

    /// Ends all actors, parents after their children, and then the system. Bounded: what has not ended within the
    /// system's `shutdown_timeout` (30 s) is dropped and named in the log.
    ///
    /// Each actor finishes the message in hand, and takes no other: asks that wait get
    /// [`AskError::Stopped`](crate::AskError::Stopped), sends become dead letters. Nothing new is spawned.
    /// Before that, the entities of a node of a cluster go to other nodes, each with its state and with all that waits for it.
    ///
    /// Called again, it waits for the same end. An actor that calls it from a handler or hook does not wait: it is one of
    /// those that end.
    pub async fn shutdown(&self) {
        shutdown::shutdown(self).await;
    }

    /// Runs until SIGINT, SIGTERM or [`shutdown`](Self::shutdown), then ends in good order. (Where there is no SIGTERM,
    /// Ctrl-C alone.)
    ///
    /// ```no_run
    /// use casty::prelude::*;
    ///
    /// #[casty::main]
    /// async fn main(system: ActorSystem) -> casty::Result<()> {
    ///     // Spawn what serves, then wait for the end.
    ///     system.serve().await
    /// }
    /// ```
    ///
    /// # Errors
    /// If the signals cannot be listened to.
    pub async fn serve(&self) -> crate::Result<()> {
        shutdown::serve(self).await
    }

    pub(crate) fn host(&self) -> &Host {
        &self.0.host
    }

    pub(crate) fn scheduler(&self) -> &Scheduler {
        &self.0.scheduler
    }

    pub(crate) fn deadlines(&self) -> &Arc<Deadlines> {
        &self.0.deadlines
    }

    pub(crate) fn ask_timeout(&self) -> Duration {
        self.0.settings.ask_timeout
    }

    pub(crate) fn shutdown_timeout(&self) -> Duration {
        self.0.settings.shutdown_timeout
    }

    /// The actors that have a name of the whole cluster.
    pub(crate) fn named_roots(&self) -> Vec<Arc<dyn AnyCell>> {
        let mut roots = self.0.directory.roots();
        roots.retain(|root| root.name().is_some() && root.is_alive());
        roots.sort_by_key(|root| root.id());
        roots
    }

    pub(crate) fn find_name(&self, name: &str) -> Option<Arc<dyn AnyCell>> {
        self.0.names.get(name)
    }

    pub(crate) fn find(&self, id: ActorId) -> Option<Arc<dyn AnyCell>> {
        self.0.directory.get(id)
    }

    /// An actor has ended.
    pub(crate) fn forget(&self, id: ActorId, name: Option<&Arc<str>>, is_root: bool) {
        let cell = self.0.directory.remove(id);
        if let Some(name) = name {
            self.0.names.free(name, id);
            if let Some(links) = self.links().filter(|_| is_root) {
                links.unregister(name, id);
            }
        }
        drop(cell);
    }

    pub(crate) fn emit(&self, event: &Event) {
        event.log();
        self.0.bus.emit(event);
    }

    /// For events that are too many to be made if nobody listens.
    pub(crate) fn emit_with(&self, event: impl FnOnce() -> Event) {
        if self.0.bus.has_listeners() || tracing::enabled!(tracing::Level::DEBUG) {
            self.emit(&event());
        }
    }

    pub(crate) fn dead_letter(&self, actor: ActorLabel, message: &'static str, reason: DeadLetterReason) {
        self.0.dead_letters.note(&self.0.host, &actor, message, reason);
        self.0.bus.emit(&Event::DeadLetter { actor, message, reason });
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.0.closing.load(Relaxed)
    }

    /// Whether an entity that ends has a successor for what it has not handled: a system that is to end hands its entities over
    /// to other nodes first, if it has any.
    pub(crate) fn serves_entities(&self) -> bool {
        !self.0.ending.load(Relaxed)
    }

    /// Begins the end. `false` if it had begun.
    fn close(&self) -> bool {
        !self.0.closing.swap(true, SeqCst)
    }

    pub(crate) fn serial(&self) -> u64 {
        self.0.serial
    }

    /// Tells this system from others in the process.
    pub(crate) fn addr(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

impl fmt::Debug for ActorSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActorSystem({})", address::short(self.0.serial))
    }
}
