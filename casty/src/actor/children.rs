//! An actor's children, in the order in which they were spawned.

use std::{collections::BTreeMap, sync::Arc};

use super::{AnyCell, AnyRef, Extras};
use crate::sync::lock;

#[derive(Default)]
pub(crate) struct Children {
    births: u64,
    living: BTreeMap<u64, Arc<dyn AnyCell>>,
}

impl Extras {
    /// The place that the next child takes.
    pub(crate) fn next_birth(&self) -> u64 {
        let mut children = lock(&self.children);
        children.births += 1;
        children.births
    }

    pub(crate) fn add_child(&self, child: Arc<dyn AnyCell>) {
        lock(&self.children).living.insert(child.birth(), child);
    }

    pub(crate) fn remove_child(&self, birth: u64) {
        let removed = lock(&self.children).living.remove(&birth);
        drop(removed);
    }

    pub(super) fn is_childless(&self) -> bool {
        lock(&self.children).living.is_empty()
    }

    pub(super) fn last_child(&self) -> Option<Arc<dyn AnyCell>> {
        lock(&self.children).living.last_key_value().map(|(_, child)| child.clone())
    }

    pub(super) fn child_refs(&self) -> Vec<AnyRef> {
        lock(&self.children).living.values().cloned().map(AnyRef::of).collect()
    }

    pub(super) fn is_child(&self, cell: &dyn AnyCell) -> bool {
        lock(&self.children).living.get(&cell.birth()).is_some_and(|child| child.id() == cell.id())
    }

    /// Those spawned at `birth` or later, in order.
    pub(crate) fn children_from(&self, birth: u64) -> Vec<Arc<dyn AnyCell>> {
        lock(&self.children).living.range(birth..).map(|(_, child)| child.clone()).collect()
    }

    pub(super) fn children_last_first(&self) -> Vec<Arc<dyn AnyCell>> {
        lock(&self.children).living.values().rev().cloned().collect()
    }
}
