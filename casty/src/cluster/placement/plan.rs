//! Which node should have which slot, and what moves next. A stand-in, until there is the real one.

use std::sync::Arc;

use super::{Chain, Epoch, SLOTS, Slot};
use crate::cluster::NodeKey;

/// A node that is up.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) key: NodeKey,
    /// It wants to go: it gets no slots, and others take its own.
    pub(crate) leaving: bool,
}

/// What the leader knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    /// Of each slot, or none before the first assignment.
    pub(crate) chains: &'a [Arc<Chain>],
    pub(crate) nodes: &'a [Node],
    /// How many members a slot is to have.
    pub(crate) copies: usize,
    /// The version of the type table.
    #[expect(dead_code, reason = "the stand-in leaves configurations with the settings that they have")]
    pub(crate) types: u64,
}

/// The next configuration of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proposal {
    pub(crate) slot: Slot,
    /// The epoch that it follows.
    pub(crate) after: Epoch,
    pub(crate) members: Vec<NodeKey>,
}

impl Known<'_> {
    /// What to do now: all that failures ask for, and so many moves at most.
    pub(crate) fn next(&self, moves: usize) -> Vec<Proposal> {
        let stay: Vec<&NodeKey> = self.nodes.iter().filter(|node| !node.leaving).map(|node| &node.key).collect();
        let mut left = moves;
        (0..SLOTS).filter_map(|at| self.proposal(at, &stay, &mut left)).collect()
    }

    fn proposal(&self, at: usize, stay: &[&NodeKey], moves: &mut usize) -> Option<Proposal> {
        let current = self.chains.get(at).and_then(|chain| chain.current());
        let members = current.map_or(&[][..], |current| &current.members);
        let mut wanted: Vec<NodeKey> = members.iter().filter(|member| stay.contains(member)).cloned().collect();
        for turn in 0..stay.len() {
            let next = stay[(at + turn) % stay.len()];
            if wanted.len() < self.copies && !wanted.contains(next) {
                wanted.push(next.clone());
            }
        }
        if wanted.is_empty() || wanted == members {
            return None;
        }
        let is_up = |member: &NodeKey| self.nodes.iter().any(|node| node.key == *member);
        if members.iter().all(is_up) && !members.is_empty() {
            let is_full = self.chains.get(at).is_some_and(|chain| chain.0.len() == 1);
            if !is_full || *moves == 0 {
                return None;
            }
            *moves -= 1;
        }
        Some(Proposal { slot: u16::try_from(at).ok()?, after: current.map_or(0, |current| current.epoch), members: wanted })
    }
}
