//! How an actor is made.

use std::{
    fmt,
    future::Future,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::sync::oneshot;

use super::ActorSystem;
use crate::{
    Failure, SpawnError,
    actor::{self, Actor, ActorRef, AnyCell, Cell, CellParts, Core, Factory, Mailbox, Soon, WaitsFor},
    supervision::SupervisorConfig,
};

/// An actor about to be made: the future that [`ActorSystem::spawn`] and [`Context::spawn`](crate::Context::spawn) give.
///
/// Nothing happens until it is awaited; then it gives the [`ActorRef`] once `on_start` has run, or a [`SpawnError`].
/// Dropped while it waits for that, the actor is made all the same.
#[must_use = "no actor is made until it is awaited"]
pub struct Spawn<A: Actor> {
    system: ActorSystem,
    parent: Option<Arc<dyn AnyCell>>,
    name: Option<String>,
    mailbox: Option<Mailbox>,
    supervision: Option<Box<SupervisorConfig>>,
    state: State<A>,
}

enum State<A: Actor> {
    New(Factory<A>),
    Starting { cell: Arc<Cell<A>>, starting: oneshot::Receiver<Result<(), SpawnError>>, _waits_for: Option<WaitsFor> },
    Done,
}

impl<A: Actor> Spawn<A> {
    pub(crate) fn new(system: ActorSystem, parent: Option<Arc<dyn AnyCell>>, factory: Factory<A>) -> Self {
        Self { system, parent, name: None, mailbox: None, supervision: None, state: State::New(factory) }
    }

    /// A name to look it up by; for a child, the part that follows its parent's name (or, if it has none, its id) and a
    /// slash. An empty name, or one with an empty part between slashes, is [`SpawnError::BadName`].
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How many messages may wait for it, in place of what its type or the system says.
    pub fn mailbox(mut self, mailbox: Mailbox) -> Self {
        self.mailbox = Some(mailbox);
        self
    }

    /// What is done when it fails, in place of what its type says.
    pub fn supervision(mut self, supervision: SupervisorConfig) -> Self {
        self.supervision = Some(Box::new(supervision));
        self
    }

    fn begin(&mut self, factory: Factory<A>) -> Result<ActorRef<A>, SpawnError> {
        if self.system.is_closing() {
            return Err(SpawnError::ShuttingDown { kind: A::NAME, by: "the system" });
        }
        if self.parent.as_ref().is_some_and(|parent| !parent.is_alive()) {
            return Err(SpawnError::ShuttingDown { kind: A::NAME, by: "its parent" });
        }
        let name = self.full_name()?;
        // Looked at here, so that a factory does not run in vain, and taken below.
        if let Some(taken) = name.as_ref().and_then(|name| self.system.0.names.get(name)) {
            return Err(SpawnError::NameTaken { name: name.unwrap_or_default(), by: taken.label() });
        }
        let state = {
            let _inside = self.system.host().enter();
            catch_unwind(AssertUnwindSafe(&factory))
        }
        .map_err(|payload| SpawnError::Failed { kind: A::NAME, failure: Failure::from_panic(&*payload) })?;
        let mailbox = self.mailbox.or(A::MAILBOX).unwrap_or(self.system.0.settings.mailbox);
        let cell = self.system.0.directory.add(|id| {
            Arc::new(Cell::new(CellParts {
                id,
                birth: self.parent.as_ref().map_or(0, |parent| parent.extras().next_birth()),
                name,
                system: self.system.clone(),
                parent: self.parent.take(),
                mailbox,
                supervision: self.supervision.take(),
                activation: None,
            }))
        });
        if let Some(name) = cell.name()
            && let Err(taken) = self.system.0.names.take(name, cell.clone())
        {
            // A shutdown may have seen it, and waits for its end.
            cell.finish(None, &crate::StopReason::Stopped);
            return Err(taken);
        }
        if let Some(parent) = cell.parent() {
            parent.extras().add_child(cell.clone());
        }
        let core = Core::new(state, actor::Context::new(cell.clone()), factory);
        if let Some(register) = self.registration(&cell) {
            let (started, starting) = oneshot::channel();
            let waits_for = WaitsFor::begin_here(&self.system, cell.id(), None).ok().flatten();
            // In a task of its own: whoever spawns may give up, and the name is registered or not.
            self.system.host().spawn(register_first(cell.clone(), core, register, started));
            self.state = State::Starting { cell: cell.clone(), starting, _waits_for: waits_for };
            return Ok(ActorRef::of(cell));
        }
        // A shutdown, or the parent's end, that began meanwhile may not have seen the new actor.
        if let Some(by) = self.ended_meanwhile(&cell) {
            cell.finish(Some(core), &crate::StopReason::Shutdown);
            return Err(SpawnError::ShuttingDown { kind: A::NAME, by });
        }
        if A::HOOKS.on_start {
            let (started, starting) = oneshot::channel();
            // If the new actor waits for its spawner before it has started, it is told that it would wait for ever.
            let waits_for = WaitsFor::begin_here(&self.system, cell.id(), None).ok().flatten();
            cell.begin(Box::pin(actor::start(core, started)));
            self.state = State::Starting { cell: cell.clone(), starting, _waits_for: waits_for };
        } else {
            cell.sit(core);
        }
        Ok(ActorRef::of(cell))
    }

    /// In a cluster, what makes the name of an actor without a parent known there. A child is found through its root.
    fn registration(&self, cell: &Arc<Cell<A>>) -> Option<Soon<Result<(), SpawnError>>> {
        let links = self.system.links().filter(|_| cell.parent().is_none())?;
        Some(links.register(cell.name()?, A::NAME, cell.id()))
    }

    fn ended_meanwhile(&self, cell: &Arc<Cell<A>>) -> Option<&'static str> {
        if self.system.is_closing() {
            return Some("the system");
        }
        cell.parent().filter(|parent| !parent.is_alive()).map(|_| "its parent")
    }

    fn full_name(&self) -> Result<Option<Arc<str>>, SpawnError> {
        let Some(name) = &self.name else { return Ok(None) };
        if name.split('/').any(str::is_empty) {
            return Err(SpawnError::BadName { name: name.as_str().into() });
        }
        Ok(Some(match &self.parent {
            None => name.as_str().into(),
            Some(parent) => match parent.name() {
                Some(above) => format!("{above}/{name}").into(),
                None => format!("{}/{name}", parent.id()).into(),
            },
        }))
    }
}

/// Starts the actor once its name is its own in the whole cluster. Else it ends without having begun.
async fn register_first<A: Actor>(
    cell: Arc<Cell<A>>,
    core: Box<Core<A>>,
    register: Soon<Result<(), SpawnError>>,
    started: oneshot::Sender<Result<(), SpawnError>>,
) {
    let system = cell.system().clone();
    let (error, reason) = match register.await {
        Ok(()) if system.is_closing() => {
            (SpawnError::ShuttingDown { kind: A::NAME, by: "the system" }, crate::StopReason::Shutdown)
        }
        Ok(()) if A::HOOKS.on_start => return cell.begin(Box::pin(actor::start(core, started))),
        Ok(()) => {
            cell.sit(core);
            // Whoever spawned it may have gone; the actor is there all the same.
            return drop(started.send(Ok(())));
        }
        Err(error) => (error, crate::StopReason::Stopped),
    };
    cell.finish(Some(core), &reason);
    drop(started.send(Err(error)));
}

impl<A: Actor> Future for Spawn<A> {
    type Output = Result<ActorRef<A>, SpawnError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let State::New(_) = this.state
            && let State::New(factory) = mem::replace(&mut this.state, State::Done)
        {
            let made = this.begin(factory);
            if made.is_err() || matches!(this.state, State::Done) {
                return Poll::Ready(made);
            }
        }
        let State::Starting { cell, starting, .. } = &mut this.state else {
            unreachable!("a future is not polled once it is ready");
        };
        let started = ready!(Pin::new(starting).poll(cx));
        let cell = cell.clone();
        this.state = State::Done;
        // An actor that is dropped within its on_start tells nothing.
        Poll::Ready(match started {
            Ok(Ok(())) => Ok(ActorRef::of(cell)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(SpawnError::ShuttingDown { kind: A::NAME, by: "the system" }),
        })
    }
}

// The future is never pinned to its place: what runs is the actor's.
impl<A: Actor> Unpin for Spawn<A> {}

impl<A: Actor> fmt::Debug for Spawn<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spawn({})", A::NAME)
    }
}
