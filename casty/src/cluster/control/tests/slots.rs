//! The types of entities and the slot table, as commands change them.

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;
use serde::Serialize;

use super::{
    super::{
        Answer, Change, Command, Member,
        snapshot::decode,
        state::{Cluster, State},
    },
    genesis, join, key,
};
use crate::cluster::{
    NodeId, NodeKey,
    placement::{Epoch, SLOTS, Slot, SlotTable, Stage, TypeEntry, TypeSettings},
};

fn settings(factor: u32) -> TypeSettings {
    TypeSettings { factor, sync: factor - 1, strict: false, accepts_loss: false, singleton: false, hash: 0 }
}

fn declare(types: &[(&str, u32)]) -> Command {
    Command::Declare { types: types.iter().map(|(name, factor)| (Arc::from(*name), settings(*factor))).collect() }
}

fn slots(nodes: &[&NodeKey], configurations: &[(Slot, Epoch, &[u16])]) -> Command {
    let configurations = configurations.iter().map(|(slot, after, places)| (*slot, *after, places.to_vec())).collect();
    Command::Slots { nodes: nodes.iter().copied().cloned().collect(), configurations }
}

fn reached(node: &NodeKey, slot: Slot, epoch: Epoch, stage: Stage) -> Command {
    Command::Reached { node: node.clone(), slots: vec![(slot, epoch, stage)] }
}

/// A cluster of two nodes, a and b.
struct World {
    state: State,
    index: u64,
    a: NodeKey,
    b: NodeKey,
}

impl World {
    fn new() -> Self {
        let mut world = Self { state: State::default(), index: 0, a: key("a", 1), b: key("b", 1) };
        world.apply(genesis());
        let joins = [join(&world.a, 1), join(&world.b, 2)];
        joins.into_iter().for_each(|join| drop(world.apply(join)));
        world
    }

    /// What comes of the command, which changes nothing when it comes again.
    fn apply(&mut self, command: Command) -> (Answer, Vec<Change>) {
        self.index += 1;
        let mut changes = Vec::new();
        let answer = self.state.apply(self.index, command.clone(), &mut changes);
        let mut again = Vec::new();
        assert_eq!(self.state.apply(self.index, command, &mut again), answer);
        assert_eq!(again, []);
        (answer, changes)
    }

    /// The slots that the command changes.
    fn changes(&mut self, command: Command) -> Vec<Slot> {
        match &self.apply(command).1[..] {
            [] => Vec::new(),
            [Change::Slots(slots)] => slots.to_vec(),
            other => panic!("{other:?}"),
        }
    }

    /// Epoch, members and stage of the slot's configurations.
    fn chain(&self, slot: Slot) -> Vec<(Epoch, String, Stage)> {
        let Some(chain) = self.state.slots.get(usize::from(slot)) else { return Vec::new() };
        let names = |members: &[NodeKey]| members.iter().map(|node| node.id.as_str()).collect::<String>();
        chain.0.iter().map(|config| (config.epoch, names(&config.members), config.stage)).collect()
    }
}

/// A command about two slots, by either of two nodes or one that is no member.
fn command() -> impl Strategy<Value = Command> {
    let node = || (0..3usize).prop_map(|which| key(["a", "b", "c"][which], 1));
    let (slot, epoch) = (|| 0..2u16, || 0..5u64);
    let stage = prop_oneof![Just(Stage::Begun), Just(Stage::Complete), Just(Stage::Full)];
    let configuration = (slot(), epoch(), prop::collection::vec(0..3u16, 1..3));
    prop_oneof![
        3 => prop::collection::vec(configuration, 0..6)
            .prop_map(|configurations| Command::Slots { nodes: vec![key("a", 1), key("b", 1)], configurations }),
        2 => (node(), prop::collection::vec((slot(), epoch(), stage), 0..4))
            .prop_map(|(node, slots)| Command::Reached { node, slots }),
        1 => prop::collection::vec((slot(), epoch()), 0..3).prop_map(|slots| Command::AcceptLoss { slots }),
        1 => node().prop_map(|node| Command::Down { node, since: None }),
        1 => Just(join(&key("b", 1), 2)),
    ]
}

proptest! {
    #[test]
    fn chains_hold_together_whatever_comes(commands in prop::collection::vec(command(), 1..40)) {
        let mut world = World::new();
        for command in commands {
            world.apply(command);
            for chain in world.state.slots.iter().filter(|chain| !chain.0.is_empty()) {
                let epochs: Vec<_> = chain.0.iter().map(|config| config.epoch).collect();
                prop_assert!(epochs.windows(2).all(|pair| pair[0] == pair[1] + 1), "{:?}", epochs);
                let full = chain.0.iter().position(|config| config.stage == Stage::Full);
                prop_assert_eq!(full, Some(chain.0.len() - 1));
            }
        }
    }
}

#[test]
fn what_was_declared_first_stays() {
    let mut world = World::new();
    let (answer, changes) = world.apply(declare(&[("x", 2), ("y", 3), ("x", 1)]));
    let agreed = vec![(0, settings(2)), (1, settings(3)), (0, settings(2))];
    assert_eq!((answer, &changes[..]), (Answer::Declared(agreed), &[Change::Types][..]));
    let (answer, changes) = world.apply(declare(&[("y", 1)]));
    assert_eq!((answer, &changes[..]), (Answer::Declared(vec![(1, settings(3))]), &[][..]));
    assert_eq!((world.state.types.version, world.state.types.copies()), (2, 3));
}

#[test]
fn a_slot_goes_by_what_was_agreed_on_when_its_configuration_began() {
    let mut world = World::new();
    let (a, b) = (world.a.clone(), world.b.clone());
    world.apply(declare(&[("x", 1)]));
    world.apply(slots(&[&a, &b], &[(1, 0, &[0, 1])]));
    let change = |after, settings| Command::Settings { name: "x".into(), after, settings };
    assert_eq!(world.apply(change(1, settings(2))), (Answer::Declared(vec![(0, settings(2))]), vec![Change::Types]));
    assert_eq!(world.apply(change(1, settings(3))), (Answer::Declared(vec![(0, settings(2))]), vec![]), "it came late");
    assert_eq!(world.apply(declare(&[("x", 1)])).0, Answer::Declared(vec![(0, settings(2))]));
    let copies = |world: &World| {
        let config = world.state.slots[1].current().unwrap();
        world.state.types.settings(0, config.types).unwrap().factor
    };
    assert_eq!(copies(&world), 1);
    world.apply(slots(&[&a, &b], &[(1, 1, &[0, 1])]));
    assert_eq!(copies(&world), 2);
    let read = decode(&world.state.freeze().encode().unwrap()).unwrap();
    assert_eq!(read.types, world.state.types);
}

#[test]
fn there_are_no_more_types_than_numbers() {
    let mut world = World::new();
    // Declared one by one it would take long: each is looked for among all.
    let entry = |number| TypeEntry { name: format!("type{number}").into(), settings: vec![(1, settings(1))] };
    Arc::make_mut(&mut world.state.types).types.extend((0..=u16::MAX).map(entry));
    let answer = Answer::Declared(vec![(u16::MAX, settings(1))]);
    assert_eq!(world.apply(declare(&[("type65535", 3), ("one more", 1)])), (answer, vec![]));
}

#[test]
fn a_slot_is_begun_once_after_the_epoch_that_it_was_planned_for() {
    let mut world = World::new();
    let (a, b) = (world.a.clone(), world.b.clone());
    world.apply(declare(&[("x", 2)]));
    assert_eq!(world.chain(3), []);
    assert_eq!(world.changes(slots(&[&a, &b], &[(3, 0, &[0, 1]), (1023, 0, &[1])])), [3, 1023]);
    assert_eq!(world.state.slots.len(), SLOTS);
    assert_eq!(world.chain(3), [(1, "ab".into(), Stage::Full)]);
    assert_eq!(world.changes(slots(&[&b], &[(3, 0, &[0])])), [], "it was planned for what is past");
    assert_eq!(world.changes(slots(&[&b], &[(3, 2, &[0])])), [], "and this for what is not yet");
    assert_eq!(world.changes(slots(&[&b], &[(3, 1, &[0]), (3, 2, &[0]), (4, 1, &[0])])), [3]);
    assert_eq!(world.chain(3), [(2, "b".into(), Stage::Begun), (1, "ab".into(), Stage::Full)]);
    assert_eq!(world.changes(slots(&[&b], &[(3, 3, &[0]), (3, 2, &[0])])), [], "only the first of a slot counts");
}

#[test]
fn only_who_serves_gets_a_slot() {
    let mut world = World::new();
    let (a, b) = (world.a.clone(), world.b.clone());
    world.apply(Command::Down { node: b.clone(), since: None });
    let (older, stranger) = (key("a", 0), key("c", 1));
    for other in [&b, &older, &stranger] {
        assert_eq!(world.changes(slots(&[&a, other], &[(1, 0, &[0, 1])])), [], "{other}");
    }
    assert_eq!(world.changes(slots(&[&a, &b], &[(1, 0, &[1]), (2, 0, &[0])])), [2], "the others are not left out with it");
    assert_eq!(world.changes(slots(&[&a], &[(3, 0, &[]), (4, 0, &[7]), (5, 0, &[0, 0]), (1024, 0, &[0]), (6, 0, &[0])])), [6]);
}

#[test]
fn a_primary_alone_tells_how_far_it_is() {
    let mut world = World::new();
    let (a, b) = (world.a.clone(), world.b.clone());
    world.apply(slots(&[&a, &b], &[(7, 0, &[0, 1])]));
    world.apply(slots(&[&a, &b], &[(7, 1, &[1, 0])]));
    for no in [reached(&a, 7, 2, Stage::Full), reached(&b, 7, 1, Stage::Full), reached(&key("b", 2), 7, 2, Stage::Full)] {
        assert_eq!(world.changes(no), []);
    }
    let nowhere = [reached(&b, 7, 3, Stage::Full), reached(&b, 8, 2, Stage::Full), reached(&b, 2000, 2, Stage::Full)];
    for no in nowhere {
        assert_eq!(world.changes(no), []);
    }
    assert_eq!(world.changes(reached(&b, 7, 2, Stage::Complete)), [7]);
    assert_eq!(world.chain(7), [(2, "ba".into(), Stage::Complete), (1, "ab".into(), Stage::Full)]);
    assert_eq!(world.changes(reached(&b, 7, 2, Stage::Full)), [7]);
    assert_eq!(world.changes(reached(&b, 7, 2, Stage::Complete)), [], "it came late");
    assert_eq!(world.chain(7), [(2, "ba".into(), Stage::Full)]);
}

#[test]
fn a_loss_is_accepted_for_the_configuration_that_was_asked_about() {
    let mut world = World::new();
    let a = world.a.clone();
    world.apply(slots(&[&a], &[(1, 0, &[0]), (2, 0, &[0])]));
    world.apply(slots(&[&a], &[(2, 1, &[0])]));
    let accepted = Command::AcceptLoss { slots: vec![(1, 1), (2, 1), (3, 0), (1024, 1)] };
    assert_eq!(world.changes(accepted), [1]);
    let chain = |slot: usize| world.state.slots[slot].0.iter().map(|it| (it.epoch, it.accepted)).collect::<Vec<_>>();
    assert_eq!((chain(1), chain(2)), (vec![(2, false), (1, true)], vec![(2, false), (1, false)]));
}

#[test]
fn who_has_seen_a_table_keeps_it_and_shares_what_has_not_changed() {
    let mut world = World::new();
    let a = world.a.clone();
    world.apply(slots(&[&a], &[(1, 0, &[0]), (2, 0, &[0])]));
    let seen = world.state.slots.clone();
    world.apply(slots(&[&a], &[(2, 1, &[0])]));
    assert_eq!((seen[2].epoch(), world.state.slots[2].epoch()), (1, 2));
    assert!(Arc::ptr_eq(&seen[1], &world.state.slots[1]));
}

#[test]
fn a_snapshot_has_types_and_slots_and_tells_of_those_that_differ() {
    let mut world = World::new();
    let (a, b) = (world.a.clone(), world.b.clone());
    let before = decode(&world.state.freeze().encode().unwrap()).unwrap();
    world.apply(declare(&[("x", 2)]));
    world.apply(slots(&[&a, &b], &[(7, 0, &[0, 1]), (9, 0, &[1, 0])]));
    let between = decode(&world.state.freeze().encode().unwrap()).unwrap();
    world.apply(slots(&[&a, &b], &[(7, 1, &[1])]));
    world.apply(Command::AcceptLoss { slots: vec![(7, 2)] });
    let after = decode(&world.state.freeze().encode().unwrap()).unwrap();
    assert_eq!((&after.types, &after.slots), (&world.state.types, &world.state.slots));
    let told = |old: &State| {
        let changes = old.changes_to(&after).into_iter();
        changes.filter(|change| matches!(change, Change::Types | Change::Slots(_))).collect::<Vec<_>>()
    };
    assert_eq!(told(&before), [Change::Types, Change::Slots([7, 9].into())]);
    assert_eq!(told(&between), [Change::Slots([7].into())]);
    assert_eq!(told(&after), []);
}

#[test]
fn a_snapshot_from_before_there_were_slots_is_read() {
    #[derive(Serialize)]
    struct Older {
        format: u32,
        members: Arc<BTreeMap<NodeId, Member>>,
        cluster: Option<Cluster>,
        names: [(); 0],
        #[serde(skip_serializing_if = "SlotTable::is_empty")]
        slots: SlotTable,
    }
    let State { cluster, members, .. } = World::new().state;
    let mut older = Older { format: 1, members, cluster, names: [], slots: Vec::new() };
    let read = decode(&rmp_serde::to_vec_named(&older).unwrap()).unwrap();
    assert_eq!((read.members, read.slots.len(), read.types.version), (older.members.clone(), 0, 0));
    older.slots = vec![Arc::default()];
    assert!(decode(&rmp_serde::to_vec_named(&older).unwrap()).is_err(), "a table of one slot is none of ours");
}
