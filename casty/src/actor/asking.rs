//! The future of an `ask`: the question goes out, the answer comes back, or time or the actor ends.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::Sleep;

use super::{Actor, ActorId, Answer, AnyCell, Cell, chain, stack};
use crate::{
    ActorSystem, AskError, Message, SendError,
    error::ActorLabel,
    reply::{Refusal, Slot},
    sync::lock,
    system::{Deadline, Expire},
};

/// Whom messages can be sent to: an [`ActorRef`](crate::ActorRef), a [`Recipient`](crate::Recipient).
///
/// It is here so that [`Sending`](crate::Sending) and [`Asking`] can be named; nobody else implements it.
pub trait Target: Send + Sync {
    #[doc(hidden)]
    type Item: Send;
    /// Puts it into the mailbox, and tells how many wait there now.
    #[doc(hidden)]
    fn push(&self, item: Self::Item) -> Result<usize, Unsent>;
    /// Runs the message's handler now if that is allowed, or else puts it into the mailbox. A handler that is not known
    /// to be quick can take its time: with `only_if_known` it is not tried.
    #[doc(hidden)]
    fn ask(&self, item: Self::Item, only_if_known: bool) -> Result<(), Unsent>;
    /// As [`push`](Self::push). `true` if it is on its way to another node, and `receipt` will be told.
    #[doc(hidden)]
    fn confirm(&self, item: Self::Item, receipt: Box<dyn Answer>) -> Result<bool, Unsent>;
    #[doc(hidden)]
    fn label(&self) -> ActorLabel;
    #[doc(hidden)]
    fn id(&self) -> ActorId;
    /// Whether the actor is on another node.
    #[doc(hidden)]
    fn is_far(&self) -> bool;
    #[doc(hidden)]
    fn system(&self) -> &ActorSystem;
}

/// A future that waits for room in a mailbox and puts its message there.
pub type ForRoom = Pin<Box<dyn Future<Output = Result<(), Unsent>> + Send>>;

/// Why a message is not in the mailbox yet. If it was asked, its asker's slot knows too.
pub enum Unsent {
    /// The actor takes nothing more.
    Stopped,
    /// There is no room.
    Full,
    /// There is no room, and this waits for some.
    Waits(ForRoom),
    /// It is for another node's actor, and does not get there.
    Far(Refusal),
}

impl Unsent {
    #[cold]
    pub(super) fn error(&self, actor: ActorLabel, message: &'static str) -> SendError {
        let why = match self {
            Self::Stopped => &Refusal::Stopped,
            Self::Full | Self::Waits(_) => &Refusal::Full,
            Self::Far(why) => why,
        };
        SendError::new(why, actor, message)
    }
}

impl fmt::Debug for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stopped => "Stopped",
            Self::Full => "Full",
            Self::Waits(_) => "Waits",
            Self::Far(_) => "Far",
        })
    }
}

/// The future of an `ask`: a question on its way, and then its answer on its way back. Its output is the reply, or an
/// [`AskError`].
///
/// Nothing happens until it is awaited. Dropped after that, the answer is dropped too; the message is handled all the same.
#[must_use = "nothing is asked until it is awaited"]
pub struct Asking<'a, T: Target, M: Message> {
    to: &'a T,
    state: State<T::Item>,
    slot: Arc<Slot<M::Reply>>,
    timeout: Option<Duration>,
    waits_for: Option<WaitsFor>,
    limit: Limit,
}

enum State<I> {
    New(I),
    ForRoom(ForRoom),
    Sent,
}

enum Limit {
    None,
    /// The default: looked at a few times a second, together with all others.
    Coarse(Deadline),
    /// What the caller asked for, to the millisecond.
    Fine(Pin<Box<Sleep>>),
}

impl<'a, T: Target, M: Message> Asking<'a, T, M> {
    pub(crate) fn new(to: &'a T, item: T::Item, slot: Arc<Slot<M::Reply>>) -> Self {
        Self { to, state: State::New(item), slot, timeout: None, waits_for: None, limit: Limit::None }
    }

    /// Gives up after `limit`, with [`AskError::Timeout`], in place of the system's default of 5 s. The time counts from
    /// the first poll, and is kept to the millisecond.
    ///
    /// The message may have been handled then, or be handled later.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    fn begin(&mut self, item: T::Item) -> Result<(), AskError> {
        match WaitsFor::begin(self.to, Some(self.slot.clone())) {
            Ok(waits_for) => self.waits_for = waits_for,
            Err(Cycle) => return Err(AskError::Cycle { actor: self.to.label(), message: M::NAME }),
        }
        if let Err(Unsent::Waits(for_room)) = self.to.ask(item, self.timeout.is_some()) {
            self.state = State::ForRoom(for_room);
        }
        Ok(())
    }

    fn outcome(&self, answer: Result<M::Reply, Refusal>) -> Result<M::Reply, AskError> {
        answer.map_err(|refusal| self.refused(refusal))
    }

    #[cold]
    fn refused(&self, refusal: Refusal) -> AskError {
        AskError::new(refusal, self.to.label(), M::NAME)
    }

    fn poll_limit(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        let system = self.to.system();
        let after = self.timeout.unwrap_or_else(|| system.ask_timeout());
        loop {
            match &mut self.limit {
                Limit::None if self.timeout.is_none() && after >= Deadline::COARSEST => {
                    self.limit = Limit::Coarse(system.deadlines().add(after, self.slot.clone()));
                }
                Limit::None => self.limit = Limit::Fine(Box::pin(system.host().sleep(after))),
                Limit::Coarse(deadline) if deadline.is_over(system.deadlines()) => return Poll::Ready(after),
                Limit::Coarse(_) => return Poll::Pending,
                Limit::Fine(sleep) => {
                    ready!(sleep.as_mut().poll(cx));
                    return Poll::Ready(after);
                }
            }
        }
    }
}

impl<T: Target, M: Message> Future for Asking<'_, T, M> {
    type Output = Result<M::Reply, AskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        // A task that asks without end lets others come to their turn, as with tokio's own channels.
        let progress = ready!(tokio::task::coop::poll_proceed(cx));
        if let State::New(_) = this.state
            && let State::New(item) = std::mem::replace(&mut this.state, State::Sent)
        {
            if let Err(error) = this.begin(item) {
                return Poll::Ready(Err(error));
            }
            if let Some(answer) = this.slot.take() {
                progress.made_progress();
                return Poll::Ready(this.outcome(answer));
            }
        }
        if let Poll::Ready(answer) = this.slot.poll(cx) {
            progress.made_progress();
            return Poll::Ready(this.outcome(answer));
        }
        if let State::ForRoom(for_room) = &mut this.state
            && let Poll::Ready(_told) = for_room.as_mut().poll(cx)
        {
            this.state = State::Sent;
            cx.waker().wake_by_ref();
        }
        let after = ready!(this.poll_limit(cx));
        progress.made_progress();
        if this.slot.is_held() {
            return Poll::Ready(Err(AskError::NotReplicated { actor: this.to.label(), message: M::NAME }));
        }
        Poll::Ready(Err(AskError::Timeout { actor: this.to.label(), message: M::NAME, after }))
    }
}

impl<T: Target, M: Message> Drop for Asking<'_, T, M> {
    fn drop(&mut self) {
        self.slot.close();
        if let Limit::Coarse(deadline) = std::mem::replace(&mut self.limit, Limit::None) {
            deadline.remove(self.to.system().deadlines());
        }
    }
}

// The future of an ask is never pinned to its place: what needs that is boxed.
impl<T: Target, M: Message> Unpin for Asking<'_, T, M> {}

impl<T: Target, M: Message> fmt::Debug for Asking<'_, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asking({} of {})", M::NAME, self.to.label())
    }
}

/// That an actor waits for another.
pub(crate) struct Wait {
    target: ActorId,
    /// For an answer: it waits only until the other has handled the question.
    question: Option<Arc<dyn Expire>>,
}

impl Wait {
    fn holds(&self) -> bool {
        self.question.as_ref().is_none_or(|question| question.is_unhandled())
    }
}

/// While it lives, an actor waits for another.
pub(crate) struct WaitsFor {
    asker: Arc<dyn AnyCell>,
    target: ActorId,
}

/// Waiting would be for oneself.
pub(crate) struct Cycle;

/// In place of an actor on another node, as one that is waited for. What the message carries tells whom that waits for.
const ELSEWHERE: ActorId = ActorId(u64::MAX);

/// How many actors one that waits can be waiting for, in a row.
const CHAIN: usize = 1024;

impl WaitsFor {
    /// The actor on whose turn this runs begins to wait. `None` if there is none.
    pub(super) fn begin<T: Target>(to: &T, question: Option<Arc<dyn Expire>>) -> Result<Option<Self>, Cycle> {
        let system = to.system();
        let Some(asker) = stack::current(system) else { return Ok(None) };
        Self::begin_of(system, asker, if to.is_far() { ELSEWHERE } else { to.id() }, question)
    }

    /// As [`begin`](Self::begin), for an actor of this node.
    pub(crate) fn begin_here(
        system: &ActorSystem,
        target: ActorId,
        question: Option<Arc<dyn Expire>>,
    ) -> Result<Option<Self>, Cycle> {
        let Some(asker) = stack::current(system) else { return Ok(None) };
        Self::begin_of(system, asker, target, question)
    }

    fn begin_of(
        system: &ActorSystem,
        asker: ActorId,
        target: ActorId,
        question: Option<Arc<dyn Expire>>,
    ) -> Result<Option<Self>, Cycle> {
        if stack::contains(system, target) {
            return Err(Cycle);
        }
        let Some(asker) = system.find(asker) else { return Ok(None) };
        Self::wait(system, asker, target, question).map(Some)
    }

    /// `asker` begins to wait for `target`.
    pub(super) fn enter<A: Actor>(asker: Arc<Cell<A>>, target: ActorId) -> Result<Self, Cycle> {
        let system = asker.system().clone();
        Self::wait(&system, asker, target, None)
    }

    /// Each actor that begins to wait says so first and looks second, so of several that close a circle together at
    /// least one sees it.
    fn wait(
        system: &ActorSystem,
        asker: Arc<dyn AnyCell>,
        target: ActorId,
        question: Option<Arc<dyn Expire>>,
    ) -> Result<Self, Cycle> {
        lock(&asker.extras().waits_for).push(Wait { target, question });
        let waits = Self { asker, target };
        if leads_to(system, target, waits.asker.id()) { Err(Cycle) } else { Ok(waits) }
    }
}

impl Drop for WaitsFor {
    fn drop(&mut self) {
        let mut waits_for = lock(&self.asker.extras().waits_for);
        let at = waits_for.iter().position(|wait| wait.target == self.target);
        let ended = at.map(|at| waits_for.swap_remove(at));
        drop(waits_for);
        drop(ended);
    }
}

/// Whether an actor waits for an actor of another node.
pub(super) fn waits_elsewhere(system: &ActorSystem, id: ActorId) -> bool {
    let Some(cell) = system.find(id) else { return false };
    let Some(extras) = cell.had_extras() else { return false };
    lock(&extras.waits_for).iter().any(|wait| wait.target == ELSEWHERE && wait.holds())
}

/// Whether `from` waits, itself or through others, for `to`.
pub(super) fn leads_to(system: &ActorSystem, from: ActorId, to: ActorId) -> bool {
    let mut open = vec![from];
    let mut seen = 0;
    while let Some(id) = open.pop() {
        if id == to {
            return true;
        }
        seen += 1;
        if seen > CHAIN {
            return false;
        }
        if let Some(cell) = system.find(id)
            && let Some(extras) = cell.had_extras()
        {
            let before = open.len();
            open.extend(lock(&extras.waits_for).iter().filter(|wait| wait.holds()).map(|wait| wait.target));
            if open[before..].contains(&ELSEWHERE) {
                open.retain(|id| *id != ELSEWHERE);
                open.extend(chain::through_others(system, id));
            }
        }
    }
    false
}
