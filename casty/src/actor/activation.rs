//! What makes an actor an entity, for those who hold its cell.

use std::sync::{Arc, Weak};

use super::{ActorId, StopReason};
use crate::{EntityId, reply::Outputs};

/// Which entity, wherever it is.
#[derive(Debug, Clone)]
pub(crate) struct EntityAddress {
    /// The type's name in the cluster.
    pub(crate) kind: &'static str,
    pub(crate) hash: u64,
    pub(crate) id: EntityId,
}

/// An entity that is awake.
pub(crate) struct Activation {
    pub(crate) address: EntityAddress,
    /// Where its answers go.
    pub(crate) outputs: Arc<Outputs>,
    /// Who has it among those that are awake.
    pub(crate) region: Weak<dyn Activations>,
}

/// Those that are awake.
pub(crate) trait Activations: Send + Sync {
    /// That actor, of that entity, has ended.
    fn ended(&self, id: &EntityId, actor: ActorId, reason: &StopReason);
}

impl Activation {
    pub(super) fn ended(&self, actor: ActorId, reason: &StopReason) {
        if let Some(region) = self.region.upgrade() {
            region.ended(&self.address.id, actor, reason);
        }
    }
}
