//! Who has a copy of an epoch takes nothing of those before it; and who is to give its copies up keeps them until all that
//! follow have everything.

use std::collections::BTreeMap;

use casty::testkit::{Cluster, SeenCopies};

use super::{Held, Moment};
use crate::ledgers::LEDGERS;

pub(super) struct CopiesStay {
    slots: Vec<u16>,
    /// What each node had of each slot when it was looked at last, with its incarnation.
    before: BTreeMap<(usize, u16), (u64, SeenCopies)>,
}

impl CopiesStay {
    pub(super) fn new() -> Self {
        Self { slots: LEDGERS.iter().map(|(kind, id)| Cluster::slot_of(kind, id)).collect(), before: BTreeMap::new() }
    }

    pub(super) fn check(&mut self, moment: &Moment<'_>) -> Held {
        for (node, seen) in moment.started() {
            for slot in &self.slots {
                let Some(now) = moment.cluster.copies(node, *slot) else { continue };
                if now.newest > now.sealed {
                    return Err(format!(
                        "copies stay: node-{node} has something of a seal that it has not: slot {slot}, {now:?}"
                    ));
                }
                let before = self.before.insert((node, *slot), (seen.incarnation, now.clone()));
                if let Some((incarnation, before)) = before
                    && (incarnation, before.full) == (seen.incarnation, now.full)
                    && before.live > now.live
                    && now.is_to_go
                    // Else it is behind: it may be a member again.
                    && now.sealed <= now.epoch
                {
                    return Err(format!(
                        "copies stay: node-{node} gave up what others have not yet: slot {slot}, {before:?}, {now:?}, {:?}",
                        moment.cluster.configurations(node, *slot)
                    ));
                }
            }
        }
        Ok(())
    }
}
