//! At most one node leads in a term.

use std::collections::BTreeMap;

use super::{Held, Moment};

#[derive(Default)]
pub(super) struct OneLeader(BTreeMap<u64, u64>);

impl OneLeader {
    pub(super) fn check(&mut self, moment: &Moment<'_>) -> Held {
        for (node, seen) in moment.started().filter(|(_, seen)| seen.leads) {
            let first = *self.0.entry(seen.term).or_insert(seen.raft_id);
            if first != seen.raft_id {
                return Err(format!("one leader a term: node-{node} leads in term {}, and another one did", seen.term));
            }
        }
        Ok(())
    }
}
