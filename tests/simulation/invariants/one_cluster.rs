//! There is one cluster, ever: whoever belongs to one belongs to the same.

use super::{Held, Moment};

#[derive(Default)]
pub(super) struct OneCluster(Option<u128>);

impl OneCluster {
    pub(super) fn check(&mut self, moment: &Moment<'_>) -> Held {
        for (node, seen) in moment.started() {
            let Some(cluster) = seen.cluster else { continue };
            if *self.0.get_or_insert(cluster) != cluster {
                return Err(format!("one cluster: node-{node} belongs to another one"));
            }
        }
        Ok(())
    }
}
