//! What few actors need: children, watchers, somebody who waits for their end.

use std::sync::Mutex;

use tokio::sync::Notify;

use super::{asking::Wait, children::Children, watch::Watchers};

#[derive(Default)]
pub(crate) struct Extras {
    pub(super) children: Mutex<Children>,
    pub(super) watchers: Mutex<Watchers>,
    pub(super) stopped: Notify,
    /// Whom this actor waits for: asks under way, and mailboxes that it waits for room in.
    pub(super) waits_for: Mutex<Vec<Wait>>,
    grouping: tokio::sync::Mutex<()>,
}

impl Extras {
    /// Held while several children restart together.
    pub(crate) fn grouping(&self) -> &tokio::sync::Mutex<()> {
        &self.grouping
    }
}
