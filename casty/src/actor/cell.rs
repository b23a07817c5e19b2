//! The part of an actor that others hold on to: its address, its mailbox, and its seat.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock,
        atomic::{
            AtomicBool,
            Ordering::{Acquire, Release},
        },
    },
};

use tokio::sync::Semaphore;

use super::{
    Activation, Actor, ActorId, AnyCell, Core, Extras, Mailbox, Signal,
    inbox::{Inbox, Seat, Work},
    mailbox::Bound,
};
use crate::{ActorSystem, error::ActorLabel, reply::Outputs, supervision::SupervisorConfig, sync::lock};

pub(crate) struct Cell<A: Actor> {
    pub(super) id: ActorId,
    /// Its place among its siblings.
    pub(super) birth: u64,
    pub(super) name: Option<Arc<str>>,
    pub(super) system: ActorSystem,
    pub(super) parent: Option<Arc<dyn AnyCell>>,
    /// In place of the type's own.
    supervision: Option<Box<SupervisorConfig>>,
    /// Signals wait. Checked between messages.
    pub(super) signalled: AtomicBool,
    pub(super) inbox: Mutex<Inbox<A>>,
    /// A permit a free place in the mailbox, where senders wait for one.
    pub(super) room: Option<Arc<Semaphore>>,
    /// Of an entity.
    activation: Option<Box<Activation>>,
    /// What few actors need.
    extras: OnceLock<Box<Extras>>,
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
    pub(crate) activation: Option<Box<Activation>>,
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
            inbox: Mutex::new(Inbox::new(bound)),
            activation: parts.activation,
            extras: OnceLock::new(),
        }
    }

    pub(super) fn signal(self: &Arc<Self>, signal: Signal) {
        let mut inbox = lock(&self.inbox);
        let stop = matches!(signal, Signal::Stop(_));
        inbox.closed |= stop;
        match inbox.seat {
            Seat::Ending | Seat::Gone(_) => return,
            Seat::Elsewhere => {
                drop(inbox);
                if stop {
                    drop(self.stop_far());
                }
                return;
            }
            Seat::Resting(_) | Seat::Busy(_) | Seat::Taken => {}
        }
        inbox.signals.get_or_insert_default().push_back(signal);
        self.signalled.store(true, Release);
        self.rouse(inbox);
        if stop {
            self.close_room();
        }
    }

    /// Takes no more messages.
    pub(super) fn close(&self) {
        lock(&self.inbox).closed = true;
        self.close_room();
    }

    /// Senders that wait for room wait in vain. Wakes them, so never under our lock.
    pub(super) fn close_room(&self) {
        if let Some(room) = &self.room {
            room.close();
        }
    }

    /// Gives the actor a turn, whatever it waits for.
    pub(super) fn rouse(self: &Arc<Self>, mut inbox: MutexGuard<'_, Inbox<A>>) {
        match inbox.seat {
            Seat::Resting(_) | Seat::Busy(_) => {
                if !std::mem::replace(&mut inbox.queued, true) {
                    drop(inbox);
                    self.system.scheduler().schedule(self.clone());
                }
            }
            Seat::Taken => inbox.rerun = true,
            Seat::Ending | Seat::Gone(_) | Seat::Elsewhere => {}
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
        if let Some(address) = self.far() {
            return ActorLabel::far(address.clone());
        }
        let name = match self.activation() {
            Some(entity) => Some(ActorLabel::entity_name(A::NAME, &entity.address.id)),
            None => self.name.clone(),
        };
        ActorLabel::here(self.id, A::NAME, name)
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

    /// Whether it takes messages, as far as is known here.
    pub(super) fn is_alive(&self) -> bool {
        let inbox = lock(&self.inbox);
        !inbox.closed || matches!(inbox.seat, Seat::Elsewhere)
    }

    /// The first seat that the actor takes.
    pub(crate) fn sit(self: &Arc<Self>, core: Box<Core<A>>) {
        let mut inbox = lock(&self.inbox);
        inbox.seat = Seat::Resting(core);
        // Whoever found it by its name may have sent it something already.
        if inbox.has_work() || inbox.killed {
            self.rouse(inbox);
        }
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

    /// Which entity it is, if it is one.
    #[inline]
    pub(super) fn activation(&self) -> Option<&Activation> {
        self.activation.as_deref()
    }

    /// Where its answers go, if it is an entity.
    #[inline]
    pub(crate) fn outputs(&self) -> Option<&Arc<Outputs>> {
        self.activation().map(|entity| &entity.outputs)
    }

    /// For a cell that nobody else has yet.
    pub(super) fn set_extras(&self, extras: Extras) {
        let set = self.extras.set(Box::new(extras));
        debug_assert!(set.is_ok(), "the cell is new");
    }

    pub(super) fn had_extras(&self) -> Option<&Extras> {
        self.extras.get().map(|extras| &**extras)
    }
}

impl<A: Actor> fmt::Debug for Cell<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.label())
    }
}
