//! The cell of an actor that lives on another node: closed from birth, so that what is sent to it comes here, where it is
//! handed to the link.

use std::sync::Arc;

use super::{
    Actor, ActorId, Answer, Cell, CellParts, Extras, FarAddress, Item, Mailbox, NotSent, Parcel, StopReason, chain,
    confirming::receipt, delivery::Refused, far::Content, inbox::Seat,
};
use crate::{
    ActorSystem,
    reply::{FarRefusal, Refusal},
    sync::lock,
};

impl<A: Actor> Cell<A> {
    /// The cell of another node's actor; with `ended`, of one that has ended.
    pub(crate) fn elsewhere(system: ActorSystem, address: Arc<FarAddress>, ended: Option<StopReason>) -> Self {
        let parts = CellParts {
            id: address.actor,
            birth: 0,
            name: address.name.clone(),
            system,
            parent: None,
            mailbox: Mailbox::unbounded(),
            supervision: None,
            activation: None,
        };
        let cell = Self::new(parts);
        cell.set_extras(Extras::of_far(address));
        let mut inbox = lock(&cell.inbox);
        inbox.closed = true;
        inbox.seat = ended.map_or(Seat::Elsewhere, Seat::Gone);
        drop(inbox);
        cell
    }

    /// Where the actor lives, if this is a proxy.
    pub(crate) fn far(&self) -> Option<&Arc<FarAddress>> {
        self.had_extras()?.far()
    }

    /// Hands a message to the link.
    #[cold]
    pub(super) fn push_far(&self, item: A::Item) -> Result<usize, Refused<A::Item>> {
        // What is sent to a node of this process is waited for. See [`is_neighbour`](crate::cluster::is_neighbour).
        if self.is_near() && !Item::is_ask(&item) { Err(Refused::Wait(item)) } else { self.push_far_at_once(item) }
    }

    /// As [`push`](Self::push), for who never waits.
    pub(super) fn push_at_once(self: &Arc<Self>, item: A::Item) -> Result<usize, Refused<A::Item>> {
        match self.push(item) {
            Err(Refused::Wait(item)) if self.is_near() => self.push_far_at_once(item),
            pushed => pushed,
        }
    }

    pub(super) fn is_near(&self) -> bool {
        self.had_extras().is_some_and(Extras::is_near)
    }

    fn push_far_at_once(&self, mut item: A::Item) -> Result<usize, Refused<A::Item>> {
        let Some(to) = self.far() else { return Err(Refused::Stopped(item)) };
        match send_far(&self.system, to, &mut item, &mut None) {
            Ok(under_way) => Ok(under_way),
            Err(NotSent::Full(_)) => Err(Refused::Wait(item)),
            Err(NotSent::Refused(why)) => Err(Refused::Far(Box::new((item, why)))),
        }
    }

    /// Tells the actor to end.
    pub(super) fn stop_far(&self) -> Result<(), Refusal> {
        let Some(to) = self.far() else { return Ok(()) };
        self.system.links().ok_or_else(no_links)?.stop(to)
    }

    /// The actor is known to have ended.
    pub(super) fn ended_far(&self, reason: &StopReason) {
        let mut inbox = lock(&self.inbox);
        if matches!(inbox.seat, Seat::Elsewhere) {
            inbox.seat = Seat::Gone(reason.clone());
        }
        drop(inbox);
    }
}

/// Hands a message to the link. It is not taken apart unless the link has taken it.
pub(super) fn send_far(
    system: &ActorSystem,
    to: &Arc<FarAddress>,
    content: &mut dyn Content,
    receipt: &mut Option<Box<dyn Answer>>,
) -> Result<usize, NotSent> {
    let links = system.links().ok_or_else(no_links)?;
    let waits = content.is_ask() || receipt.is_some();
    let chain = if waits { chain::of_asker(system) } else { Vec::new() };
    if chain.iter().any(|(node, actor)| *actor == to.actor && *node == to.node) {
        return Err(FarRefusal::Cycle.into());
    }
    links.send(to, &mut Parcel::new(content, receipt).with_chain(chain))
}

/// Sends a message to a node of this process, and waits until it is in the mailbox there.
pub(super) async fn send_near<C: Content + Send>(system: ActorSystem, to: Arc<FarAddress>, content: C) -> Result<(), Refusal> {
    let (answer, received) = receipt();
    send_far_late(system, to, content, Some(answer)).await.map_err(|(_, why)| why)?;
    received.await
}

/// Hands a message to the link once it has room for it.
pub(super) async fn send_far_late<C: Content + Send>(
    system: ActorSystem,
    to: Arc<FarAddress>,
    mut content: C,
    mut receipt: Option<Box<dyn Answer>>,
) -> Result<(), (C, Refusal)> {
    loop {
        match send_far(&system, &to, &mut content, &mut receipt) {
            Ok(_) => return Ok(()),
            Err(NotSent::Refused(why)) => return Err((content, why)),
            Err(NotSent::Full(room)) => room.await,
        }
    }
}

fn no_links() -> Refusal {
    Refusal::unreachable("this system is in no cluster")
}

impl ActorId {
    /// A watcher that is no actor.
    pub(crate) fn outside() -> Self {
        use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
        static GIVEN: AtomicU64 = AtomicU64::new(1 << 63);
        Self(GIVEN.fetch_add(1, Relaxed))
    }
}
