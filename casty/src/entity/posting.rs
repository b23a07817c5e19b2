//! Messages that leave for an entity elsewhere, as bytes.

use std::sync::Arc;

use super::{
    EntityId,
    home::{Home, Post},
};
use crate::{
    ActorSystem,
    actor::{Answer, EntityAddress, Item, Unsent, asking_chain, receipt},
    error::ActorLabel,
    reply::{FarRefusal, Refusal},
    system::DeadLetterReason,
};

/// Posts a message. An asker of one that cannot be posted is told; what was sent waits to be handed over.
pub(super) fn post<I: Item>(
    home: &Arc<dyn Home>,
    system: &ActorSystem,
    (kind, hash, id): (&'static str, u64, &EntityId),
    item: I,
) -> Result<(), Unsent> {
    if item.is_ask() {
        let chain = asking_chain(system);
        return post_with(home, (kind, hash, id.clone()), item, (chain, false), None).map_err(Unsent::Far);
    }
    let (answer, handed_over) = receipt();
    post_with(home, (kind, hash, id.clone()), item, (asking_chain(system), false), Some(answer)).map_err(Unsent::Far)?;
    Err(Unsent::Waits(Box::pin(async move { handed_over.await.map_err(Unsent::Far) })))
}

/// Posts a message that nobody waits for. What becomes of it is a dead letter at most.
pub(super) fn post_unheard<I: Item>(system: &ActorSystem, to: &EntityAddress, label: ActorLabel, item: I) {
    post_alone(system, to, label, item, false);
}

/// The same, for what an activation has had in its mailbox when it ended. Posted in the order of the mailbox.
pub(crate) fn post_left_behind<I: Item>(system: &ActorSystem, to: &EntityAddress, label: ActorLabel, item: I) {
    post_alone(system, to, label, item, true);
}

fn post_alone<I: Item>(system: &ActorSystem, to: &EntityAddress, label: ActorLabel, item: I, is_left_behind: bool) {
    let home = system.home();
    let told = item.is_ask();
    let answer: Option<Box<dyn Answer>> = (!told)
        .then(|| Box::new(Unheard { system: system.clone(), label, message: item.name(), over: false }) as Box<dyn Answer>);
    // Who asked is told; the rest is a dead letter already.
    let _told = post_with(home, (to.kind, to.hash, to.id.clone()), item, (Vec::new(), is_left_behind), answer);
}

fn post_with<I: Item>(
    home: &Arc<dyn Home>,
    (kind, hash, id): (&'static str, u64, EntityId),
    mut item: I,
    (chain, is_left_behind): (Vec<crate::actor::Waiting>, bool),
    receipt: Option<Box<dyn Answer>>,
) -> Result<(), Refusal> {
    let mut body = Vec::new();
    let encoded = item.encode(&mut body).map_err(Refusal::from);
    let (message, idempotent, asks) = (item.name(), item.is_idempotent(), receipt.is_none());
    let answer = match encoded {
        Ok(()) => receipt.or_else(|| item.take_answer()),
        Err(why) => {
            if let Some(receipt) = receipt {
                receipt.refuse(why.clone());
            } else {
                item.refuse(why.clone());
            }
            return Err(why);
        }
    };
    let Some(answer) = answer else { return Err(FarRefusal::Local.into()) };
    home.post(Post { kind: kind.into(), hash, id, message, idempotent, body, chain, is_left_behind, asks, answer });
    Ok(())
}

/// A message whose sender does not wait.
struct Unheard {
    system: ActorSystem,
    label: ActorLabel,
    message: &'static str,
    over: bool,
}

impl Answer for Unheard {
    fn answer(mut self: Box<Self>, _: &ActorSystem, _: &[u8]) {
        self.over = true;
    }

    fn refuse(mut self: Box<Self>, _: Refusal) {
        self.over = true;
        self.system.dead_letter(self.label.clone(), self.message, DeadLetterReason::Unreachable);
    }

    fn is_awaited(&self) -> bool {
        true
    }
}

impl Drop for Unheard {
    fn drop(&mut self) {
        if !self.over {
            self.system.dead_letter(self.label.clone(), self.message, DeadLetterReason::LostInFlight);
        }
    }
}
