//! Addresses: what a reference is while it travels as bytes.

use std::sync::{
    Mutex, Weak,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use serde::{Deserialize, Serialize};

use super::{ActorSystem, Inner};
use crate::{
    actor::{ActorId, AnyRef},
    sync::lock,
};

/// Which actor of which system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) system: u64,
    pub(crate) actor: u64,
}

/// Why an address leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoActor {
    #[error("the reference is to an actor of a system that is not in this process")]
    NoSystem,
    #[error("the reference is to an actor that has stopped")]
    Stopped,
}

static SERIALS: AtomicU64 = AtomicU64::new(1);
/// The systems of this process.
static SYSTEMS: Mutex<Vec<(u64, Weak<Inner>)>> = Mutex::new(Vec::new());

pub(super) fn next_serial() -> u64 {
    SERIALS.fetch_add(1, Relaxed)
}

pub(super) fn enter(system: &ActorSystem) {
    let mut systems = lock(&SYSTEMS);
    systems.retain(|(_, other)| other.strong_count() > 0);
    systems.push((system.serial(), std::sync::Arc::downgrade(&system.0)));
}

impl Address {
    pub(crate) fn find(self) -> Result<AnyRef, NoActor> {
        let system = lock(&SYSTEMS).iter().find(|(serial, _)| *serial == self.system).and_then(|(_, system)| system.upgrade());
        let system = ActorSystem(system.ok_or(NoActor::NoSystem)?);
        system.find(ActorId(self.actor)).map(AnyRef::of).ok_or(NoActor::Stopped)
    }
}
