//! The future of a send that waits for the other node's mailbox.

use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use super::{
    Answer,
    asking::{ForRoom, Target, Unsent, WaitsFor},
};
use crate::{
    ActorSystem, Message, SendError,
    error::Undelivered,
    reply::{Refusal, Slot},
};

/// The future of a confirmed `send`, from [`Sending::confirmed`](crate::Sending::confirmed). Its output is `Ok(())` once the
/// message is in the actor's mailbox, or a [`SendError`].
///
/// Nothing happens until it is awaited.
#[must_use = "nothing is sent until it is awaited"]
pub struct Confirming<'a, T: Target, M> {
    to: &'a T,
    item: Option<T::Item>,
    slot: Arc<Slot<()>>,
    for_room: Option<ForRoom>,
    waits_for: Option<WaitsFor>,
    message: PhantomData<fn(M)>,
}

impl<'a, T: Target, M: Message> Confirming<'a, T, M> {
    pub(super) fn new(to: &'a T, item: Option<T::Item>) -> Self {
        Self { to, item, slot: Slot::new(), for_room: None, waits_for: None, message: PhantomData }
    }

    /// Hands the message over. Ready if nothing more is to be waited for.
    fn begin(&mut self, item: T::Item) -> Poll<Result<(), SendError>> {
        match self.to.confirm(item, Box::new(Receipt(Some(self.slot.clone())))) {
            Ok(true) => Poll::Pending,
            Ok(false) => Poll::Ready(Ok(())),
            Err(Unsent::Waits(for_room)) => {
                self.for_room = Some(for_room);
                match WaitsFor::begin(self.to, None) {
                    Ok(waits_for) => {
                        self.waits_for = waits_for;
                        Poll::Pending
                    }
                    Err(_) => Poll::Ready(Err(SendError::Cycle(Undelivered::new(self.to.label(), M::NAME)))),
                }
            }
            Err(unsent) => Poll::Ready(Err(unsent.error(self.to.label(), M::NAME))),
        }
    }
}

impl<T: Target, M: Message> Future for Confirming<'_, T, M> {
    type Output = Result<(), SendError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Some(item) = this.item.take()
            && let Poll::Ready(sent) = this.begin(item)
        {
            return Poll::Ready(sent);
        }
        if let Some(for_room) = &mut this.for_room {
            let sent = ready!(for_room.as_mut().poll(cx));
            this.for_room = None;
            this.waits_for = None;
            match sent {
                Ok(()) if this.to.is_far() => {}
                sent => return Poll::Ready(sent.map_err(|unsent| unsent.error(this.to.label(), M::NAME))),
            }
        }
        let received = ready!(this.slot.poll(cx));
        Poll::Ready(received.map_err(|why| SendError::new(&why, this.to.label(), M::NAME)))
    }
}

impl<T: Target, M> Drop for Confirming<'_, T, M> {
    fn drop(&mut self) {
        self.slot.close();
    }
}

// The future is never pinned to its place: what needs that is boxed.
impl<T: Target, M> Unpin for Confirming<'_, T, M> {}

impl<T: Target, M: Message> fmt::Debug for Confirming<'_, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Confirming({} to {})", M::NAME, self.to.label())
    }
}

/// A receipt to give away, and its coming.
pub(crate) fn receipt() -> (Box<dyn Answer>, impl Future<Output = Result<(), Refusal>> + Send) {
    let slot = Slot::new();
    let answer = Box::new(Receipt(Some(slot.clone())));
    (answer, std::future::poll_fn(move |cx| slot.poll(cx)))
}

/// Who waits for a message to be in the other node's mailbox.
struct Receipt(Option<Arc<Slot<()>>>);

impl Answer for Receipt {
    fn answer(mut self: Box<Self>, _: &ActorSystem, _: &[u8]) {
        if let Some(slot) = self.0.take() {
            slot.fill(Ok(()));
        }
    }

    fn refuse(mut self: Box<Self>, why: Refusal) {
        if let Some(slot) = self.0.take() {
            slot.fill(Err(why));
        }
    }

    fn is_awaited(&self) -> bool {
        self.0.as_ref().is_some_and(|slot| slot.is_awaited())
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some(slot) = self.0.take() {
            slot.fill(Err(crate::reply::FarRefusal::ConnectionLost.into()));
        }
    }
}
