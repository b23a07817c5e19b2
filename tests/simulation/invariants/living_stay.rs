//! No live node is removed without a cause that lasted: nobody is taken for dead who was well, by a leader that was.

use std::{collections::HashMap, time::Duration};

use casty::MemberStatus;

use super::{Held, Moment};

/// A fault may have its effect for so long after it is over.
const AFTER: Duration = Duration::from_secs(6);

#[derive(Default)]
pub(super) struct LivingStay(HashMap<(String, u64), MemberStatus>);

impl LivingStay {
    pub(super) fn check(&mut self, moment: &Moment<'_>) -> Held {
        let Some(best) = moment.best() else { return Ok(()) };
        for member in moment.cluster.seen_members(best) {
            let before = self.0.insert((member.node.clone(), member.incarnation), member.status);
            if member.status != MemberStatus::Down || before == Some(MemberStatus::Down) {
                continue;
            }
            let since = |node: usize| moment.now.saturating_sub(moment.faults.disturbed(node));
            let all_well = (0..moment.cluster.size()).all(|node| since(node) > AFTER);
            if all_well
                && moment
                    .started()
                    .any(|(node, seen)| format!("node-{node}") == member.node && seen.incarnation == member.incarnation)
            {
                return Err(format!("no live node is removed without a cause: {member:?}, and nothing was wrong for {AFTER:?}"));
            }
        }
        Ok(())
    }
}
