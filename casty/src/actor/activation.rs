//! What makes an actor an entity, for those who hold its cell.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tracing::Span;

use super::{ActorId, StopReason};
use crate::{EntityId, metrics, reply::Outputs, spans};

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
    pub(super) fn putting_away(&self) -> Span {
        spans::passivation(self.address.kind, &self.address.id)
    }

    /// It was idle, and its farewell took so long.
    pub(super) fn put_away(&self, took: Duration) {
        let EntityAddress { kind, id, .. } = &self.address;
        tracing::debug!(kind, %id, ?took, "put away");
        metrics::passivated(kind, took);
    }

    pub(super) fn ended(&self, actor: ActorId, reason: &StopReason) {
        if let Some(region) = self.region.upgrade() {
            region.ended(&self.address.id, actor, reason);
        }
    }
}
