//! Which links of a simulated cluster are cut or stalled.

use std::collections::BTreeSet;

use super::node::Node;

pub(super) struct Links {
    /// From one to the other.
    cut: BTreeSet<(usize, usize)>,
    /// The lower number first.
    stalled: BTreeSet<(usize, usize)>,
    size: usize,
}

type Sim = turmoil::Sim<'static>;

impl Links {
    pub(super) fn new(size: usize) -> Self {
        Self { cut: BTreeSet::new(), stalled: BTreeSet::new(), size }
    }

    pub(super) fn cut(&mut self, sim: &Sim, nodes: &[Node], from: usize, to: usize) {
        assert!(from != to && from < self.size && to < self.size, "there is no link from node {from} to node {to}");
        // The simulator can not do both to one link.
        if self.stalled.remove(&(from.min(to), from.max(to))) {
            sim.release(nodes[from].name(), nodes[to].name());
        }
        if self.cut.insert((from, to)) {
            sim.partition_oneway(nodes[from].name(), nodes[to].name());
        }
    }

    /// A link that is cut stays so.
    pub(super) fn stall(&mut self, sim: &Sim, nodes: &[Node], one: usize, other: usize) {
        assert!(one != other && one < self.size && other < self.size, "there is no link between node {one} and node {other}");
        if self.is_open(one, other) && self.is_open(other, one) && self.stalled.insert((one.min(other), one.max(other))) {
            sim.hold(nodes[one].name(), nodes[other].name());
        }
    }

    pub(super) fn heal(&mut self, sim: &Sim, nodes: &[Node]) {
        for (one, other) in std::mem::take(&mut self.stalled) {
            sim.release(nodes[one].name(), nodes[other].name());
        }
        for (from, to) in std::mem::take(&mut self.cut) {
            sim.repair_oneway(nodes[from].name(), nodes[to].name());
        }
    }

    pub(super) fn is_open(&self, from: usize, to: usize) -> bool {
        !self.cut.contains(&(from, to)) && !self.stalled.contains(&(from.min(to), from.max(to)))
    }
}
