//! What happens in a system, for those who want to know.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_core::Stream;

use super::DeadLetterReason;
use crate::{ClusterEvent, Failure, StopReason, error::ActorLabel, sync::lock};

/// Something that happened in a system. See [`ActorSystem::events`](crate::ActorSystem::events).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A handler failed, or an instance could not be made. Its supervisor decides what follows.
    Failed {
        /// The actor.
        actor: ActorLabel,
        /// What it failed with.
        failure: Failure,
    },
    /// A new instance has taken its place.
    Restarted {
        /// The actor.
        actor: ActorLabel,
        /// What the old one failed with.
        failure: Failure,
    },
    /// An entity was woken: its actor was made, by a message or because it is to be awake. That it was put away again is
    /// [`Stopped`](Self::Stopped), with [`StopReason::Passivated`], or with [`StopReason::Moved`] to another node.
    Activated {
        /// Its actor.
        actor: ActorLabel,
        /// How long it took to make the actor: what its constructor did, and to put its state in. `on_start` comes after that.
        took: Duration,
    },
    /// It has ended.
    Stopped {
        /// The actor.
        actor: ActorLabel,
        /// Why.
        reason: StopReason,
    },
    /// An actor without a parent failed and said `Escalate`: nobody is left to decide, so it ends.
    Escalated {
        /// The actor.
        actor: ActorLabel,
        /// What it, or a child of it, failed with.
        failure: Failure,
    },
    /// `on_stop` or `pre_restart` failed. The end or the restart goes on.
    HookFailed {
        /// The actor.
        actor: ActorLabel,
        /// Which hook.
        hook: &'static str,
        /// What it failed with.
        failure: Failure,
    },
    /// It did not end in the time it was given, and was dropped; if its handler blocks a thread, it blocks it still.
    Killed {
        /// The actor.
        actor: ActorLabel,
        /// The time that it was given.
        after: Duration,
    },
    /// A message was not handled, though its sender was told `Ok`, or a full mailbox dropped it.
    DeadLetter {
        /// The actor that it was for.
        actor: ActorLabel,
        /// The message's name.
        message: &'static str,
        /// Why.
        reason: DeadLetterReason,
    },
    /// An unbounded mailbox has grown past 100,000 messages: the actor is slower than its senders.
    MailboxLarge {
        /// The actor.
        actor: ActorLabel,
        /// How many wait.
        len: usize,
    },
    /// Something happened in the cluster that this system is a node of.
    Cluster(ClusterEvent),
    /// This reader was too slow: so many events were left out here.
    Missed(u64),
}

impl Event {
    /// Failures are errors, the ordinary is for who debugs. Dead letters see to their own log.
    pub(super) fn log(&self) {
        match self {
            Self::Failed { actor, failure } => {
                tracing::warn!(%actor, %failure, message = failure.message_name(), "an actor failed");
            }
            Self::Restarted { actor, .. } => tracing::info!(%actor, "restarted"),
            Self::Activated { actor, took } => tracing::debug!(%actor, ?took, "woken"),
            Self::Stopped { actor, reason } => tracing::debug!(%actor, %reason, "stopped"),
            Self::Escalated { actor, failure } => {
                tracing::error!(%actor, %failure, "a failure was escalated beyond the top; the actor ends");
            }
            Self::HookFailed { actor, hook, failure } => tracing::warn!(%actor, hook, %failure, "a hook failed"),
            Self::Killed { actor, after } => {
                tracing::error!(%actor, ?after, "an actor did not end in time and was dropped; does a handler block?");
            }
            Self::MailboxLarge { actor, len } => {
                tracing::warn!(%actor, len, "a mailbox has grown large; bound it with #[actor(mailbox = ..)]");
            }
            Self::Cluster(event) => event.log(),
            Self::DeadLetter { .. } | Self::Missed(_) => {}
        }
    }
}

/// How many events wait for a slow subscriber.
const BACKLOG: usize = 1024;

/// The events of a system from the moment of [`ActorSystem::events`](crate::ActorSystem::events) on; a [`Stream`].
///
/// It never holds anybody up: 1,024 events wait for a slow reader, who finds an [`Event::Missed`] where older ones were left
/// out. It ends when the system has.
pub struct Events(Arc<Mutex<Inlet>>);

#[derive(Default)]
struct Inlet {
    waiting: VecDeque<Event>,
    missed: u64,
    closed: bool,
    waker: Option<Waker>,
}

impl Events {
    /// Of a system that is no more.
    pub(crate) fn ended() -> Self {
        Self(Arc::new(Mutex::new(Inlet { closed: true, ..Inlet::default() })))
    }

    /// The next event; `None` once the system has shut down. Safe to drop half-way, as in a `select!`: no event is lost.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<Option<Event>> {
        let mut inlet = lock(&self.0);
        if inlet.missed > 0 {
            return Poll::Ready(Some(Event::Missed(std::mem::take(&mut inlet.missed))));
        }
        match inlet.waiting.pop_front() {
            Some(event) => Poll::Ready(Some(event)),
            None if inlet.closed => Poll::Ready(None),
            None => {
                inlet.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll(cx)
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}

impl Inlet {
    fn put(&mut self, event: &Event) -> Option<Waker> {
        if self.waiting.len() < BACKLOG {
            self.waiting.push_back(event.clone());
        } else {
            // The oldest go: what comes out next says how many.
            self.waiting.pop_front();
            self.waiting.push_back(event.clone());
            self.missed += 1;
        }
        self.waker.take()
    }
}

#[derive(Default)]
pub(super) struct Bus {
    listeners: AtomicUsize,
    closed: AtomicBool,
    inlets: Mutex<Vec<Weak<Mutex<Inlet>>>>,
}

impl Bus {
    pub(super) fn subscribe(&self) -> Events {
        let mut inlets = lock(&self.inlets);
        // Read under the lock: a close that is not seen here comes after, and sees the new inlet.
        let inlet = Arc::new(Mutex::new(Inlet { closed: self.closed.load(Relaxed), ..Inlet::default() }));
        inlets.push(Arc::downgrade(&inlet));
        self.listeners.store(inlets.len(), Relaxed);
        Events(inlet)
    }

    pub(super) fn has_listeners(&self) -> bool {
        self.listeners.load(Relaxed) > 0
    }

    pub(super) fn emit(&self, event: &Event) {
        if self.has_listeners() {
            self.each(|inlet| inlet.put(event));
        }
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Relaxed);
        self.each(|inlet| {
            inlet.closed = true;
            inlet.waker.take()
        });
    }

    fn each(&self, mut act: impl FnMut(&mut Inlet) -> Option<Waker>) {
        let mut wakers = Vec::new();
        let mut inlets = lock(&self.inlets);
        inlets.retain(|inlet| {
            let Some(inlet) = inlet.upgrade() else { return false };
            wakers.extend(act(&mut lock(&inlet)));
            true
        });
        self.listeners.store(inlets.len(), Relaxed);
        drop(inlets);
        wakers.into_iter().for_each(Waker::wake);
    }
}
