//! A consistent-hash ring: which nodes a slot would like best.
//!
//! It is no authority: the slot table is. It makes choices that are otherwise free the same on every node, and lets most of
//! them stay as they are when nodes come and go.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::table::Slot;
use crate::cluster::NodeId;

/// How often each node is on the ring. More make its shares more even.
const POINTS: u64 = 64;

/// Nodes on a ring, by their ids alone: a node that has been started again is where it was.
#[derive(Debug, Clone)]
pub(crate) struct Ring {
    /// Where on the ring, and which node, by its place among those that were given. In order.
    points: Vec<(u64, usize)>,
    nodes: usize,
}

impl Ring {
    /// Of these nodes, in the order of their ids.
    pub(crate) fn of<'a>(ids: impl IntoIterator<Item = &'a NodeId>) -> Self {
        let mut points = Vec::new();
        let mut nodes = 0;
        for (node, id) in ids.into_iter().enumerate() {
            let id = id.as_str().as_bytes();
            points.extend((0..POINTS).map(|point| (xxh3_64_with_seed(id, point), node)));
            nodes = node + 1;
        }
        points.sort_unstable();
        Self { points, nodes }
    }

    /// All nodes, those that the slot would like best first, by their places among those that were given.
    pub(crate) fn preference(&self, slot: Slot) -> impl Iterator<Item = usize> + '_ {
        let at = xxh3_64(&slot.to_le_bytes());
        let from = self.points.partition_point(|(point, _)| *point < at);
        let around = self.points[from..].iter().chain(&self.points[..from]);
        let mut seen = vec![false; self.nodes];
        around.map(|(_, node)| *node).filter(move |node| !std::mem::replace(&mut seen[*node], true)).take(self.nodes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::placement::SLOTS;

    fn ids(count: usize) -> Vec<NodeId> {
        (0..count).map(|node| format!("node-{node:03}").into()).collect()
    }

    fn slots() -> impl Iterator<Item = Slot> {
        0..SLOTS as Slot
    }

    #[test]
    fn every_node_is_in_the_order_of_a_slot_once() {
        for count in [0, 1, 2, 3, 30] {
            let ring = Ring::of(&ids(count));
            for slot in slots() {
                let mut order: Vec<_> = ring.preference(slot).collect();
                order.sort_unstable();
                assert!(order.into_iter().eq(0..count));
            }
        }
    }

    #[test]
    fn a_node_more_changes_only_the_slots_that_like_it_best() {
        let (ten, eleven) = (Ring::of(&ids(10)), Ring::of(&ids(11)));
        let mut changed = 0;
        for slot in slots() {
            let order: Vec<_> = eleven.preference(slot).collect();
            changed += usize::from(order[0] == 10);
            assert!(order.into_iter().filter(|node| *node != 10).eq(ten.preference(slot)));
        }
        assert!((SLOTS / 22..SLOTS / 6).contains(&changed), "{changed}");
    }

    #[test]
    fn shares_are_even_enough_to_begin_with() {
        let ring = Ring::of(&ids(10));
        let mut counts = vec![0; 10];
        slots().for_each(|slot| counts[ring.preference(slot).next().expect("ten nodes")] += 1);
        assert!(counts.iter().all(|count| (50..=180).contains(count)), "{counts:?}");
    }

    #[test]
    fn the_order_is_the_same_on_every_node() {
        let order: Vec<_> = Ring::of(&ids(5)).preference(7).collect();
        assert_eq!(order, FIXED);
    }

    /// Builds of different versions should agree. Nothing breaks if this changes, but a new leader would choose otherwise.
    const FIXED: [usize; 5] = [0, 2, 4, 1, 3];
}
