//! What takes time with entities, as `tracing` spans of level debug: each lasts as long as what it is named for, and belongs to no
//! other.

use tracing::{Span, debug_span, field::Empty};

use crate::{
    EntityId,
    cluster::{Epoch, Slot},
};

/// The actor of an entity is made.
pub(crate) fn activation(kind: &str, id: &EntityId) -> Span {
    debug_span!(parent: None, "activate", kind, %id)
}

/// An idle entity says farewell.
pub(crate) fn passivation(kind: &str, id: &EntityId) -> Span {
    debug_span!(parent: None, "put_away", kind, %id)
}

/// A slot is taken over: sealed, gathered, served. `failover`: whoever had it is gone.
pub(crate) fn taking(slot: Slot) -> Span {
    debug_span!(parent: None, "take_slot", slot, epoch = Empty, failover = Empty)
}

/// A slot is handed over: its entities end, what they have done is kept, others have it.
pub(crate) fn giving(slot: Slot, epoch: Epoch) -> Span {
    debug_span!(parent: None, "give_slot", slot, epoch)
}
