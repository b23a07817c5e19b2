//! A system that its holder does not keep alive.

use std::sync::Weak;

use super::{ActorSystem, Inner};

#[derive(Clone)]
pub(crate) struct WeakSystem(Weak<Inner>);

impl WeakSystem {
    pub(super) fn of(system: &ActorSystem) -> Self {
        Self(std::sync::Arc::downgrade(&system.0))
    }

    pub(crate) fn upgrade(&self) -> Option<ActorSystem> {
        self.0.upgrade().map(ActorSystem)
    }
}
