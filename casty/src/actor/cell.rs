//! The part of an actor that others hold on to: its address, its mailbox, and its seat.

use std::{
    any::Any,
    collections::VecDeque,
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{
            AtomicBool,
            Ordering::{Acquire, Release},
        },
    },
};

use tokio::sync::{Notify, Semaphore};

use super::{
    Actor, ActorId, Core, Item as _, Mailbox, Overflow, Signal, StopReason,
    children::Children,
    mailbox::{Bound, Queue},
    turn::Served,
    watch::Watchers,
};
use crate::{
    ActorSystem,
    error::ActorLabel,
    reply::Refusal,
    scheduler::Run,
    supervision::{Children as Group, Directive, SupervisorConfig},
    sync::lock,
    system::{DeadLetterReason, Event},
};

/// A mailbox that grows past this is told of.
const LARGE: usize = 100_000;

pub(crate) struct Cell<A: Actor> {
    id: ActorId,
    /// Its place among its siblings.
    birth: u64,
    name: Option<Arc<str>>,
    system: ActorSystem,
    parent: Option<Arc<dyn AnyCell>>,
    /// In place of the type's own.
    supervision: Option<Box<SupervisorConfig>>,
    /// Signals wait. Checked between messages.
    pub(super) signalled: AtomicBool,
    pub(super) inbox: Mutex<Inbox<A>>,
    /// A permit a free place in the mailbox, where senders wait for one.
    room: Option<Arc<Semaphore>>,
    /// What few actors need.
    extras: OnceLock<Box<Extras>>,
}

/// All that the cell's one lock guards.
pub(super) struct Inbox<A: Actor> {
    pub(super) seat: Seat<A>,
    /// It stands in a runner's queue.
    pub(super) queued: bool,
    /// It was woken while it was in its turn.
    pub(super) rerun: bool,
    /// It takes no more messages.
    pub(super) closed: bool,
    /// It is to end without its hooks.
    pub(super) killed: bool,
    /// Its mailbox was told of as large.
    large: bool,
    pub(super) queue: Queue<A::Item>,
    bound: Option<Bound>,
    #[expect(clippy::box_collection, reason = "a signal is rare, and an idle actor is to be small")]
    signals: Option<Box<VecDeque<Signal>>>,
}

/// Where the actor itself is.
pub(super) enum Seat<A: Actor> {
    /// At rest, or waiting for its turn with mail.
    Resting(Box<Core<A>>),
    /// In an async handler or hook, or waiting to be restarted.
    Busy(Work<A>),
    /// In its turn: a thread has it.
    Taken,
    /// Its end is under way.
    Ending,
    /// It has ended, and everybody was told.
    Gone(StopReason),
}

pub(crate) type Work<A> = Pin<Box<dyn Future<Output = Outcome<A>> + Send>>;

/// What [`Work`] comes to: the actor, and what it did; or nothing, when it has ended.
pub(crate) type Outcome<A> = Option<(Box<Core<A>>, Served)>;

#[derive(Default)]
pub(crate) struct Extras {
    pub(super) children: Mutex<Children>,
    pub(super) watchers: Mutex<Watchers>,
    pub(super) stopped: Notify,
    /// Whom this actor waits for: asks under way, and mailboxes that it waits for room in.
    pub(super) waits_for: Mutex<Vec<ActorId>>,
    grouping: tokio::sync::Mutex<()>,
}

impl Extras {
    /// Held while several children restart together.
    pub(crate) fn grouping(&self) -> &tokio::sync::Mutex<()> {
        &self.grouping
    }
}

/// What a new cell is made of.
pub(crate) struct CellParts {
    pub(crate) id: ActorId,
    pub(crate) birth: u64,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) system: ActorSystem,
    pub(crate) parent: Option<Arc<dyn AnyCell>>,
    pub(crate) mailbox: Mailbox,
    pub(crate) supervision: Option<Box<SupervisorConfig>>,
}

/// Why a message was not taken; it comes back.
pub(crate) enum Refused<I> {
    Stopped(I),
    Full(I),
    /// Full, and its senders wait for room.
    Wait(I),
}

impl<A: Actor> Cell<A> {
    pub(crate) fn new(parts: CellParts) -> Self {
        let bound = Bound::of(parts.mailbox);
        Self {
            room: bound.as_ref().and_then(Bound::room),
            id: parts.id,
            birth: parts.birth,
            name: parts.name,
            system: parts.system,
            parent: parts.parent,
            supervision: parts.supervision,
            signalled: AtomicBool::new(false),
            inbox: Mutex::new(Inbox {
                seat: Seat::Taken,
                queued: false,
                rerun: false,
                closed: false,
                killed: false,
                large: false,
                queue: Queue::new(),
                bound,
                signals: None,
            }),
            extras: OnceLock::new(),
        }
    }

    /// Puts a message into the mailbox. Returns how many wait now.
    #[inline(always)]
    pub(crate) fn push(self: &Arc<Self>, item: A::Item) -> Result<usize, Refused<A::Item>> {
        let inbox = lock(&self.inbox);
        if !inbox.closed && inbox.bound.is_none() {
            return Ok(self.deliver(inbox, item));
        }
        drop(inbox);
        self.push_bounded(item)
    }

    #[inline(never)]
    fn push_bounded(self: &Arc<Self>, item: A::Item) -> Result<usize, Refused<A::Item>> {
        let waits = match &self.room {
            None => false,
            Some(room) => room.try_acquire().map(|permit| permit.forget()).is_err(),
        };
        let mut inbox = lock(&self.inbox);
        if inbox.closed {
            return Err(Refused::Stopped(item));
        }
        if waits {
            return Err(Refused::Wait(item));
        }
        let mut dropped = None;
        if let Some(bound) = &inbox.bound
            && inbox.queue.len() >= bound.capacity
        {
            match bound.overflow {
                Overflow::Fail => return Err(Refused::Full(item)),
                Overflow::DropOldest => dropped = inbox.queue.pop(),
                Overflow::DropNewest => {
                    drop(inbox);
                    self.overflowed(item);
                    return Ok(0);
                }
                // The permit was for this place, or what the system had to tell took it.
                Overflow::Wait => {}
            }
        }
        let len = self.deliver(inbox, item);
        if let Some(item) = dropped {
            self.overflowed(item);
        }
        Ok(len)
    }

    /// Puts a message into the mailbox whatever its bound: what the system itself has to tell.
    pub(super) fn push_beyond_bound(self: &Arc<Self>, item: A::Item) {
        let inbox = lock(&self.inbox);
        if !inbox.closed {
            self.deliver(inbox, item);
        }
    }

    /// For a sender that waited and got room in the mailbox.
    pub(super) fn push_into_room(self: &Arc<Self>, item: A::Item) -> Result<usize, Refused<A::Item>> {
        let inbox = lock(&self.inbox);
        if inbox.closed {
            return Err(Refused::Stopped(item));
        }
        Ok(self.deliver(inbox, item))
    }

    #[inline(always)]
    fn deliver(self: &Arc<Self>, mut inbox: std::sync::MutexGuard<'_, Inbox<A>>, item: A::Item) -> usize {
        inbox.queue.push(item);
        let len = inbox.queue.len();
        let wake = !inbox.queued && matches!(inbox.seat, Seat::Resting(_));
        inbox.queued |= wake;
        let large = len > LARGE && !mem::replace(&mut inbox.large, true);
        drop(inbox);
        if wake {
            self.system.scheduler().schedule(self.clone());
        }
        if large {
            self.tell_large(len);
        }
        len
    }

    #[cold]
    fn tell_large(&self, len: usize) {
        self.system.emit(Event::MailboxLarge { actor: self.label(), len });
    }

    pub(super) fn overflowed(&self, item: A::Item) {
        let name = item.name();
        item.refuse(Refusal::Full);
        self.system.dead_letter(self.label(), name, DeadLetterReason::MailboxFull);
    }

    pub(super) fn room(&self) -> Option<&Arc<Semaphore>> {
        self.room.as_ref()
    }

    /// A message left the mailbox.
    pub(super) fn made_room(&self) {
        if let Some(room) = &self.room {
            room.add_permits(1);
        }
    }

    pub(super) fn signal(self: &Arc<Self>, signal: Signal) {
        let mut inbox = lock(&self.inbox);
        if matches!(signal, Signal::Stop(_)) {
            self.close(&mut inbox);
        }
        if matches!(inbox.seat, Seat::Ending | Seat::Gone(_)) {
            return;
        }
        inbox.signals.get_or_insert_default().push_back(signal);
        self.signalled.store(true, Release);
        self.rouse(inbox);
    }

    fn close(&self, inbox: &mut Inbox<A>) {
        inbox.closed = true;
        if let Some(room) = &self.room {
            room.close();
        }
    }

    /// Gives the actor a turn, whatever it waits for.
    pub(super) fn rouse(self: &Arc<Self>, mut inbox: std::sync::MutexGuard<'_, Inbox<A>>) {
        match inbox.seat {
            Seat::Resting(_) | Seat::Busy(_) => {
                if !mem::replace(&mut inbox.queued, true) {
                    drop(inbox);
                    self.system.scheduler().schedule(self.clone());
                }
            }
            Seat::Taken => inbox.rerun = true,
            Seat::Ending | Seat::Gone(_) => {}
        }
    }

    pub(super) fn next_signal(&self) -> Option<Signal> {
        if !self.signalled.load(Acquire) {
            return None;
        }
        lock(&self.inbox).next_signal(&self.signalled)
    }

    pub(crate) fn system(&self) -> &ActorSystem {
        &self.system
    }

    pub(super) fn supervision(&self) -> SupervisorConfig {
        self.supervision.as_deref().copied().unwrap_or(A::SUPERVISION)
    }

    /// How many messages its mailbox holds at most.
    pub(super) fn capacity(&self) -> Option<usize> {
        lock(&self.inbox).bound.as_ref().map(|bound| bound.capacity)
    }

    pub(crate) fn label(&self) -> ActorLabel {
        ActorLabel { id: self.id, kind: A::NAME, name: self.name.clone() }
    }

    pub(crate) fn id(&self) -> ActorId {
        self.id
    }

    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        self.name.as_ref()
    }

    pub(super) fn parent(&self) -> Option<&Arc<dyn AnyCell>> {
        self.parent.as_ref()
    }

    pub(super) fn is_closed(&self) -> bool {
        lock(&self.inbox).closed
    }

    /// The first seat that the actor takes.
    pub(crate) fn sit(self: &Arc<Self>, core: Box<Core<A>>) {
        lock(&self.inbox).seat = Seat::Resting(core);
    }

    /// Begins with work, such as a hook to run before the first message.
    pub(crate) fn begin(self: &Arc<Self>, work: Work<A>) {
        let mut inbox = lock(&self.inbox);
        inbox.seat = Seat::Busy(work);
        self.rouse(inbox);
    }

    pub(super) fn extras(&self) -> &Extras {
        self.extras.get_or_init(Box::default)
    }

    fn had_extras(&self) -> Option<&Extras> {
        self.extras.get().map(|extras| &**extras)
    }

    /// The end: nobody finds the actor any more, who waits for it is told. Done once; the core is gone by then, or goes
    /// with `core`.
    pub(super) fn finish(self: &Arc<Self>, core: Option<Box<Core<A>>>, reason: &StopReason) {
        let mut inbox = lock(&self.inbox);
        self.close(&mut inbox);
        let seat = mem::replace(&mut inbox.seat, Seat::Ending);
        if let Seat::Ending | Seat::Gone(_) = seat {
            inbox.seat = seat;
            return;
        }
        let mut left = mem::replace(&mut inbox.queue, Queue::new());
        let signals = inbox.signals.take();
        drop(inbox);
        // The state goes before the name is free, and both before anybody is told.
        drop((seat, core, signals));
        while let Some(item) = left.pop() {
            self.leave_behind(item);
        }
        self.system.forget(self.id, self.name.as_ref());
        if let Some(parent) = &self.parent {
            parent.extras().remove_child(self.birth);
        }
        self.system.emit_with(|| Event::Stopped { actor: self.label(), reason: reason.clone() });
        if let Some(extras) = self.had_extras() {
            extras.tell_watchers(self.clone(), reason);
        }
        lock(&self.inbox).seat = Seat::Gone(reason.clone());
        // Who made the extras since then either sees the line above, or is seen here.
        if let Some(extras) = self.had_extras() {
            extras.tell_watchers(self.clone(), reason);
            extras.stopped.notify_waiters();
        }
    }

    /// Stops the actor at once if nothing of it has to run for that, else by a signal.
    fn stop_now_or_signal(self: &Arc<Self>, reason: StopReason) {
        let mut inbox = lock(&self.inbox);
        let at_rest = matches!(inbox.seat, Seat::Resting(_)) && !inbox.queued && !inbox.has_work();
        let childless = self.had_extras().is_none_or(Extras::is_childless);
        if at_rest && childless && !A::HOOKS.on_stop {
            let seat = mem::replace(&mut inbox.seat, Seat::Taken);
            self.close(&mut inbox);
            drop(inbox);
            let Seat::Resting(core) = seat else { unreachable!("it was at rest") };
            self.finish(Some(core), &reason);
        } else {
            drop(inbox);
            self.signal(Signal::Stop(reason));
        }
    }

    /// Why it ended, once it has.
    pub(super) fn ended(&self) -> Option<StopReason> {
        match &lock(&self.inbox).seat {
            Seat::Gone(reason) => Some(reason.clone()),
            Seat::Resting(_) | Seat::Busy(_) | Seat::Taken | Seat::Ending => None,
        }
    }
}

impl<A: Actor> Inbox<A> {
    pub(super) fn next_signal(&mut self, signalled: &AtomicBool) -> Option<Signal> {
        let signals = self.signals.as_mut()?;
        let signal = signals.pop_front();
        if signals.is_empty() {
            self.signals = None;
            signalled.store(false, Release);
        }
        signal
    }

    /// Hands the actor its next message; with an unbounded mailbox, those behind it too.
    #[inline]
    pub(super) fn next_mail(&mut self, core: &mut Core<A>) -> bool {
        match &self.bound {
            None => self.queue.take_all(&mut core.next, &mut core.batch),
            Some(_) => core.next = self.queue.pop(),
        }
        core.next.is_some()
    }

    pub(super) fn has_work(&self) -> bool {
        !self.queue.is_empty() || self.signals.is_some()
    }

    pub(super) fn shrink(&mut self) {
        self.queue.shrink();
        self.large = false;
    }
}

/// A cell whose actor's type is not known.
pub(crate) trait AnyCell: Run + Any {
    fn id(&self) -> ActorId;
    fn birth(&self) -> u64;
    fn name(&self) -> Option<&Arc<str>>;
    fn label(&self) -> ActorLabel;
    fn parent(&self) -> Option<&Arc<dyn AnyCell>>;
    fn extras(&self) -> &Extras;
    fn had_extras(&self) -> Option<&Extras>;
    fn is_alive(&self) -> bool;
    fn is_gone(&self) -> bool;
    fn ended(&self) -> Option<StopReason>;
    /// Its own strategy as a child.
    fn strategy(&self) -> Directive;
    /// Whether a failed child has to ask it.
    fn judges(&self) -> bool;
    fn signal(self: Arc<Self>, signal: Signal);
    fn stop(self: Arc<Self>, reason: StopReason);
    /// Ends it without hooks, and its children. `false` if a thread is in its handler, so that it ends only after.
    fn kill(self: Arc<Self>) -> bool;
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl<A: Actor> AnyCell for Cell<A> {
    fn id(&self) -> ActorId {
        self.id
    }

    fn birth(&self) -> u64 {
        self.birth
    }

    fn name(&self) -> Option<&Arc<str>> {
        self.name.as_ref()
    }

    fn label(&self) -> ActorLabel {
        Self::label(self)
    }

    fn parent(&self) -> Option<&Arc<dyn AnyCell>> {
        self.parent.as_ref()
    }

    fn extras(&self) -> &Extras {
        Self::extras(self)
    }

    fn had_extras(&self) -> Option<&Extras> {
        Self::had_extras(self)
    }

    fn is_alive(&self) -> bool {
        !self.is_closed()
    }

    fn is_gone(&self) -> bool {
        matches!(lock(&self.inbox).seat, Seat::Gone(_))
    }

    fn ended(&self) -> Option<StopReason> {
        Self::ended(self)
    }

    fn strategy(&self) -> Directive {
        self.supervision().strategy
    }

    fn judges(&self) -> bool {
        A::HOOKS.on_child_failure || self.supervision().children != Group::OneForOne
    }

    fn signal(self: Arc<Self>, signal: Signal) {
        Self::signal(&self, signal);
    }

    fn stop(self: Arc<Self>, reason: StopReason) {
        self.stop_now_or_signal(reason);
    }

    fn kill(self: Arc<Self>) -> bool {
        let mut inbox = lock(&self.inbox);
        self.close(&mut inbox);
        inbox.killed = true;
        let taken = matches!(inbox.seat, Seat::Taken);
        drop(inbox);
        let children = self.had_extras().map(Extras::children_last_first).unwrap_or_default();
        let ended = children.into_iter().fold(true, |ended, child| child.kill() && ended);
        if !taken {
            self.finish(None, &StopReason::Killed);
        }
        ended && !taken
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

impl<A: Actor> fmt::Debug for Cell<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.label())
    }
}
