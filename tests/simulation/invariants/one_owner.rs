//! A name has one owner: nodes that have applied as much name the same one, and two actors never serve under it for long.

use std::{collections::HashMap, time::Duration};

use casty::testkit::Cluster;

use super::{Held, Moment};
use crate::workload::NAMES;

/// A node that was taken for dead registers its names again when it is back, and ends actors whose name has gone.
const LONG: Duration = Duration::from_secs(12);

#[derive(Default)]
pub(super) struct OneOwner {
    /// Since when two actors on healthy nodes have had the name.
    twice: HashMap<String, Duration>,
}

impl OneOwner {
    pub(super) fn check(&mut self, moment: &Moment<'_>) -> Held {
        self.applied_alike(moment)?;
        let mut holders: HashMap<String, Vec<usize>> = HashMap::new();
        for (node, _) in moment.started().filter(|(node, seen)| seen.lease && !moment.cluster.is_paused(*node)) {
            for (name, _) in moment.cluster.named_here(node) {
                holders.entry(name).or_default().push(node);
            }
        }
        self.twice.retain(|name, _| holders.get(name).is_some_and(|nodes| nodes.len() > 1));
        for (name, nodes) in holders.into_iter().filter(|(_, nodes)| nodes.len() > 1) {
            let since = *self.twice.entry(name.clone()).or_insert(moment.now);
            if moment.now > since + LONG {
                return Err(format!("one owner of a name: {name} has actors on {nodes:?} since {since:?}"));
            }
        }
        Ok(())
    }

    fn applied_alike(&self, moment: &Moment<'_>) -> Held {
        let mut first: HashMap<u64, usize> = HashMap::new();
        for (node, seen) in moment.started() {
            let Some(other) = first.insert(seen.applied, node) else { continue };
            for name in NAMES {
                let (one, two) = (moment.cluster.holder(node, name), moment.cluster.holder(other, name));
                if one != two {
                    return Err(format!(
                        "one owner of a name: {name} is {one:?} on node-{node}, {two:?} on node-{other}, at one entry"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Each actor with a name has it by what is agreed, and each name that is agreed on has its actor.
    #[expect(clippy::unused_self, reason = "like the others")]
    pub(super) fn at_rest(&self, cluster: &Cluster) -> Held {
        let started: Vec<_> = (0..cluster.size()).filter(|node| cluster.started(*node).is_some()).collect();
        for node in &started {
            for (name, _) in cluster.named_here(*node) {
                let holder = cluster.holder(*node, &name).map(|(node, ..)| node);
                if holder.as_deref() != Some(&format!("node-{node}")) {
                    return Err(format!("one owner of a name: node-{node} has a {name}, and the cluster says {holder:?}"));
                }
            }
        }
        for name in NAMES {
            let Some((holder, ..)) = started.first().and_then(|node| cluster.holder(*node, name)) else { continue };
            let has_it = |node: &usize| cluster.named_here(*node).iter().any(|(here, _)| here == name);
            if !started.iter().any(|node| holder == format!("node-{node}") && has_it(node)) {
                return Err(format!("one owner of a name: the cluster says that {holder} has {name}, and it has not"));
            }
        }
        Ok(())
    }
}
