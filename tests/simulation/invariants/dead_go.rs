//! No dead member stays for ever: once the rest is well, whoever has crashed is taken for dead.

use std::{collections::HashMap, time::Duration};

use casty::MemberStatus;

use super::{Held, Moment};

/// How long the rest has to have been well.
const LONG: Duration = Duration::from_secs(8);

#[derive(Default)]
pub(super) struct DeadGo {
    /// Since when a node has not run.
    dead: HashMap<usize, Duration>,
    /// Since when all others have been well.
    well: Option<Duration>,
}

impl DeadGo {
    pub(super) fn check(&mut self, moment: &Moment<'_>) -> Held {
        let cluster = moment.cluster;
        let running: Vec<_> = (0..cluster.size()).filter(|node| cluster.is_running(*node)).collect();
        self.dead.retain(|node, _| !running.contains(node));
        for node in (0..cluster.size()).filter(|node| !running.contains(node)) {
            self.dead.entry(node).or_insert(moment.now);
        }
        let linked = |one: &usize| running.iter().all(|other| other == one || cluster.reaches(*one, *other));
        let well = running
            .iter()
            .all(|one| linked(one) && !cluster.is_paused(*one) && moment.seen[*one].as_ref().is_some_and(|seen| seen.lease));
        if !well {
            self.well = None;
            return Ok(());
        }
        let since = *self.well.get_or_insert(moment.now);
        let Some(best) = moment.best() else { return Ok(()) };
        for (node, dead) in &self.dead {
            if moment.now > since.max(*dead) + LONG {
                let name = format!("node-{node}");
                if cluster.seen_members(best).iter().any(|member| member.node == name && member.status == MemberStatus::Up) {
                    return Err(format!("no dead member for ever: {name} is up still, dead since {dead:?}"));
                }
            }
        }
        Ok(())
    }
}
