//! Of an entity, one activation serves, whatever is cut off: no two nodes answer for a slot, and what activations did never
//! alternates.

use std::collections::BTreeSet;

use super::{Held, Moment};
use crate::history::Said;

#[derive(Default)]
pub(super) struct OneAtATime {
    /// Who serves each slot, as it was looked at last: it is looked at often.
    serving: Vec<Option<usize>>,
}

impl OneAtATime {
    pub(super) fn check(&mut self, moment: &Moment<'_>) -> Held {
        self.serving.fill(None);
        for (node, _) in moment.started() {
            for slot in moment.cluster.served_slots(node) {
                let at = usize::from(slot);
                if self.serving.len() <= at {
                    self.serving.resize(at + 1, None);
                }
                if let Some(other) = self.serving[at].replace(node) {
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
