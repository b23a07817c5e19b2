//! An entity whose type is not known.

use std::{any::Any, sync::Arc};

use super::{AnyRegion, EntityId};
use crate::{
    ActorSystem, Message,
    actor::{ActorId, Letter, Unsent},
    error::ActorLabel,
    reply::{Refusal, ReplyTo},
    system::Address,
};

/// An entity whose type is not known where messages are sent to it.
pub(crate) struct AnyEntity {
    system: ActorSystem,
    region: Arc<dyn AnyRegion>,
    id: EntityId,
}

impl AnyEntity {
    pub(crate) fn new(system: ActorSystem, region: Arc<dyn AnyRegion>, id: EntityId) -> Self {
        Self { system, region, id }
    }

    /// Hands a letter over; `inline` as the `only_if_known` of [`Target::ask`](crate::Target::ask), if it is asked.
    pub(crate) fn deliver<M: Message>(&self, letter: Letter<M>, inline: Option<bool>) -> Result<usize, Unsent> {
        let mut letter = Some(letter);
        let taken = self.region.take_letter(&self.system, &self.id, &mut letter, inline);
        taken.unwrap_or_else(|| {
            let why = self.not_handled(M::NAME);
            if let Some((_, reply)) = Letter::<M>::open(&mut letter as &mut dyn Any) {
                reply.refuse(why.clone());
            }
            Err(Unsent::Far(why))
        })
    }

    /// As [`EntityRef::try_send`](super::EntityRef::try_send): what is not taken comes back.
    pub(crate) fn try_deliver<M: Message>(&self, message: M) -> Result<(), (M, Refusal)> {
        let mut letter = Some(Letter::new(message, ReplyTo::NOBODY));
        let why = match self.region.try_letter(&self.system, &self.id, &mut letter) {
            Some(Ok(())) => return Ok(()),
            Some(Err(why)) => why,
            None => self.not_handled(M::NAME),
        };
        Letter::<M>::open(&mut letter as &mut dyn Any).map_or(Ok(()), |(message, _)| Err((message, why)))
    }

    /// Hands a letter over without waiting. If that cannot be, an asker is told, and else it is a dead letter.
    pub(crate) fn deliver_or_tell<M: Message>(&self, letter: Letter<M>) {
        let mut letter = Some(letter);
        if self.region.tell_letter(&self.system, &self.id, &mut letter).is_none()
            && let Some(letter) = letter
        {
            letter.undelivered(&self.system, self.label(), self.not_handled(M::NAME));
        }
    }

    fn not_handled(&self, name: &str) -> Refusal {
        Refusal::rejected(&format_args!("{} does not handle {name}", self.label()))
    }

    pub(crate) fn label(&self) -> ActorLabel {
        self.region.label(&self.id)
    }

    /// Of its actor, if it is awake here.
    pub(crate) fn actor(&self) -> ActorId {
        self.region.awake(&self.id)
    }

    pub(crate) fn address(&self) -> Address {
        Address::of_entity(&self.system, self.region.config().name, &self.id)
    }

    pub(crate) fn system(&self) -> &ActorSystem {
        &self.system
    }
}
