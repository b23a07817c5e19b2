//! What the fuzzer calls with any bytes: a list of commands, whose state must hold what it promises after each.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Command,
    command::{Answer, NameClaim, NameResult},
    names, snapshot,
    state::{Change, MemberStatus, State},
};
use crate::cluster::{
    Incarnation, NodeId, NodeKey,
    placement::{Chain, Epoch, SLOTS, Slot, Stage, TypeSettings},
};

/// Reads bytes as commands in MessagePack if they are some, or else a few bytes as one command each, over few nodes and
/// names, so that they have to do with each other.
pub(crate) fn fuzz_commands(data: &[u8]) {
    let Some((&how, data)) = data.split_first() else { return };
    let commands = match rmp_serde::from_slice::<Vec<Command>>(data) {
        Ok(commands) => commands,
        Err(_) => Bytes(data).commands(),
    };
    let mut run = Run::default();
    for (index, command) in (1..).zip(commands) {
        let _ = (command.to_string(), command.size());
        let bytes = rmp_serde::to_vec_named(&command).expect("a command has bytes");
        assert_eq!(rmp_serde::from_slice::<Command>(&bytes).expect("it is read as it was written"), command);
        run.apply(index, command, how);
    }
}

#[derive(Default)]
struct Run {
    state: State,
    cluster: Option<u128>,
    /// Members as who only hears of changes knows them.
    told: BTreeMap<NodeId, (Incarnation, MemberStatus)>,
    /// The greatest incarnation of each node that was ever up.
    newest: BTreeMap<NodeId, Incarnation>,
}

impl Run {
    fn apply(&mut self, index: u64, command: Command, how: u8) {
        // Clones share the names: what was before is kept as bytes.
        let before = self.decoded();
        let mut changes = Vec::new();
        let answer = self.state.apply(index, command.clone(), &mut changes);
        let _ = answer.to_string();
        self.listen(&changes);
        self.check();
        self.check_slots(&before, &changes);
        if let (Command::Register { owner, names }, Answer::Registered(results)) = (&command, &answer) {
            self.check_names(owner, names, results);
        }
        if how & 1 != 0 {
            let litter = std::mem::take(&mut self.state.litter);
            let as_before = self.encoded();
            self.state.names.sweep(litter);
            assert_eq!(self.encoded(), as_before, "nobody can see that it was swept");
        }
        // Who gets the state as a whole is told what leads to the same.
        let known = before.members.iter().map(|(id, member)| (id.clone(), (member.incarnation, member.status)));
        let mut told = known.collect();
        let whole = before.changes_to(&self.state);
        follow(&mut told, &whole);
        assert_eq!(told, self.told, "what a snapshot tells");
        assert_eq!(slots_of(&whole), slots_of(&changes), "the slots that a snapshot tells");
        // The same once more changes nothing.
        let (as_before, mut changes) = (self.encoded(), Vec::new());
        self.state.apply(index + 1, command, &mut changes);
        assert_eq!(self.encoded(), as_before, "a command that is applied again");
        assert_eq!(changes, [], "a command that is applied again");
    }

    fn listen(&mut self, changes: &[Change]) {
        follow(&mut self.told, changes);
        assert_eq!(self.told, self.members(), "what listeners know");
    }

    fn members(&self) -> BTreeMap<NodeId, (Incarnation, MemberStatus)> {
        self.state.members.iter().map(|(id, member)| (id.clone(), (member.incarnation, member.status))).collect()
    }

    fn check(&mut self) {
        let cluster = self.state.cluster.as_ref().map(|cluster| cluster.id);
        assert!(self.cluster.is_none() || self.cluster == cluster, "a cluster stays the one that it is");
        self.cluster = cluster;
        assert!(cluster.is_some() || self.state.members.is_empty(), "no member without a cluster");
        for (id, member) in self.state.members.iter() {
            let newest = self.newest.entry(id.clone()).or_default();
            assert!(*newest <= member.incarnation, "an older start is a member again");
            *newest = member.incarnation;
            assert!(!self.state.past.contains_key(id), "a member is not of the past");
        }
        for (name, entry) in names::entries(&self.state.names.freeze()) {
            let member = self.state.members.get(&entry.owner.id);
            let holds = member.is_some_and(|it| it.incarnation == entry.owner.incarnation && it.status != MemberStatus::Down);
            assert!(holds, "{name} is held by {}, which is no member", entry.owner);
            assert_eq!(self.state.names.find(name).as_ref(), Some(entry));
        }
        let again = self.decoded();
        assert_eq!(again.freeze().encode().expect("a state has bytes"), self.encoded(), "a snapshot of a snapshot");
    }

    fn check_names(&self, owner: &NodeKey, claims: &[NameClaim], results: &[NameResult]) {
        assert_eq!(claims.len(), results.len());
        for (claim, result) in claims.iter().zip(results) {
            let held = self.state.names.find(&claim.name);
            let is_its = held.as_ref().is_some_and(|held| held.owner == *owner && held.actor == claim.actor);
            match result {
                NameResult::Held => assert!(is_its),
                NameResult::Taken { .. } => assert!(held.is_some() && !is_its),
                NameResult::NotMember => {
                    assert!(
                        !self.state.members.get(&owner.id).is_some_and(|member| {
                            member.incarnation == owner.incarnation && member.status == MemberStatus::Up
                        })
                    )
                }
            }
        }
    }

    /// Types stay what they are, slots change as is told, and a chain goes back to a full configuration, epoch by epoch.
    fn check_slots(&self, before: &State, changes: &[Change]) {
        let (old, new) = (&before.types, &self.state.types);
        assert_eq!(old.version != new.version, changes.contains(&Change::Types));
        for (old, new) in old.types.iter().zip(&new.types) {
            assert!(old.name == new.name && new.settings.starts_with(&old.settings), "what was agreed on first stays");
        }
        assert!(old.types.len() <= new.types.len());
        assert!([0, SLOTS].contains(&self.state.slots.len()));
        let none = Arc::<Chain>::default();
        let mut changed = BTreeSet::new();
        for (slot, chain) in (0..).zip(self.state.slots.iter()) {
            let old = before.slots.get(usize::from(slot)).unwrap_or(&none);
            assert!(old.epoch() <= chain.epoch(), "an epoch goes back");
            if old != chain {
                changed.insert(slot);
            }
            for (config, earlier) in chain.0.iter().zip(chain.0.iter().skip(1)) {
                assert!(config.epoch == earlier.epoch + 1 || config.begins_generation());
                assert!(config.stage < Stage::Full, "nothing is kept behind a full configuration");
            }
            assert!(chain.0.last().is_none_or(|oldest| oldest.stage == Stage::Full));
            for config in &chain.0 {
                let distinct: BTreeSet<_> = config.members.iter().collect();
                assert!(!distinct.is_empty() && distinct.len() == config.members.len());
            }
            if old.epoch() < chain.epoch() {
                let members = chain.current().map_or(&[][..], |current| &current.members);
                assert!(members.iter().all(|node| {
                    let member = self.state.members.get(&node.id);
                    member.is_some_and(|it| it.incarnation == node.incarnation && it.status == MemberStatus::Up)
                }));
            }
        }
        assert_eq!(slots_of(changes), changed);
    }

    fn encoded(&self) -> Vec<u8> {
        self.state.freeze().encode().expect("a state has bytes")
    }

    fn decoded(&self) -> State {
        snapshot::decode(&self.encoded()).expect("it is read as it was written")
    }
}

/// What somebody knows who hears of changes only.
fn follow(known: &mut BTreeMap<NodeId, (Incarnation, MemberStatus)>, changes: &[Change]) {
    let is = |known: &BTreeMap<_, _>, node: &NodeKey| known.get(&node.id).is_some_and(|(it, _)| *it == node.incarnation);
    for change in changes {
        match change {
            Change::Up { node, .. } => {
                known.insert(node.id.clone(), (node.incarnation, MemberStatus::Up));
            }
            Change::Down { node } => {
                assert!(is(known, node), "a Down of a stranger");
                known.insert(node.id.clone(), (node.incarnation, MemberStatus::Down));
            }
            Change::Away { node } => {
                assert!(is(known, node), "an Away of a stranger");
                known.insert(node.id.clone(), (node.incarnation, MemberStatus::Away));
            }
            Change::Left { node } | Change::Forgotten { node } | Change::Replaced { node, .. } => {
                assert!(is(known, node), "the end of a stranger");
                known.remove(&node.id);
            }
            Change::Moved { node, .. } => assert!(is(known, node), "a move of a stranger"),
            Change::Cluster(_) | Change::NameTaken { .. } | Change::NameFreed { .. } | Change::NamesChanged => {}
            Change::GivenUp { node } => assert!(!is(known, node), "a member was given up"),
            Change::Types | Change::Slots(_) => {}
        }
    }
}

/// The slots that have changed, as is told.
fn slots_of(changes: &[Change]) -> BTreeSet<Slot> {
    let slots = changes.iter().filter_map(|change| match change {
        Change::Slots(slots) => Some(slots.iter().copied()),
        _ => None,
    });
    slots.flatten().collect()
}

/// Bytes as commands of a small world.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn commands(mut self) -> Vec<Command> {
        std::iter::from_fn(|| self.command()).take(512).collect()
    }

    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// One of four nodes, and one of four starts of it.
    fn node(&mut self) -> Option<NodeKey> {
        let which = self.next()?;
        Some(NodeKey { id: format!("n{}", which & 3).into(), incarnation: Incarnation(u64::from(which >> 2 & 3)) })
    }

    fn name(&mut self) -> Option<(Arc<str>, u64)> {
        let which = self.next()?;
        Some((format!("name{}", which & 7).into(), u64::from(which >> 3 & 3)))
    }

    /// One of seven slots, or one that there is not, and an epoch of it.
    fn slot(&mut self) -> Option<(Slot, Epoch)> {
        let which = self.next()?;
        let slot = if which & 7 == 7 { Slot::from(which) + 1020 } else { Slot::from(which & 7) };
        Some((slot, Epoch::from(which >> 3 & 7)))
    }

    fn declared(&mut self) -> Option<(Arc<str>, TypeSettings)> {
        let which = self.next()?;
        let [factor, sync] = [which >> 4 & 3, which >> 2 & 3].map(u32::from);
        let settings = TypeSettings {
            factor,
            sync,
            strict: which & 64 != 0,
            accepts_loss: which & 128 != 0,
            singleton: factor == 3,
            hash: 0,
        };
        Some((format!("type{}", which & 3).into(), settings))
    }

    fn command(&mut self) -> Option<Command> {
        Some(match self.next()? % 21 {
            0 => Command::Genesis { cluster_id: self.next()?.into(), name: "fuzzed".into(), lease: 500, seal: None },
            1 => Command::Generation { generation: self.next()?.into() },
            2..=4 => {
                let (node, how) = (self.node()?, self.next()?);
                let address = format!("host{}:1", how >> 4 & 1).into();
                Command::Join {
                    node,
                    raft_id: u64::from(how & 3),
                    address,
                    protocol: (1, 1),
                    takes_over: how >> 5 & 1 != 0,
                    lease: 500,
                    returns: how >> 6 & 1 != 0,
                }
            }
            5 => Command::Down { node: self.node()?, since: None },
            6 => Command::Leave { node: self.node()?, since: None },
            7 => Command::Away { node: self.node()? },
            8 => Command::Forget { id: self.node()?.id },
            9 => {
                let (owner, count) = (self.node()?, self.next()? & 3);
                let claim = |(name, actor)| NameClaim { name, kind: "Fuzzed".into(), actor };
                let names = (0..count).map_while(|_| self.name().map(claim)).collect();
                Command::Register { owner, names }
            }
            10 => {
                let (owner, count) = (self.node()?, self.next()? & 3);
                let names = (0..count).map_while(|_| self.name()).collect();
                Command::Unregister { owner, names }
            }
            11 => {
                let count = self.next()? & 3;
                Command::Declare { types: (0..count).map_while(|_| self.declared()).collect() }
            }
            12..=14 => {
                let (count, nodes) = (self.next()? & 7, (0..3).map_while(|_| self.node()).collect());
                let configuration = |_| {
                    let ((slot, after), places) = (self.slot()?, self.next()?);
                    // A place that is none now and then.
                    Some((slot, after, (0..places >> 6).map(|at| u16::from(places >> (2 * at) & 3)).collect()))
                };
                Command::Slots { nodes, configurations: (0..count).map_while(configuration).collect() }
            }
            15 | 16 => {
                let (node, how) = (self.node()?, self.next()?);
                let stage = [Stage::Begun, Stage::Complete, Stage::Full, Stage::Full][usize::from(how >> 6)];
                let slots = (0..how & 7).map_while(|_| self.slot().map(|(slot, epoch)| (slot, epoch, stage))).collect();
                Command::Reached { node, slots }
            }
            17 => {
                let count = self.next()? & 3;
                Command::AcceptLoss { slots: (0..count).map_while(|_| self.slot()).collect() }
            }
            19 => {
                let ((name, settings), after) = (self.declared()?, self.next()? & 7);
                Command::Settings { name, after: after.into(), settings }
            }
            18 => Command::GiveUp { node: self.node()? },
            _ => Command::Nothing,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        // Each step is looked at from all sides.
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_commands_leave_a_state_that_holds(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            fuzz_commands(&data);
        }
    }
}
