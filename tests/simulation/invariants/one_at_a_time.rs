//! Of an entity, one activation serves, whatever is cut off: no two nodes answer for a slot, and what activations did never
//! alternates.

use std::collections::{BTreeMap, BTreeSet};

use super::{Held, Moment};
use crate::history::Said;

#[derive(Default)]
pub(super) struct OneAtATime;

impl OneAtATime {
    #[expect(clippy::unused_self, reason = "like the others")]
    pub(super) fn check(&mut self, moment: &Moment<'_>) -> Held {
        let mut serving: BTreeMap<u16, usize> = BTreeMap::new();
        for (node, _) in moment.started() {
            for slot in moment.cluster.served_slots(node) {
                if let Some(other) = serving.insert(slot, node) {
                    return Err(format!(
                        "one at a time: node-{other} and node-{node} both serve slot {slot}: {:?}",
                        [other, node].map(|node| moment.cluster.configurations(node, slot))
                    ));
                }
            }
        }
        Ok(())
    }

    #[expect(clippy::unused_self, reason = "like the others")]
    pub(super) fn at_rest(&self, said: &Said) -> Held {
        for (name, done) in said.iter().filter_map(|(name, done)| Some((name, done.as_ref().ok()?))) {
            let mut over = BTreeSet::new();
            for pair in done.windows(2).filter(|pair| pair[0].by != pair[1].by) {
                over.insert(pair[0].by);
                if over.contains(&pair[1].by) {
                    return Err(format!("one at a time: activation {} of {name:?} came after a later one: {pair:?}", pair[1].by));
                }
            }
        }
        Ok(())
    }
}
