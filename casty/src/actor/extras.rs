//! What few actors need: children, watchers, somebody who waits for their end.

use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use super::{FarAddress, asking::Wait, children::Children, watch::Watchers};
use crate::{EntityId, cluster::is_neighbour, reply::Outputs};

#[derive(Default)]
pub(crate) struct Extras {
    pub(super) children: Mutex<Children>,
    pub(super) watchers: Mutex<Watchers>,
    pub(super) stopped: Notify,
    /// Whom this actor waits for: asks under way, and mailboxes that it waits for room in.
    pub(super) waits_for: Mutex<Vec<Wait>>,
    grouping: tokio::sync::Mutex<()>,
    /// Where it lives, if on another node.
    far: Option<Arc<FarAddress>>,
    /// And that node runs in this process.
    near: bool,
    /// Which entity it is, if it is one.
    entity: Option<(EntityAddress, Arc<Outputs>)>,
}

/// Which entity, wherever it is.
#[derive(Debug, Clone)]
pub(crate) struct EntityAddress {
    /// The type's name in the cluster.
    pub(crate) kind: &'static str,
    pub(crate) hash: u64,
    pub(crate) id: EntityId,
}

impl Extras {
    /// Of an actor on another node.
    pub(super) fn of_far(address: Arc<FarAddress>) -> Self {
        Self { near: is_neighbour(&address.node), far: Some(address), ..Self::default() }
    }

    pub(super) fn of_entity(address: EntityAddress, outputs: Arc<Outputs>) -> Self {
        Self { entity: Some((address, outputs)), ..Self::default() }
    }

    pub(super) fn entity(&self) -> Option<&EntityAddress> {
        self.entity.as_ref().map(|(address, _)| address)
    }

    /// Of an entity.
    #[inline]
    pub(super) fn outputs(&self) -> Option<&Arc<Outputs>> {
        self.entity.as_ref().map(|(_, outputs)| outputs)
    }

    pub(super) fn far(&self) -> Option<&Arc<FarAddress>> {
        self.far.as_ref()
    }

    pub(super) fn is_near(&self) -> bool {
        self.near
    }

    /// Held while several children restart together.
    pub(crate) fn grouping(&self) -> &tokio::sync::Mutex<()> {
        &self.grouping
    }
}
