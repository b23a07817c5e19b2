//! The nodes of this process, where there are several.
//!
//! A task that has two of them reaches an actor of the one by a reference of the other and by a reference of its own. What it
//! sends by the first is waited for, so that what it sends by the second comes behind.

use std::{
    collections::BTreeSet,
    sync::{PoisonError, RwLock},
};

use super::NodeKey;

static HERE: RwLock<BTreeSet<NodeKey>> = RwLock::new(BTreeSet::new());

/// A node runs in this process while it lives.
pub(super) struct Neighbour(NodeKey);

impl Neighbour {
    pub(super) fn enter(node: &NodeKey) -> Self {
        HERE.write().unwrap_or_else(PoisonError::into_inner).insert(node.clone());
        Self(node.clone())
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        HERE.write().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

/// Whether that start of the node runs in this process.
pub(crate) fn is_neighbour(node: &NodeKey) -> bool {
    HERE.read().unwrap_or_else(PoisonError::into_inner).contains(node)
}
