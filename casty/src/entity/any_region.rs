//! A region whose type is not known.

use std::{
    any::Any,
    sync::{Arc, Weak},
};

use super::{
    Entity, EntityConfig, EntityId, EntityRef, Sharded,
    region::{NotHere, Region},
};
use crate::{
    ActorSystem, StopReason, Target,
    actor::{ActorId, AnyCell, AnyRef, Cell, Incoming, Item as _, Received, Unsent, undelivered},
    error::ActorLabel,
    reply::{FarRefusal, Outputs, Refusal},
};

/// The entities of one type on one node.
pub(crate) trait AnyRegion: Send + Sync {
    /// What the program says about the type.
    fn config(&self) -> &EntityConfig;

    /// The cluster has agreed on something for the type: whether a change is on backups before it is answered, and
    /// whether it is refused with too few of them.
    fn agreed(&self, is_sync: bool, is_strict: bool);

    /// Gives a message to the entity, which is made if there is no actor of it. The message comes back if it cannot be
    /// here now.
    fn receive<'a>(
        &self,
        system: &ActorSystem,
        entity: (&EntityId, u64),
        incoming: Incoming<'a>,
    ) -> Result<Received, Incoming<'a>>;

    /// As [`AnyCell::take_letter`], of the entity.
    fn take_letter(
        &self,
        system: &ActorSystem,
        id: &EntityId,
        letter: &mut dyn Any,
        inline: Option<bool>,
    ) -> Option<Result<usize, Unsent>>;

    /// As [`AnyCell::try_letter`], of the entity.
    fn try_letter(&self, system: &ActorSystem, id: &EntityId, letter: &mut dyn Any) -> Option<Result<(), Refusal>>;

    /// Hands a letter over without waiting. If that cannot be, an asker is told, and else it is a dead letter. `None` if its
    /// entities do not handle it.
    fn tell_letter(&self, system: &ActorSystem, id: &EntityId, letter: &mut dyn Any) -> Option<()>;

    fn label(&self, id: &EntityId) -> ActorLabel;

    /// The entity's actor, if it is awake here; else one that is nobody.
    fn awake(&self, id: &EntityId) -> ActorId;

    /// Wakes the entity without a message.
    fn wake(&self, system: &ActorSystem, id: &EntityId) -> Woken;

    /// Ends the actors of a slot, each after the message in hand, or at once. Returns those that have not ended yet.
    fn end_slot(&self, slot: u16, at_once: bool) -> Vec<(AnyRef, Arc<Outputs>)>;
}

/// What came of it to wake an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    /// It is awake.
    Here,
    /// It is on another node, or cannot be here yet.
    NotNow,
    /// It could not be made.
    Failed,
}

/// The region, of a type that is known here.
pub(super) struct Erased<A: Entity>(pub(super) Weak<Region<A>>, pub(super) EntityConfig);

impl<A: Entity> Erased<A> {
    fn entity(&self, system: &ActorSystem, id: &EntityId) -> Option<EntityRef<A>> {
        Some(Sharded::new(system.clone(), self.0.upgrade()?).entity(id))
    }
}

impl<A: Entity> AnyRegion for Erased<A> {
    fn config(&self) -> &EntityConfig {
        &self.1
    }

    fn agreed(&self, is_sync: bool, is_strict: bool) {
        if let Some(region) = self.0.upgrade() {
            region.agreed(is_sync, is_strict);
        }
    }

    fn receive<'a>(
        &self,
        system: &ActorSystem,
        (id, hash): (&EntityId, u64),
        incoming: Incoming<'a>,
    ) -> Result<Received, Incoming<'a>> {
        let Some(region) = self.0.upgrade() else { return Err(incoming) };
        match region.cell(system, id, hash) {
            Ok(cell) if AnyCell::is_alive(&*cell) => Ok(AnyCell::receive(cell, incoming)),
            Ok(_) | Err(NotHere::Elsewhere) => Err(incoming),
            Err(NotHere::Refused(why)) => {
                // What is not made here is not sent elsewhere.
                let why = match why {
                    Refusal::Far(far) => match *far {
                        FarRefusal::Unreachable(why) => FarRefusal::Unavailable(why).into(),
                        far => far.into(),
                    },
                    why => why,
                };
                if let Some(port) = incoming.reply {
                    port.refuse(why.clone());
                }
                Ok(Received::Refused(why))
            }
        }
    }

    fn take_letter(
        &self,
        system: &ActorSystem,
        id: &EntityId,
        letter: &mut dyn Any,
        inline: Option<bool>,
    ) -> Option<Result<usize, Unsent>> {
        let item = A::Item::open(letter)?;
        let Some(entity) = self.entity(system, id) else {
            item.refuse(Refusal::Stopped);
            return Some(Err(Unsent::Stopped));
        };
        Some(match inline {
            Some(only_if_known) => Target::ask(&entity, item, only_if_known).map(|()| 0),
            None => Target::push(&entity, item),
        })
    }

    fn try_letter(&self, system: &ActorSystem, id: &EntityId, letter: &mut dyn Any) -> Option<Result<(), Refusal>> {
        let item = A::Item::open(letter)?;
        let (item, why) = match self.entity(system, id) {
            Some(entity) => match entity.try_item(item) {
                Ok(()) => return Some(Ok(())),
                Err(refused) => refused,
            },
            None => (item, Refusal::Stopped),
        };
        item.close(letter);
        Some(Err(why))
    }

    fn tell_letter(&self, system: &ActorSystem, id: &EntityId, letter: &mut dyn Any) -> Option<()> {
        let item = A::Item::open(letter)?;
        match self.entity(system, id) {
            Some(entity) => entity.push_or_tell(item),
            None => undelivered(system, self.label(id), item, Refusal::Stopped),
        }
        Some(())
    }

    fn label(&self, id: &EntityId) -> ActorLabel {
        ActorLabel::entity(A::NAME, id)
    }

    fn awake(&self, id: &EntityId) -> ActorId {
        let cell = self.0.upgrade().and_then(|region| region.awake(id));
        cell.map_or_else(ActorId::outside, |cell| cell.id())
    }

    fn wake(&self, system: &ActorSystem, id: &EntityId) -> Woken {
        let Some(region) = self.0.upgrade() else { return Woken::NotNow };
        match region.cell(system, id, region.hash(id)) {
            Ok(_) => Woken::Here,
            Err(NotHere::Elsewhere) => Woken::NotNow,
            Err(NotHere::Refused(why)) => {
                if !matches!(why, Refusal::Stopped) {
                    tracing::warn!(kind = A::ENTITY.name, %id, ?why, "an entity that is to be awake could not be made");
                }
                Woken::Failed
            }
        }
    }

    fn end_slot(&self, slot: u16, at_once: bool) -> Vec<(AnyRef, Arc<Outputs>)> {
        let Some(region) = self.0.upgrade() else { return Vec::new() };
        let cells = region.of_slot(slot);
        for cell in &cells {
            if at_once {
                if let Some(outputs) = cell.outputs() {
                    outputs.end();
                }
                AnyCell::kill(cell.clone());
            } else {
                AnyCell::stop(cell.clone(), StopReason::Moved);
            }
        }
        let with_outputs = |cell: Arc<Cell<A>>| cell.outputs().cloned().map(|outputs| (AnyRef::of(cell), outputs));
        cells.into_iter().filter_map(with_outputs).collect()
    }
}
