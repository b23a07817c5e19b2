//! What few actors need: children, watchers, somebody who waits for their end.

use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use super::{FarAddress, asking::Wait, children::Children, watch::Watchers};
use crate::cluster::is_neighbour;

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
}

impl Extras {
    /// Of an actor on another node.
    pub(super) fn of_far(address: Arc<FarAddress>) -> Self {
        Self { near: is_neighbour(&address.node), far: Some(address), ..Self::default() }
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
