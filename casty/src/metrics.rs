//! What is counted, through the `metrics` crate's facade where the feature `metrics` is on; nothing otherwise.
//!
//! The names are documented at [the crate's root](crate#metrics).

use std::time::Duration;

/// An entity is awake, and it took so long to make its actor.
pub(crate) fn activated(kind: &'static str, took: Duration) {
    #[cfg(feature = "metrics")]
    {
        metrics::histogram!("casty_activation_seconds", "type" => kind).record(took);
        metrics::counter!("casty_activations_total", "type" => kind).increment(1);
        metrics::gauge!("casty_entities_active", "type" => kind).increment(1.0);
    }
    let _ = (kind, took);
}

/// An idle entity was put away, which took so long.
pub(crate) fn passivated(kind: &'static str, took: Duration) {
    #[cfg(feature = "metrics")]
    {
        metrics::histogram!("casty_passivation_seconds", "type" => kind).record(took);
    }
    let _ = (kind, took);
}

/// An entity is awake no more; `idle`: it was put away.
pub(crate) fn deactivated(kind: &'static str, idle: bool) {
    #[cfg(feature = "metrics")]
    {
        if idle {
            metrics::counter!("casty_passivations_total", "type" => kind).increment(1);
        }
        metrics::gauge!("casty_entities_active", "type" => kind).decrement(1.0);
    }
    let _ = (kind, idle);
}

/// So many answers of entities of a type wait for their changes to be kept.
pub(crate) fn held(kind: &'static str, answers: usize) {
    #[cfg(feature = "metrics")]
    {
        metrics::gauge!("casty_answers_held", "type" => kind).set(answers as f64);
    }
    let _ = (kind, answers);
}

/// This node serves a slot that it did not serve; `failover`: whoever had it is gone.
pub(crate) fn slot_taken(took: Duration, failover: bool) {
    #[cfg(feature = "metrics")]
    {
        metrics::counter!("casty_slot_moves_total").increment(1);
        metrics::histogram!("casty_seal_seconds").record(took);
        if failover {
            metrics::histogram!("casty_failover_seconds").record(took);
        }
    }
    let _ = (took, failover);
}

/// This node has handed a slot over.
pub(crate) fn slot_given(took: Duration) {
    #[cfg(feature = "metrics")]
    {
        metrics::histogram!("casty_handover_seconds").record(took);
    }
    let _ = took;
}

/// So many copies of a slot are gone that acknowledged changes may be lost.
pub(crate) fn slot_lost() {
    #[cfg(feature = "metrics")]
    {
        metrics::counter!("casty_slots_lost_total").increment(1);
    }
}

/// So many changes of entities are not on all of their backups.
pub(crate) fn pending(changes: usize) {
    #[cfg(feature = "metrics")]
    {
        metrics::gauge!("casty_replication_pending").set(changes as f64);
    }
    let _ = changes;
}
