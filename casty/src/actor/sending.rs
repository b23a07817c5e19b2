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
    Actor, ActorRef, Answer, Cell, Confirming, Item as _, NotSent,
    asking::{ForRoom, Target, Unsent, WaitsFor},
    delivery::Refused,
    proxy::{send_far, send_far_late, send_near},
};
use crate::{
    ActorSystem, Message, SendError,
    error::{ActorLabel, Undelivered},
    reply::Refusal,
};

/// A send that makes a multiple of this many messages wait costs its task a unit of tokio's cooperative budget, so that a
/// task that sends without end yields about every four thousand messages and the actor comes to its turn.
const CROWD: usize = 32;

/// The future of a `send`: a message on its way into a mailbox. Its output is `Ok(())`, or a [`SendError`].
///
/// Nothing happens until it is awaited. It waits only for room in a full mailbox; dropped while it does, the message is
/// not sent.
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
    #[inline(always)]
    pub(crate) fn new(to: &'a T, item: T::Item) -> Self {
        Self { to, item: Some(item), waiting: None, message: PhantomData }
    }

    /// Waits until the message is in the actor's mailbox, where that is on another node: a plain send to it is `Ok` once it
    /// is on its way. To an actor of this node it changes nothing.
    ///
    /// ```
    /// use casty::prelude::*;
    ///
    /// #[message]
    /// struct Job(u32);
    ///
    /// #[actor]
    /// struct Worker;
    ///
    /// #[actor]
    /// impl Worker {
    ///     #[handler]
    ///     fn work(&mut self, _: Job) {}
    /// }
    ///
    /// # #[casty::main]
    /// # async fn main(system: ActorSystem) -> casty::Result<()> {
    /// let worker = system.spawn(|| Worker).await?;
    /// worker.send(Job(7)).confirmed().await?;
    /// # Ok(()) }
    /// ```
    pub fn confirmed(self) -> Confirming<'a, T, M> {
        Confirming::new(self.to, self.item)
    }

    /// What remains of a send whose message found a crowd, or no place.
    #[cold]
    #[inline(never)]
    fn late(&mut self, pushed: Result<usize, Unsent>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        match pushed {
            Ok(_) => {
                // The message is there. If this task has gone on for long, the actor may come to its turn first.
                ready!(tokio::task::coop::poll_proceed(cx)).made_progress();
                Poll::Ready(Ok(()))
            }
            Err(Unsent::Waits(for_room)) => match WaitsFor::begin(self.to, None) {
                Ok(waits_for) => {
                    self.waiting = Some(Box::new(Waiting { for_room, _waits_for: waits_for }));
                    self.wait(cx)
                }
                Err(_) => Poll::Ready(Err(SendError::Cycle(Undelivered::new(self.to.label(), M::NAME)))),
            },
            Err(unsent) => Poll::Ready(Err(unsent.error(self.to.label(), M::NAME))),
        }
    }

    #[inline(never)]
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let Some(waiting) = &mut self.waiting else { return Poll::Ready(Ok(())) };
        let sent = ready!(waiting.for_room.as_mut().poll(cx));
        self.waiting = None;
        Poll::Ready(sent.map_err(|unsent| unsent.error(self.to.label(), M::NAME)))
    }
}

impl<T: Target, M: Message> Future for Sending<'_, T, M> {
    type Output = Result<(), SendError>;

    // Inlined whole: a message that is written in one function and read in another in pieces of another size makes the
    // processor wait, which was a third of the time of a send.
    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        match this.item.take() {
            Some(item) => match this.to.push(item) {
                Ok(waiting) if !waiting.is_multiple_of(CROWD) => Poll::Ready(Ok(())),
                pushed => this.late(pushed, cx),
            },
            None => this.wait(cx),
        }
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
    fn ask(&self, item: A::Item, only_if_known: bool) -> Result<(), Unsent> {
        match self.cell().run_inline(item, only_if_known) {
            Ok(()) => Ok(()),
            Err(item) => self.cell().offer(item).map(drop),
        }
    }

    #[inline(always)]
    fn push(&self, item: A::Item) -> Result<usize, Unsent> {
        self.cell().offer(item)
    }

    fn confirm(&self, mut item: A::Item, receipt: Box<dyn Answer>) -> Result<bool, Unsent> {
        let cell = self.cell();
        let Some(to) = cell.far().filter(|_| cell.is_alive()) else { return cell.offer(item).map(|_| false) };
        let mut receipt = Some(receipt);
        let told = |(item, why): (A::Item, Refusal)| {
            item.refuse(why.clone());
            Unsent::Far(why)
        };
        match send_far(cell.system(), to, &mut item, &mut receipt) {
            Ok(_) => Ok(true),
            Err(NotSent::Refused(why)) => Err(told((item, why))),
            Err(NotSent::Full(_)) => {
                let late = send_far_late(cell.system().clone(), to.clone(), item, receipt);
                Err(Unsent::Waits(Box::pin(async move { late.await.map_err(told) })))
            }
        }
    }

    fn label(&self) -> ActorLabel {
        self.cell().label()
    }

    fn id(&self) -> super::ActorId {
        self.cell().id()
    }

    fn is_far(&self) -> bool {
        self.cell().far().is_some()
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
    pub(crate) fn refused(self: &Arc<Self>, refused: Refused<A::Item>) -> Unsent {
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
            Refused::Far(refused) => {
                let (item, why) = *refused;
                item.refuse(why.clone());
                Unsent::Far(why)
            }
        }
    }

    pub(super) async fn wait_for_room(self: Arc<Self>, item: A::Item) -> Result<(), Unsent> {
        if let Some(to) = self.far() {
            if self.is_near() && !item.is_ask() {
                return send_near(self.system().clone(), to.clone(), item).await.map_err(Unsent::Far);
            }
            return send_far_late(self.system().clone(), to.clone(), item, None).await.map_err(|(item, why)| {
                item.refuse(why.clone());
                Unsent::Far(why)
            });
        }
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
                Err(Refused::Far(refused)) => refused.0.refuse(refused.1),
            }
        } else {
            item.refuse(Refusal::Stopped);
        }
        Err(Unsent::Stopped)
    }
}

/// That an actor was told to stop: a future that is ready at once. See [`ActorRef::stop`].
#[derive(Debug)]
pub struct StopSent(Result<(), SendError>);

impl StopSent {
    pub(crate) fn new(told: Result<(), SendError>) -> Self {
        Self(told)
    }
}

impl Future for StopSent {
    type Output = Result<(), SendError>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(self.0.clone())
    }
}
