//! What was answered of an entity, and what later answers may show.

use std::collections::BTreeSet;

use super::{Operation, OperationKind};

/// Of one entity, whose state is the list of all that was written to it since it was last destroyed.
#[derive(Default)]
pub(super) struct History {
    now: Moment,
    /// What a destruction was tried on, answered or not.
    maybe_gone: BTreeSet<u32>,
}

/// What every operation that begins now has to respect.
#[derive(Clone, Default)]
pub(super) struct Moment {
    there: BTreeSet<u32>,
    gone: BTreeSet<u32>,
}

impl History {
    pub(super) fn begin(&self) -> Moment {
        self.now.clone()
    }

    pub(super) fn destroys(&mut self, seen: &BTreeSet<u32>) {
        self.maybe_gone.extend(seen);
    }

    pub(super) fn answer(&mut self, operation: &Operation) -> Result<(), String> {
        let Operation { begun, seen, kind } = operation;
        let missing: BTreeSet<_> = begun.there.difference(seen).copied().collect();
        let lost: Vec<_> = missing.difference(&self.maybe_gone).collect();
        if !lost.is_empty() {
            return Err(format!("{lost:?} was answered, and is not in {seen:?}"));
        }
        let risen: Vec<_> = begun.gone.intersection(seen).collect();
        if !risen.is_empty() {
            return Err(format!("{risen:?} was gone, and is in {seen:?}"));
        }
        self.now.gone.extend(missing);
        match kind {
            OperationKind::Read | OperationKind::Write => self.now.there.extend(seen),
            OperationKind::Destroy => self.now.gone.extend(seen),
        }
        let gone = &self.now.gone;
        self.now.there.retain(|id| !gone.contains(id));
        Ok(())
    }
}
