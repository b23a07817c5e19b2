//! The futures of `send` and `stop`.

use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use super::{
    Actor, ActorRef, Cell, Item as _,
    asking::{Target, Unsent, WaitsFor},
    delivery::Refused,
};
use crate::{ActorSystem, Message, SendError, error::ActorLabel, reply::Refusal};

/// A sender yields to others now and then while more messages than this wait for its actor.
const CROWDED: usize = 256;

/// A future that waits for room in a mailbox and puts its message there.
pub type ForRoom = Pin<Box<dyn Future<Output = Result<(), Unsent>> + Send>>;

/// A message on its way into a mailbox. Nothing happens until it is awaited.
#[must_use = "nothing is sent until it is awaited"]
pub struct Sending<'a, T: Target, M> {
    to: &'a T,
    item: Option<T::Item>,
    waiting: Option<Box<Waiting>>,
    message: PhantomData<fn(M)>,
}

/// For room in the mailbox.
struct Waiting {
    for_room: ForRoom,
    _waits_for: Option<WaitsFor>,
}

impl<'a, T: Target, M: Message> Sending<'a, T, M> {
    pub(crate) fn new(to: &'a T, item: T::Item) -> Self {
        Self { to, item: Some(item), waiting: None, message: PhantomData }
    }

    /// Returns whether a crowd waits at the other end.
    fn begin(&mut self, item: T::Item) -> Result<bool, SendError> {
        match self.to.push(item) {
            Ok(waiting) => Ok(waiting > CROWDED),
            Err(unsent) => self.unsent(unsent).map(|()| false),
        }
    }

    #[cold]
    fn unsent(&mut self, unsent: Unsent) -> Result<(), SendError> {
        match unsent {
            Unsent::Stopped => Err(SendError::Stopped { actor: self.to.label(), message: M::NAME }),
            Unsent::Full => Err(SendError::Full { actor: self.to.label(), message: M::NAME }),
            Unsent::Waits(for_room) => match WaitsFor::begin(self.to) {
                Ok(waits_for) => {
                    self.waiting = Some(Box::new(Waiting { for_room, _waits_for: waits_for }));
                    Ok(())
                }
                Err(_) => Err(SendError::Cycle { actor: self.to.label(), message: M::NAME }),
            },
        }
    }
}

impl<T: Target, M: Message> Future for Sending<'_, T, M> {
    type Output = Result<(), SendError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Some(item) = this.item.take()
            && this.begin(item)?
        {
            // The message is there. If this task has gone on for long, the actor may come to its turn first.
            ready!(tokio::task::coop::poll_proceed(cx)).made_progress();
        }
        let Some(waiting) = &mut this.waiting else { return Poll::Ready(Ok(())) };
        let sent = ready!(waiting.for_room.as_mut().poll(cx));
        this.waiting = None;
        Poll::Ready(sent.map_err(|_| SendError::Stopped { actor: this.to.label(), message: M::NAME }))
    }
}

impl<T: Target, M: Message> fmt::Debug for Sending<'_, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sending({} to {})", M::NAME, self.to.label())
    }
}

// The future of a send is never pinned to its place: what needs that is boxed.
impl<T: Target, M> Unpin for Sending<'_, T, M> {}

impl<A: Actor> Target for ActorRef<A> {
    type Item = A::Item;

    #[inline]
    fn ask(&self, item: A::Item) -> Result<(), Unsent> {
        match self.cell().run_inline(item) {
            Ok(()) => Ok(()),
            Err(item) => self.cell().offer(item).map(drop),
        }
    }

    #[inline]
    fn push(&self, item: A::Item) -> Result<usize, Unsent> {
        self.cell().offer(item)
    }

    fn label(&self) -> ActorLabel {
        self.cell().label()
    }

    fn id(&self) -> super::ActorId {
        self.cell().id()
    }

    fn system(&self) -> &ActorSystem {
        self.cell().system()
    }
}

impl<A: Actor> Cell<A> {
    /// Puts a message into the mailbox, or says what is to be done for that. An asker of a refused one is told.
    #[inline(always)]
    pub(super) fn offer(self: &Arc<Self>, item: A::Item) -> Result<usize, Unsent> {
        self.push(item).map_err(|refused| self.refused(refused))
    }

    #[cold]
    fn refused(self: &Arc<Self>, refused: Refused<A::Item>) -> Unsent {
        match refused {
            Refused::Stopped(item) => {
                item.refuse(Refusal::Stopped);
                Unsent::Stopped
            }
            Refused::Full(item) => {
                item.refuse(Refusal::Full);
                Unsent::Full
            }
            Refused::Wait(item) => Unsent::Waits(Box::pin(self.clone().wait_for_room(item))),
        }
    }

    async fn wait_for_room(self: Arc<Self>, item: A::Item) -> Result<(), Unsent> {
        let entered = match self.room() {
            Some(room) => room.acquire().await.map(|permit| permit.forget()).is_ok(),
            None => true,
        };
        if entered {
            match self.push_into_room(item) {
                Ok(_) => return Ok(()),
                Err(Refused::Stopped(item) | Refused::Full(item) | Refused::Wait(item)) => {
                    item.refuse(Refusal::Stopped);
                }
            }
        } else {
            item.refuse(Refusal::Stopped);
        }
        Err(Unsent::Stopped)
    }
}

/// That an actor was told to stop. See [`ActorRef::stop`].
#[derive(Debug)]
pub struct StopSent(());

impl StopSent {
    pub(crate) fn new() -> Self {
        Self(())
    }
}

impl Future for StopSent {
    type Output = Result<(), SendError>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(()))
    }
}
