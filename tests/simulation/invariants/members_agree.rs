//! Committed members agree: whoever has applied the log up to the same entry has the same members.

use std::collections::HashMap;

use casty::testkit::SeenMember;

use super::{Held, Moment};

#[derive(Default)]
pub(super) struct MembersAgree {
    /// The members as of each entry that changed them.
    members: HashMap<u64, Vec<SeenMember>>,
    looked: HashMap<usize, (u64, u64)>,
}

impl MembersAgree {
    pub(super) fn check(&mut self, moment: &Moment<'_>) -> Held {
        for (node, seen) in moment.started() {
            if self.looked.insert(node, (seen.incarnation, seen.view)) == Some((seen.incarnation, seen.view)) {
                continue;
            }
            let members = moment.cluster.seen_members(node);
            let first = self.members.entry(seen.view).or_insert_with(|| members.clone());
            if *first != members {
                return Err(format!(
                    "committed members agree: as of entry {} node-{node} has {members:?}, another had {first:?}",
                    seen.view
                ));
            }
        }
        Ok(())
    }
}
