//! What the control plane would have agreed on: each state that a node may apply, in order.

use std::{collections::BTreeSet, sync::Arc};

use rand::{RngExt as _, rngs::StdRng, seq::IndexedRandom as _};

use crate::cluster::{
    Incarnation, NodeKey,
    placement::{Chain, Epoch, Stage, TypeNumber, TypeSettings, TypeTable},
    replication::{Agreed, core::Rule},
};

pub(super) struct Agreement {
    states: Vec<Agreed>,
    /// Each state in which a node had just become a member, again.
    joined: Vec<(NodeKey, usize)>,
}

impl Agreement {
    pub(super) fn new(chance: &mut StdRng) -> Self {
        let nodes: Vec<_> = (0..chance.random_range(4..=6_u8)).map(|at| node(&char::from(b'a' + at).to_string(), 1)).collect();
        let mut types = TypeTable::default();
        let settings =
            |factor, sync| TypeSettings { factor, sync, strict: false, accepts_loss: false, singleton: false, hash: 0 };
        types.declare(&"one".into(), settings(3, chance.random_range(1..=2)));
        let factor = chance.random_range(2..=3);
        types.declare(&"other".into(), settings(factor, chance.random_range(0..factor)));
        let mut chain = Chain::default();
        chain.begin(nodes[..3].to_vec(), types.version);
        let first = Agreed { chain: chain.into(), types: types.into(), up: nodes.into_iter().collect(), ended: BTreeSet::new() };
        Self { states: vec![first], joined: Vec::new() }
    }

    pub(super) fn nodes(&self) -> Vec<NodeKey> {
        self.states[0].up.iter().cloned().collect()
    }

    pub(super) fn now(&self) -> &Agreed {
        &self.states[self.latest()]
    }

    pub(super) fn at(&self, index: usize) -> &Agreed {
        &self.states[index]
    }

    pub(super) fn latest(&self) -> usize {
        self.states.len() - 1
    }

    fn change(&mut self, change: impl FnOnce(&mut Agreed)) {
        let mut next = self.now().clone();
        change(&mut next);
        self.states.push(next);
    }

    /// Anybody who is up, the same primary as well. Now and then something else is agreed on for a type.
    pub(super) fn begin(&mut self, chance: &mut StdRng, without: Option<Rule>) {
        let now = self.now();
        let (up, primary) = (now.up.iter().cloned().collect::<Vec<_>>(), now.chain.primary().cloned());
        if up.is_empty() || now.chain.epoch() > 12 {
            return;
        }
        let count = chance.random_range(1..=3.min(up.len()));
        let mut members: Vec<_> = up.sample(chance, count).cloned().collect();
        if let Some(primary) = primary.filter(|primary| up.contains(primary) && chance.random::<f64>() < 0.35) {
            members.retain(|member| *member != primary);
            members.insert(0, primary);
            members.truncate(3);
        }
        // What promises something once goes on to.
        let changed = (chance.random::<f64>() < 0.3)
            .then(|| (chance.random_range(0..2_usize), chance.random_range(2..=3), chance.random_range(1..=2)));
        self.change(|agreed| {
            if let Some((kind, factor, sync)) = changed {
                let types = Arc::make_mut(&mut agreed.types);
                let of = &mut types.types[kind].settings;
                let settings = TypeSettings { factor, sync: sync.min(factor - 1), ..of[0].1 };
                if without == Some(Rule::ChangeByConfiguration) {
                    of.iter_mut().for_each(|(_, held)| *held = settings);
                    return;
                }
                types.version += 1;
                of.push((types.version, settings));
            }
            Arc::make_mut(&mut agreed.chain).begin(members, agreed.types.version);
        });
    }

    pub(super) fn reach(&mut self, epoch: Epoch, stage: Stage) {
        if self.now().chain.as_ref().clone().reach(epoch, stage) {
            self.change(|agreed| {
                Arc::make_mut(&mut agreed.chain).reach(epoch, stage);
            });
        }
    }

    pub(super) fn is_up(&self, node: &NodeKey) -> bool {
        self.now().up.contains(node)
    }

    pub(super) fn down(&mut self, node: &NodeKey) {
        self.change(|agreed| {
            agreed.up.remove(node);
        });
    }

    pub(super) fn join(&mut self, node: &NodeKey) {
        self.change(|agreed| {
            agreed.up.insert(node.clone());
        });
        self.joined.push((node.clone(), self.latest()));
    }

    /// The same node, started anew with nothing.
    pub(super) fn replace(&mut self, old: &NodeKey) -> NodeKey {
        let new = NodeKey { id: old.id.clone(), incarnation: Incarnation(old.incarnation.0 + 1) };
        self.change(|agreed| {
            agreed.up.remove(old);
            agreed.ended.insert(old.clone());
            agreed.up.insert(new.clone());
        });
        new
    }

    /// Whether a node that has applied so much may answer: nobody that is down, and not by what was before it was.
    pub(super) fn has_lease(&self, node: &NodeKey, applied: usize) -> bool {
        self.is_up(node) && self.joined.iter().all(|(joined, at)| joined != node || *at <= applied)
    }

    /// Whether a kind promises anything in a configuration, as whoever has applied so much serves it.
    pub(super) fn is_kept(&self, kind: TypeNumber, epoch: Epoch, applied: usize) -> bool {
        let Agreed { chain, types, .. } = self.at(applied);
        let config = chain.0.iter().find(|config| config.epoch == epoch);
        config.and_then(|config| types.settings(kind, config.types)).is_some_and(|settings| settings.sync > 0)
    }
}

fn node(id: &str, incarnation: u64) -> NodeKey {
    NodeKey { id: id.into(), incarnation: Incarnation(incarnation) }
}
