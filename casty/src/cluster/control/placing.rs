//! What the leader proposes about slots. Pure: which node should have which slot says [`placement`](crate::cluster::placement),
//! and this when to ask it.

use std::collections::BTreeSet;

use super::{Command, MemberStatus, View};
use crate::cluster::{
    NodeKey,
    placement::{Known, Node},
};

/// So many slots at most are on their way from one node to another. Those of nodes that failed come besides.
const MOVES: usize = 64;

/// So many slots at most are in one entry of the log.
const AT_ONCE: usize = 512;

/// The leader's part in placement.
#[derive(Debug, Default)]
pub(crate) struct Placing {
    /// Of this view, and with these who want to go, nothing came.
    rested: Option<(u64, BTreeSet<NodeKey>)>,
}

impl Placing {
    /// What is to be agreed on now. Nothing without types: no slot is needed then.
    pub(super) fn next(&self, view: &View, leaving: &BTreeSet<NodeKey>, is_down: impl Fn(&NodeKey) -> bool) -> Vec<Command> {
        let is_as_before = |(index, left): &(u64, BTreeSet<NodeKey>)| *index == view.index && left == leaving;
        if view.types.types.is_empty() || self.rested.as_ref().is_some_and(is_as_before) {
            return Vec::new();
        }
        let up = view.members.iter().filter(|(_, member)| member.status == MemberStatus::Up);
        let keys = up.map(|(id, member)| NodeKey { id: id.clone(), incarnation: member.incarnation });
        let node = |key| Node { leaving: leaving.contains(&key), key };
        let nodes: Vec<Node> = keys.filter(|key| !is_down(key)).map(node).collect();
        let known = Known { chains: &view.slots, nodes: &nodes, copies: view.types.copies(), types: view.types.version };
        known.next(MOVES).chunks(AT_ONCE).map(Command::slots).collect()
    }

    /// It is asked again once there is another view, or others want to go.
    pub(super) fn rests(&mut self, index: u64, leaving: BTreeSet<NodeKey>) {
        self.rested = Some((index, leaving));
    }
}

/// Whether a node that wants to go has to wait: it is in a configuration that others may need still, and somebody stays who
/// can take its slots.
pub(super) fn keeps_slots(view: &View, node: &NodeKey, leaving: &BTreeSet<NodeKey>) -> bool {
    let stays = |key: NodeKey| view.is_up(&key) && !leaving.contains(&key);
    let mut members = view.members.iter().map(|(id, member)| NodeKey { id: id.clone(), incarnation: member.incarnation });
    let is_named = || view.slots.iter().any(|chain| chain.0.iter().any(|config| config.has(node)));
    !view.types.types.is_empty() && members.any(stays) && is_named()
}
