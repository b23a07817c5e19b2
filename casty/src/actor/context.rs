//! What an actor sees of itself and its system, from within.

use std::{fmt, sync::Arc, time::Duration};

use super::{Actor, ActorRef, AnyRef, Cell, Signal, StopReason, Takes, Terminated, Timer, extra::Extra, watch};
use crate::{ActorSystem, EntityId, Later, Message, SentTo, reply::ReplyTo, sync::lock, system::Spawn};

/// An actor's view of itself: its children, its timers, its own reference. Handlers and hooks are given it.
///
/// ```
/// use casty::prelude::*;
/// use std::time::Duration;
///
/// #[message]
/// #[derive(Clone)]
/// struct Tick;
///
/// #[actor]
/// #[derive(Default)]
/// struct Clock {
///     ticks: u64,
/// }
///
/// #[actor]
/// impl Clock {
///     fn on_start(&mut self, ctx: &mut Context<Self>) {
///         ctx.schedule_every(Duration::from_secs(1), Tick);
///     }
///
///     #[handler]
///     fn tick(&mut self, _: Tick, ctx: &mut Context<Self>) {
///         self.ticks += 1;
///         if self.ticks == 60 {
///             ctx.stop();
///         }
///     }
/// }
/// ```
pub struct Context<A: Actor> {
    pub(super) cell: Arc<Cell<A>>,
    /// The name of the message in hand.
    pub(super) message: Option<&'static str>,
    /// What few actors use.
    pub(super) extra: Option<Box<Extra<A>>>,
}

impl<A: Actor> Context<A> {
    pub(crate) fn new(cell: Arc<Cell<A>>) -> Self {
        Self { cell, message: None, extra: None }
    }

    /// The actor's own reference: to hand out, and to send itself messages.
    ///
    /// An `ask` of it from one of its own handlers fails with [`AskError::Cycle`](crate::AskError::Cycle).
    pub fn me(&self) -> ActorRef<A> {
        ActorRef::of(self.cell.clone())
    }

    /// The system that the actor lives in.
    pub fn system(&self) -> &ActorSystem {
        self.cell.system()
    }

    /// The id of the entity that this actor is: `#[sharded]` has one, a singleton an empty one. `None` for other actors.
    pub fn entity_id(&self) -> Option<&EntityId> {
        self.entity()
    }

    /// Deletes the entity's state, with the end of this handler, if that ends well; its answer goes out as usual. The next
    /// message finds a new one: the instance is made anew, its hooks run as at a restart, and what waits in the mailbox stays.
    ///
    /// For an actor that is no entity it does nothing; nor does it in a hook, which the log says.
    ///
    /// ```
    /// use casty::prelude::*;
    ///
    /// #[message]
    /// struct Put(u64);
    ///
    /// #[message(reply = u64)]
    /// struct Total;
    ///
    /// #[message]
    /// struct Empty;
    ///
    /// #[actor]
    /// #[sharded(name = "carts")]
    /// #[derive(Default)]
    /// struct Cart {
    ///     total: u64,
    /// }
    ///
    /// #[actor]
    /// impl Cart {
    ///     #[handler]
    ///     fn put(&mut self, Put(price): Put) {
    ///         self.total += price;
    ///     }
    ///
    ///     #[handler]
    ///     fn total(&self, _: Total) -> u64 {
    ///         self.total
    ///     }
    ///
    ///     #[handler]
    ///     fn empty(&mut self, _: Empty, ctx: &mut Context<Self>) {
    ///         ctx.destroy();
    ///     }
    /// }
    ///
    /// # #[casty::main]
    /// # async fn main(system: ActorSystem) -> casty::Result<()> {
    /// let cart = system.sharded::<Cart>().entity("alice");
    /// cart.send(Put(30)).await?;
    /// cart.send(Empty).await?;
    /// assert_eq!(cart.ask(Total).await?, 0);
    /// # Ok(()) }
    /// ```
    pub fn destroy(&mut self) {
        if self.message.is_some() {
            self.end_entity();
        } else {
            tracing::warn!(actor = %self.cell.label(), "`ctx.destroy()` in a hook does nothing: only a handler can delete its entity");
        }
    }

    /// Makes a child: it is supervised by this actor, named under it, and stopped before it.
    ///
    /// See [`ActorSystem::spawn`] for the factory, the settings and the errors. It ends when this actor restarts, too:
    /// the new instance spawns its own.
    ///
    /// ```
    /// use casty::prelude::*;
    ///
    /// #[actor]
    /// struct Worker;
    ///
    /// #[actor]
    /// impl Worker {}
    ///
    /// #[actor]
    /// #[derive(Default)]
    /// struct Boss {
    ///     workers: Vec<ActorRef<Worker>>,
    /// }
    ///
    /// #[actor]
    /// impl Boss {
    ///     async fn on_start(&mut self, ctx: &mut Context<Self>) -> casty::Result<()> {
    ///         for i in 1..=3 {
    ///             self.workers.push(ctx.spawn(|| Worker).name(format!("worker-{i}")).await?);
    ///         }
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # #[casty::main]
    /// # async fn main(system: ActorSystem) -> casty::Result<()> {
    /// let boss = system.spawn(Boss::default).name("boss").await?;
    /// assert!(system.lookup::<Worker>("boss/worker-2").await?.is_some());
    /// # Ok(()) }
    /// ```
    pub fn spawn<C: Actor, F>(&self, factory: F) -> Spawn<C>
    where
        F: Fn() -> C + Send + Sync + 'static,
    {
        Spawn::new(self.system().clone(), Some(self.cell.clone()), Box::new(factory))
    }

    /// The living children, in the order in which they were spawned.
    pub fn children(&self) -> Vec<AnyRef> {
        self.cell.had_extras().map(super::extras::Extras::child_refs).unwrap_or_default()
    }

    /// Tells a child to end after the message that it has in hand. `false` if it is no (living) child of this actor.
    ///
    /// Returns at once. To wait for the end there is [`ActorRef::stopped`].
    pub fn stop_child(&self, child: impl Into<AnyRef>) -> bool {
        self.told(&child.into(), || Signal::Stop(StopReason::Stopped))
    }

    /// Tells a child to start anew after the message that it has in hand: its hooks run, its mailbox stays, nothing is
    /// counted against its limit of restarts. `false` if it is no (living) child of this actor.
    pub fn restart_child(&self, child: impl Into<AnyRef>) -> bool {
        self.told(&child.into(), || Signal::Restart)
    }

    /// Tells all children to end, the last spawned first. Returns at once.
    pub fn stop_all_children(&self) {
        for child in self.children().iter().rev() {
            child.stop();
        }
    }

    fn told(&self, child: &AnyRef, signal: impl FnOnce() -> Signal) -> bool {
        let cell = child.cell();
        let is_child = self.cell.had_extras().is_some_and(|extras| extras.is_child(&*cell));
        if is_child {
            match signal() {
                Signal::Stop(reason) => cell.stop(reason),
                other => cell.signal(other),
            }
        }
        is_child
    }

    /// Ends this actor after the message in hand. It takes no further message from now on: asks that wait get
    /// [`AskError::Stopped`](crate::AskError::Stopped), sends become dead letters.
    pub fn stop(&self) {
        Cell::signal(&self.cell, Signal::Stop(StopReason::Stopped));
    }

    /// Asks for a [`Terminated`] when `other` has ended; at once if it has already. An actor without a handler for
    /// `Terminated` cannot watch. Watching survives a restart; watching twice is watching once.
    ///
    /// ```
    /// use casty::prelude::*;
    ///
    /// #[actor]
    /// struct Patient;
    ///
    /// #[actor]
    /// impl Patient {}
    ///
    /// #[message]
    /// struct Watch(ActorRef<Patient>);
    ///
    /// #[message(reply = u32)]
    /// struct Deaths;
    ///
    /// #[actor]
    /// #[derive(Default)]
    /// struct Nurse {
    ///     deaths: u32,
    /// }
    ///
    /// #[actor]
    /// impl Nurse {
    ///     #[handler]
    ///     fn begin(&mut self, Watch(patient): Watch, ctx: &mut Context<Self>) {
    ///         ctx.watch(&patient);
    ///     }
    ///
    ///     #[handler]
    ///     fn ended(&mut self, Terminated { actor, reason }: Terminated) {
    ///         println!("{} is gone: {reason}", actor.label());
    ///         self.deaths += 1;
    ///     }
    ///
    ///     #[handler]
    ///     fn deaths(&self, _: Deaths) -> u32 {
    ///         self.deaths
    ///     }
    /// }
    ///
    /// # #[casty::main]
    /// # async fn main(system: ActorSystem) -> casty::Result<()> {
    /// let (nurse, patient) = (system.spawn(Nurse::default).await?, system.spawn(|| Patient).await?);
    /// nurse.ask(Watch(patient.clone())).await?;
    /// patient.stop().await?;
    /// patient.stopped().await; // the nurse has been told
    /// assert_eq!(nurse.ask(Deaths).await?, 1);
    /// # Ok(()) }
    /// ```
    pub fn watch(&mut self, other: impl Into<AnyRef>)
    where
        Terminated: SentTo<A>,
    {
        let watcher = self.cell.clone();
        let id = watcher.id();
        let tell = Box::new(move |terminated: Terminated| watcher.push_beyond_bound(terminated.__wrap(ReplyTo::NOBODY)));
        let target = other.into();
        let cell = target.cell();
        watch(&cell, id, tell);
        if !cell.is_gone()
            && let watched = &mut self.extra().watched
            && !watched.contains(&target)
        {
            watched.retain(AnyRef::is_alive);
            watched.push(target);
        }
    }

    /// Takes [`watch`](Self::watch) back. A `Terminated` that lies in the mailbox already is handled still.
    pub fn unwatch(&mut self, other: impl Into<AnyRef>) {
        let target = other.into();
        if let Some(extra) = &mut self.extra {
            extra.watched.retain(|watched| *watched != target);
        }
        watch::unwatch(&*target.cell(), self.cell.id());
    }

    /// Sends this actor `message` after `delay`. Ends with the instance: at a restart and at the end.
    pub fn schedule_once<M: SentTo<A>>(&mut self, delay: Duration, message: M) -> Timer {
        let timer = Timer::once(&self.cell, delay, message);
        self.keep(timer)
    }

    /// Sends this actor `message` every `period`, first after one `period`. Ends with the instance: at a restart and at
    /// the end. Ticks that the actor is too slow for are left out.
    ///
    /// # Panics
    /// If `period` is zero.
    pub fn schedule_every<M: SentTo<A> + Clone>(&mut self, period: Duration, message: M) -> Timer {
        assert!(!period.is_zero(), "schedule_every needs a period above zero");
        let timer = Timer::every(&self.cell, period, message);
        self.keep(timer)
    }

    fn keep(&mut self, timer: Timer) -> Timer {
        let timers = &mut self.extra().timers;
        timers.retain(|timer| !timer.is_over());
        timers.push(timer.clone());
        timer
    }

    /// Hands a message, with whoever asked, to another actor: the handler returns what this gives.
    ///
    /// Without waiting: if the other's mailbox is full or gone, a message that was sent becomes a dead letter. Whoever asked
    /// is told [`NotAnswered`](crate::AskError::NotAnswered): this actor has had the message, whatever became of it then.
    ///
    /// ```
    /// use casty::prelude::*;
    ///
    /// #[message(reply = String)]
    /// struct Say(String);
    ///
    /// #[actor]
    /// struct Echo;
    ///
    /// #[actor]
    /// impl Echo {
    ///     #[handler]
    ///     fn say(&self, Say(text): Say) -> String {
    ///         text
    ///     }
    /// }
    ///
    /// #[actor]
    /// struct Front {
    ///     echo: ActorRef<Echo>,
    /// }
    ///
    /// #[actor]
    /// impl Front {
    ///     #[handler]
    ///     fn say(&self, say: Say, ctx: &Context<Self>) -> Later<Say> {
    ///         ctx.forward(&self.echo, say)
    ///     }
    /// }
    ///
    /// # #[casty::main]
    /// # async fn main(system: ActorSystem) -> casty::Result<()> {
    /// let echo = system.spawn(|| Echo).await?;
    /// let front = system.spawn(move || Front { echo: echo.clone() }).await?;
    /// assert_eq!(front.ask(Say("hi".into())).await?, "hi");
    /// # Ok(()) }
    /// ```
    ///
    /// To an actor, to an entity, or to whoever is behind a [`Recipient`](crate::Recipient).
    pub fn forward<M: Message, T: Takes<M>>(&self, to: &T, message: M) -> Later<M> {
        Later::hand_on(to.__handing(message))
    }

    /// Puts a message, with whoever asked, aside until [`unstash_all`](Self::unstash_all): the handler returns what this
    /// gives. The stash survives a restart, and holds no more than a bounded mailbox does: a message beyond that is a dead
    /// letter, and [`MailboxFull`](crate::AskError::MailboxFull) for whoever asked.
    ///
    /// ```
    /// use casty::prelude::*;
    ///
    /// #[message(reply = u64)]
    /// struct Get;
    ///
    /// #[message]
    /// struct Set(u64);
    ///
    /// /// Whoever asks too early waits for the first value.
    /// #[actor]
    /// #[derive(Default)]
    /// struct Value(Option<u64>);
    ///
    /// #[actor]
    /// impl Value {
    ///     #[handler]
    ///     fn get(&mut self, message: Get, ctx: &mut Context<Self>) -> Later<Get> {
    ///         match self.0 {
    ///             Some(value) => Later::now(value),
    ///             None => ctx.stash(message),
    ///         }
    ///     }
    ///
    ///     #[handler]
    ///     fn set(&mut self, Set(value): Set, ctx: &mut Context<Self>) {
    ///         self.0 = Some(value);
    ///         ctx.unstash_all();
    ///     }
    /// }
    ///
    /// # #[casty::main]
    /// # async fn main(system: ActorSystem) -> casty::Result<()> {
    /// let value = system.spawn(Value::default).await?;
    /// let (got, set) = tokio::join!(value.ask(Get), value.send(Set(7)));
    /// set?;
    /// assert_eq!(got?, 7);
    /// # Ok(()) }
    /// ```
    pub fn stash<M: SentTo<A>>(&mut self, message: M) -> Later<M> {
        let (stash, cell) = (self.extra().stash.get_or_insert_default().clone(), self.cell.clone());
        Later::aside(move |reply| {
            let item = message.__wrap(reply);
            let mut stash = lock(&stash);
            if cell.capacity().is_some_and(|capacity| stash.len() >= capacity) {
                drop(stash);
                cell.overflowed(item);
            } else {
                stash.push_back(item);
            }
        })
    }

    /// Brings back all that was stashed, in order, ahead of what is in the mailbox, once this handler has ended.
    pub fn unstash_all(&mut self) {
        if let Some(extra) = &mut self.extra {
            extra.unstash = true;
        }
    }

    /// Sends `message` once this handler has ended well; not if it fails. It never waits: what finds the other's mailbox
    /// full or gone is a dead letter.
    ///
    /// For an entity: once the state after this handler is kept, and not at all if the entity is somewhere else before that.
    /// At most once, that is: what has to happen is written into the state first, and said again until it is answered.
    ///
    /// ```
    /// use casty::{EntityRef, prelude::*};
    ///
    /// #[message]
    /// struct Deposit(u64);
    ///
    /// #[message]
    /// struct Transfer {
    ///     amount: u64,
    ///     to: EntityRef<Account>,
    /// }
    ///
    /// #[actor]
    /// #[sharded(name = "accounts", sync = 1)]
    /// #[derive(Default)]
    /// struct Account {
    ///     balance: u64,
    /// }
    ///
    /// #[actor]
    /// impl Account {
    ///     #[handler]
    ///     fn deposit(&mut self, Deposit(amount): Deposit) {
    ///         self.balance += amount;
    ///     }
    ///
    ///     #[handler]
    ///     fn transfer(&mut self, Transfer { amount, to }: Transfer, ctx: &mut Context<Self>) {
    ///         if self.balance >= amount {
    ///             self.balance -= amount;
    ///             ctx.then(&to, Deposit(amount));
    ///         }
    ///     }
    /// }
    /// ```
    pub fn then<M: Message, T: Takes<M>>(&mut self, to: &T, message: M) {
        let hand = to.__handing(message);
        lock(&self.extra().then).push(Box::new(move || hand(ReplyTo::NOBODY)));
    }

    #[doc(hidden)]
    #[inline]
    pub fn __begin<M: Message>(&mut self, message: &M) {
        self.message = Some(M::NAME);
        if let Some(copy) = message.retain() {
            self.extra().retained = Some(copy);
        }
    }

    /// As [`__begin`](Self::__begin), for a handler with `&self`.
    #[doc(hidden)]
    #[inline]
    pub fn __begin_reading<M: Message>(&mut self, message: &M) {
        self.__begin(message);
        self.reads();
    }

    pub(super) fn begin_hook(&mut self) {
        self.message = None;
    }

    pub(super) fn cell(&self) -> &Arc<Cell<A>> {
        &self.cell
    }
}

impl<A: Actor> fmt::Debug for Context<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Context({})", self.cell.label())
    }
}
