//! What can happen.

use std::collections::BTreeSet;

use rand::RngExt as _;

use super::{Core, Operation, OperationKind, Walk};
use crate::cluster::replication::Wait;

/// States begin with so many bytes, so that some are large enough for patches.
const AHEAD: [usize; 2] = [300, 0];

impl Walk {
    pub(super) fn step(&mut self) -> Result<(), String> {
        let node = self.chance.random_range(0..self.nodes.len());
        match self.chance.random_range(0..1000) {
            0..560 => self.deliver(),
            560..660 => {
                let latest = self.agreement.latest();
                let applied = self.nodes[node].applied;
                let to = if self.happens(0.5) { latest } else { self.chance.random_range(applied..=latest) };
                self.learn(node, to)
            }
            660..740 => self.tick(node),
            740..840 => self.write(),
            840..900 => self.read(),
            900..940 => self.release(node),
            940..962 => {
                self.agreement.begin(&mut self.chance, self.without);
                Ok(())
            }
            962..976 => self.down(node),
            976..982 => self.start_anew(node),
            _ => self.come_back(node),
        }
    }

    pub(super) fn deliver(&mut self) -> Result<(), String> {
        if self.net.is_empty() {
            return Ok(());
        }
        let at = self.chance.random_range(0..self.net.len());
        let (to, from, message) = if self.happens(0.1) { self.net[at].clone() } else { self.net.swap_remove(at) };
        let Some(node) = self.nodes.iter().position(|node| node.key == to && node.running) else { return Ok(()) };
        if self.happens(0.06) {
            return Ok(());
        }
        let mut out = Vec::new();
        self.nodes[node].core.receive(&from, message, &mut out);
        self.carry_out(node, out)
    }

    /// It applies what was agreed up to there: state by state, or some at once.
    pub(super) fn learn(&mut self, node: usize, to: usize) -> Result<(), String> {
        let Self { nodes, agreement, .. } = self;
        let n = &mut nodes[node];
        if !n.running {
            return Ok(());
        }
        let mut out = Vec::new();
        if (n.applied..to).any(|at| !agreement.at(at).up.contains(&n.key)) {
            n.core.fenced(&mut out);
        }
        n.applied = to;
        n.core.agreed(agreement.at(to).clone(), &mut out);
        self.carry_out(node, out)
    }

    pub(super) fn tick(&mut self, node: usize) -> Result<(), String> {
        let mut out = Vec::new();
        if self.nodes[node].running {
            for _ in 0..4 {
                self.nodes[node].core.tick(&mut out);
            }
        }
        self.carry_out(node, out)
    }

    pub(super) fn release(&mut self, node: usize) -> Result<(), String> {
        let mut out = Vec::new();
        if let Some(epoch) = self.nodes[node].releasing.take() {
            self.nodes[node].open.clear();
            self.nodes[node].awake.clear();
            self.nodes[node].core.released(epoch, &mut out);
        }
        self.carry_out(node, out)
    }

    /// Somebody who serves, or believes to, and an entity.
    fn served(&mut self) -> Option<(usize, usize)> {
        let serves = |node: &usize| self.nodes[*node].running && self.nodes[*node].core.serving().is_some();
        let serving: Vec<_> = (0..self.nodes.len()).filter(serves).collect();
        let node = *serving.get(self.chance.random_range(0..serving.len().max(1)))?;
        Some((node, self.chance.random_range(0..self.keys.len())))
    }

    fn seen(&self, node: usize, key: usize) -> BTreeSet<u32> {
        let key = &self.keys[key];
        let state = self.nodes[node].core.state(key).map_or(&[][..], |state| &state[AHEAD[usize::from(key.kind)]..]);
        state.chunks_exact(4).map(|id| u32::from_le_bytes(id.try_into().unwrap())).collect()
    }

    pub(super) fn write(&mut self) -> Result<(), String> {
        let Some((node, key)) = self.served() else { return Ok(()) };
        let mut seen = self.seen(node, key);
        let begun = self.histories.entry(key).or_default().begin();
        let destroys = self.happens(0.12) && !seen.is_empty();
        let kind = if destroys {
            self.histories.entry(key).or_default().destroys(&seen);
            OperationKind::Destroy
        } else {
            self.next += 1;
            seen.insert(self.next);
            OperationKind::Write
        };
        let list = seen.iter().flat_map(|id| id.to_le_bytes());
        let state: Vec<_> = std::iter::repeat_n(0, AHEAD[usize::from(self.keys[key].kind)]).chain(list).collect();
        let mut out = Vec::new();
        let state = if destroys { None } else { Some(&*state) };
        let sparing = self.happens(0.3);
        let wait = self.nodes[node].core.write(&self.keys[key], state, &key, sparing, &mut out);
        if wait.is_err() && self.nodes[node].core.is_lost(self.keys[key].kind) {
            return Ok(());
        }
        self.after(node, key, wait.map_err(|_| "does not serve")?, Operation { begun, seen, kind })?;
        self.carry_out(node, out)
    }

    pub(super) fn read(&mut self) -> Result<(), String> {
        let Some((node, key)) = self.served() else { return Ok(()) };
        let seen = self.seen(node, key);
        let begun = self.histories.entry(key).or_default().begin();
        let mut out = Vec::new();
        // Who is awake is not woken again: what it says waits for what it has done so far.
        if let Some(awaited) = self.nodes[node].awake.get(&key).copied()
            && self.happens(0.7)
        {
            let wait = if awaited == 0 { Wait::Kept(0) } else { Wait::Pending(awaited) };
            return self.after(node, key, wait, Operation { begun, seen, kind: OperationKind::Read });
        }
        let wait = self.nodes[node].core.wake(&self.keys[key], &key, &mut out);
        if wait.is_err() && self.nodes[node].core.is_lost(self.keys[key].kind) {
            return Ok(());
        }
        self.after(node, key, wait.map_err(|_| "does not serve")?, Operation { begun, seen, kind: OperationKind::Read })?;
        self.carry_out(node, out)
    }

    fn after(&mut self, node: usize, key: usize, wait: Wait, operation: Operation) -> Result<(), String> {
        let awaited = if let Wait::Pending(version) = wait { version } else { 0 };
        self.nodes[node].awake.insert(key, awaited);
        match wait {
            Wait::Kept(_) => self.answer(node, key, &operation),
            Wait::Pending(version) => {
                self.nodes[node].open.push((key, version, operation));
                Ok(())
            }
        }
    }

    /// It is taken for down, and is or is not.
    fn down(&mut self, node: usize) -> Result<(), String> {
        let key = self.nodes[node].key.clone();
        if self.agreement.is_up(&key) && self.agreement.now().up.len() > 2 {
            self.agreement.down(&key);
        }
        Ok(())
    }

    fn start_anew(&mut self, node: usize) -> Result<(), String> {
        if self.agreement.now().up.len() > 2 {
            let key = self.agreement.replace(&self.nodes[node].key);
            let n = &mut self.nodes[node];
            (n.core, n.key, n.applied) = (Core::without(key.clone(), self.without), key, self.agreement.latest());
            n.open.clear();
            n.awake.clear();
            n.releasing = None;
            let latest = self.agreement.latest();
            return self.learn(node, latest);
        }
        Ok(())
    }

    fn come_back(&mut self, node: usize) -> Result<(), String> {
        let key = self.nodes[node].key.clone();
        if !self.agreement.is_up(&key) {
            self.agreement.join(&key);
        }
        Ok(())
    }

    /// Nothing goes wrong any more: whoever is primary serves, unless too much is gone, and all is on every member.
    pub(super) fn heal(&mut self) -> Result<(), String> {
        for node in 0..self.nodes.len() {
            self.come_back(node)?;
        }
        for _ in 0..60 {
            for node in 0..self.nodes.len() {
                self.learn(node, self.agreement.latest())?;
                self.release(node)?;
                self.tick(node)?;
            }
            for (to, from, message) in std::mem::take(&mut self.net) {
                let Some(node) = self.nodes.iter().position(|node| node.key == to) else { continue };
                let mut out = Vec::new();
                self.nodes[node].core.receive(&from, message, &mut out);
                self.carry_out(node, out)?;
            }
        }
        let chain = self.agreement.now().chain.clone();
        let Some(primary) = self.nodes.iter().find(|node| Some(&node.key) == chain.primary()) else { return Ok(()) };
        let ended = |node: &_| self.agreement.now().ended.contains(node);
        match primary.core.serving() {
            _ if primary.core.has_lost() => Ok(()),
            None => Err(format!("{} does not serve: {chain:?}", primary.key)),
            Some(_) if !primary.open.is_empty() && !chain.0[0].members.iter().any(ended) => {
                Err(format!("{} does not answer", primary.key))
            }
            Some(_) if chain.0.len() > 1 && !chain.0[0].members.iter().any(ended) => Err(format!("not full: {chain:?}")),
            Some(_) => Ok(()),
        }
    }
}
