//! How a message from another node comes into a mailbox.

use std::sync::Arc;

use super::{
    Actor, Cell, Incoming, Item, Received, Wants,
    asking::ForRoom,
    chain::{Remembered, is_circle},
    delivery::Refused,
};
use crate::{
    reply::{FarRefusal, Refusal},
    system::{DeadLetterReason, UNKNOWN},
};

impl<A: Actor> Cell<A> {
    pub(super) fn receive(self: &Arc<Self>, incoming: Incoming<'_>) -> Received {
        let Incoming { name, body, wants, mut reply, chain } = incoming;
        if !chain.is_empty()
            && let Some(port) = reply.take()
        {
            // First it is remembered and then looked at, so that of two questions that close a circle one is seen to.
            let port = Remembered::port(self.system(), self.id(), chain.clone(), port);
            if is_circle(self.system(), self.id(), &chain) {
                port.refuse(FarRefusal::Cycle.into());
                return Received::Refused(FarRefusal::Cycle.into());
            }
            reply = Some(port);
        }
        let why = match self.system().decoding(|| A::Item::decode(name, body, &mut reply)) {
            Some(Ok(item)) => return self.take(item, wants),
            Some(Err(error)) => Refusal::rejected(&format_args!("{name} could not be read: {error}")),
            None => Refusal::rejected(&format_args!("it does not handle {name}")),
        };
        if let Some(port) = reply {
            port.refuse(why.clone());
        } else if wants == Wants::Nothing {
            tracing::warn!(actor = %self.label(), message = name, ?why, "a message of another node was rejected");
            self.system().dead_letter(self.label(), UNKNOWN, DeadLetterReason::Rejected);
        }
        Received::Refused(why)
    }

    fn take(self: &Arc<Self>, item: A::Item, wants: Wants) -> Received {
        let item = if item.is_ask() {
            match self.run_inline(item, true) {
                Ok(()) => return Received::Taken,
                Err(item) => item,
            }
        } else {
            item
        };
        let (item, why, reason) = match self.push(item) {
            Ok(_) => return Received::Taken,
            Err(Refused::Wait(item)) => return Received::Waits(self.clone().take_late(item, wants)),
            Err(Refused::Full(item)) => (item, Refusal::Full, DeadLetterReason::MailboxFull),
            Err(Refused::Stopped(item)) => (item, Refusal::Stopped, DeadLetterReason::Stopped),
            Err(Refused::Far(refused)) => {
                let (item, why) = *refused;
                (item, why, DeadLetterReason::Unreachable)
            }
        };
        let name = item.name();
        item.refuse(why.clone());
        if wants == Wants::Nothing {
            self.system().dead_letter(self.label(), name, reason);
        }
        Received::Refused(why)
    }

    /// Waits for room in the mailbox.
    fn take_late(self: Arc<Self>, item: A::Item, wants: Wants) -> ForRoom {
        let name = item.name();
        Box::pin(async move {
            let taken = self.clone().wait_for_room(item).await;
            if taken.is_err() && wants == Wants::Nothing {
                self.system().dead_letter(self.label(), name, DeadLetterReason::Stopped);
            }
            taken
        })
    }
}
