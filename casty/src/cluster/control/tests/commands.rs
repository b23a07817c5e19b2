//! The state, under commands at random.

use std::sync::Arc;

use proptest::prelude::*;

use super::{
    super::{Answer, Change, Command, JoinRefused, MemberStatus, NameClaim, NameResult, snapshot::decode, state::State},
    genesis, join, key, register,
};
use crate::cluster::{
    Incarnation, NodeId, NodeKey,
    placement::{Slot, Stage, TypeSettings},
    swim::SealKey,
};

fn node() -> impl Strategy<Value = NodeKey> {
    (0..3u8, 1..4u64).prop_map(|(id, incarnation)| key(&format!("n{id}"), incarnation))
}

fn name() -> impl Strategy<Value = Arc<str>> {
    (0..6u8).prop_map(|name| format!("name{name}").into())
}

fn settings() -> impl Strategy<Value = TypeSettings> {
    (1..4u32, 0..3u32).prop_map(|(factor, sync)| TypeSettings {
        factor,
        sync,
        strict: false,
        accepts_loss: false,
        singleton: false,
        hash: 0,
    })
}

/// One of four slots, or one that there is not.
fn slot() -> impl Strategy<Value = Slot> {
    prop_oneof![4 => 0..3u16, 1 => Just(1023), 1 => Just(1024)]
}

fn stage() -> impl Strategy<Value = Stage> {
    prop_oneof![Just(Stage::Begun), Just(Stage::Complete), Just(Stage::Full)]
}

fn command() -> impl Strategy<Value = Command> {
    let claim = (name(), 0..3u64).prop_map(|(name, actor)| NameClaim { name, kind: "kind".into(), actor });
    prop_oneof![
        1 => (0..2u128, any::<Option<u8>>()).prop_map(|(cluster_id, key)| Command::Genesis {
            cluster_id,
            name: "test".into(),
            lease: 200,
            seal: key.map(SealKey::of),
        }),
        1 => (0..3u64).prop_map(|generation| Command::Generation { generation }),
        6 => (node(), 0..2u64, 0..2u8, any::<(bool, bool)>(), 1..3u32).prop_map(|(node, raft_id, address, (takes_over, returns), lease)| Command::Join {
            node, raft_id, address: format!("a{address}").into(), protocol: (1, 1), takes_over, lease: lease * 200, returns
        }),
        2 => node().prop_map(|node| Command::Down { node, since: None }),
        1 => node().prop_map(|node| Command::Leave { node, since: None }),
        1 => node().prop_map(|node| Command::Away { node }),
        1 => node().prop_map(|node| Command::Forget { id: node.id }),
        1 => node().prop_map(|node| Command::GiveUp { node }),
        8 => (node(), prop::collection::vec(claim, 0..4)).prop_map(|(owner, names)| Command::Register { owner, names }),
        3 => (node(), prop::collection::vec((name(), 0..3u64), 0..3))
            .prop_map(|(owner, names)| Command::Unregister { owner, names }),
        1 => prop::collection::vec((name(), settings()), 0..3).prop_map(|types| Command::Declare { types }),
        1 => (name(), 0..4u64, settings()).prop_map(|(name, after, settings)| Command::Settings { name, after, settings }),
        4 => (prop::collection::vec(node(), 0..4), prop::collection::vec((slot(), 0..3u64, prop::collection::vec(0..4u16, 0..3)), 0..4))
            .prop_map(|(nodes, configurations)| Command::Slots { nodes, configurations }),
        3 => (node(), prop::collection::vec((slot(), 0..4u64, stage()), 0..4))
            .prop_map(|(node, slots)| Command::Reached { node, slots }),
        1 => prop::collection::vec((slot(), 0..4u64), 0..3).prop_map(|slots| Command::AcceptLoss { slots }),
    ]
}

fn bytes(state: &State) -> Vec<u8> {
    state.freeze().encode().expect("a state can be encoded")
}

/// Every name's owner is a member at that incarnation and not down, and the index by owner tells the same.
fn check_names(state: &State) {
    let mut held = 0;
    for (id, member) in state.members.iter() {
        let owner = NodeKey { id: id.clone(), incarnation: member.incarnation };
        let names = state.names.of(&owner);
        assert!(names.is_empty() || member.status != MemberStatus::Down, "{owner} is down and has {names:?}");
        for name in &names {
            assert_eq!(state.names.find(name).map(|entry| entry.owner), Some(owner.clone()));
        }
        held += names.len();
    }
    assert_eq!(held, state.names.len(), "a name of nobody");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_holds_of_the_state_holds_after_every_command(commands in prop::collection::vec(command(), 1..60)) {
        let mut state = State::default();
        let mut greatest: std::collections::BTreeMap<NodeId, Incarnation> = Default::default();
        for (index, command) in (1..).zip(commands) {
            let before = bytes(&state);
            let mut changes = Vec::new();
            let answer = state.apply(index, command.clone(), &mut changes);
            let after = bytes(&state);
            check_names(&state);
            if changes.is_empty() {
                prop_assert_eq!(&before, &after, "{} changed something and did not tell", &command);
            }
            for (id, member) in state.members.iter() {
                let greatest = greatest.entry(id.clone()).or_default();
                prop_assert!(*greatest <= member.incarnation, "{} went back", id);
                *greatest = member.incarnation;
            }
            if index % 3 == 0 {
                state.names.sweep(std::mem::take(&mut state.litter));
                check_names(&state);
                prop_assert_eq!(&after, &bytes(&state), "sweeping can be seen");
            }
            let mut again = Vec::new();
            let second = state.apply(index, command.clone(), &mut again);
            prop_assert!(again.is_empty(), "{} came twice and changed {:?}", &command, again);
            prop_assert_eq!(&after, &bytes(&state));
            prop_assert_eq!(answer, second);
            let read = decode(&after).expect("what was encoded");
            check_names(&read);
            prop_assert_eq!(&after, &bytes(&read));
        }
    }

    #[test]
    fn a_listener_that_missed_some_knows_the_members(commands in prop::collection::vec(command(), 1..60), seen in 0..60usize) {
        let mut state = State::default();
        let (mut old, mut told) = (None, Vec::new());
        for (index, command) in (1..).zip(commands) {
            if index == seen as u64 {
                old = Some(decode(&bytes(&state)).expect("what was encoded"));
                told = listened(&told);
            }
            state.apply(index, command, &mut told);
        }
        if let Some(old) = old {
            let mut changes = up(&old).into_iter().map(|(node, member)| Change::Up { node, member }).collect::<Vec<_>>();
            changes.extend(old.changes_to(&state));
            prop_assert_eq!(listened(&changes), listened(&up(&state).into_iter().map(|(node, member)| Change::Up { node, member }).collect::<Vec<_>>()));
        }
    }

    #[test]
    fn bytes_of_no_snapshot_are_an_error_and_nothing_worse(
        commands in prop::collection::vec(command(), 1..20),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        noise in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut damaged = bytes(&after(commands));
        for (at, byte) in damage {
            let at = at.index(damaged.len());
            damaged[at] = byte;
        }
        let _ = decode(&damaged);
        let _ = decode(&noise);
        let _ = rmp_serde::from_slice::<Command>(&noise);
    }

    #[test]
    fn a_command_is_read_as_it_was_written(command in command()) {
        let bytes = rmp_serde::to_vec_named(&command).expect("a command can be encoded");
        prop_assert_eq!(rmp_serde::from_slice::<Command>(&bytes).expect("what was encoded"), command);
    }
}

fn up(state: &State) -> Vec<(NodeKey, super::super::Member)> {
    let serving = state.members.iter().filter(|(_, member)| member.status == MemberStatus::Up);
    serving.map(|(id, member)| (NodeKey { id: id.clone(), incarnation: member.incarnation }, member.clone())).collect()
}

/// The `Up`s that are left of the changes, for one who follows them.
fn listened(changes: &[Change]) -> Vec<Change> {
    let mut serving = std::collections::BTreeMap::new();
    for change in changes {
        match change {
            Change::Up { node, member } | Change::Moved { node, member } => {
                serving.insert(node.clone(), member.clone());
            }
            Change::Down { node } | Change::Away { node } | Change::Left { node } | Change::Replaced { node, .. } => {
                serving.remove(node);
            }
            Change::Cluster(_) | Change::Forgotten { .. } | Change::GivenUp { .. } | Change::NamesChanged => {}
            Change::NameTaken { .. } | Change::NameFreed { .. } | Change::Types | Change::Slots(_) => {}
        }
    }
    serving.into_iter().map(|(node, member)| Change::Up { node, member }).collect()
}

fn after(commands: impl IntoIterator<Item = Command>) -> State {
    let mut state = State::default();
    for (index, command) in (1..).zip(commands) {
        state.apply(index, command, &mut Vec::new());
    }
    state
}

#[test]
fn nobody_joins_before_the_cluster_begins() {
    let answer = State::default().apply(1, join(&key("a", 1), 1), &mut Vec::new());
    assert_eq!(answer, Answer::Refused(JoinRefused::NoCluster));
}

#[test]
fn only_the_first_genesis_counts() {
    let mut state = after([genesis()]);
    let second = Command::Genesis { cluster_id: 1, name: "other".into(), lease: 200, seal: None };
    let answer = state.apply(2, second, &mut Vec::new());
    assert_eq!(answer, Answer::Cluster { cluster_id: u128::MAX - 7, name: "test".into() });
}

#[test]
fn the_first_key_counts_and_a_cluster_without_one_can_get_it() {
    let with_key = |key: u8| match genesis() {
        Command::Genesis { cluster_id, name, lease, .. } => {
            Command::Genesis { cluster_id: cluster_id + 1, name, lease, seal: Some(SealKey::of(key)) }
        }
        other => other,
    };
    let mut state = after([genesis()]);
    let mut changes = Vec::new();
    state.apply(2, with_key(1), &mut changes);
    state.apply(3, with_key(2), &mut changes);
    state.apply(4, genesis(), &mut changes);
    let [Change::Cluster(cluster)] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!((cluster.id, &cluster.seal), (u128::MAX - 7, &Some(SealKey::of(1))));
    let again = decode(&bytes(&state)).unwrap();
    assert_eq!(again.cluster.as_ref(), Some(cluster));
}

#[test]
fn what_was_written_before_there_were_keys_is_read() {
    // Without a key nothing is written of it.
    assert!(!rmp_serde::to_vec_named(&genesis()).unwrap().windows(4).any(|part| part == b"seal"));
    let state = after([genesis()]);
    assert!(!bytes(&state).windows(4).any(|part| part == b"seal"));
    assert_eq!(decode(&bytes(&state)).unwrap().cluster.unwrap().seal, None);
}

#[test]
fn a_restarted_node_replaces_its_older_start_whose_names_are_free() {
    let (old, new) = (key("a", 1), key("a", 2));
    let mut state = after([genesis(), join(&old, 7), register(&old, [("name", 1)])]);
    let mut changes = Vec::new();
    let answer = state.apply(4, join(&new, 7), &mut changes);
    assert_eq!(answer, Answer::Joined { cluster_id: u128::MAX - 7, generation: 0 });
    assert!(matches!(&changes[..], [Change::Replaced { node, by: Incarnation(2) }, Change::Up { .. }] if *node == old));
    assert_eq!(state.names.len(), 0);
    let answer = state.apply(5, join(&old, 7), &mut Vec::new());
    assert_eq!(answer, Answer::Refused(JoinRefused::NewerIncarnation(Incarnation(2))));
}

#[test]
fn a_second_node_with_the_id_of_a_living_one_is_refused_until_it_may_take_over() {
    let (old, new) = (key("a", 1), key("a", 2));
    let mut state = after([genesis(), join(&old, 7)]);
    let answer = state.apply(3, join(&new, 8), &mut Vec::new());
    assert!(matches!(answer, Answer::Refused(JoinRefused::IdInUse { incarnation: Incarnation(1), .. })));
    let Command::Join { node, raft_id, address, protocol, lease, .. } = join(&new, 8) else { unreachable!() };
    let taking = Command::Join { node, raft_id, address, protocol, takes_over: true, lease, returns: false };
    assert!(matches!(state.apply(4, taking, &mut Vec::new()), Answer::Joined { .. }));
}

#[test]
fn a_node_that_was_down_comes_back_by_a_join() {
    let node = key("a", 1);
    let mut state =
        after([genesis(), join(&node, 7), register(&node, [("name", 1)]), Command::Down { node: node.clone(), since: None }]);
    let refused = state.apply(5, register(&node, [("name", 1)]), &mut Vec::new());
    assert_eq!(refused, Answer::Registered(vec![NameResult::NotMember]));
    state.apply(6, join(&node, 7), &mut Vec::new());
    let answer = state.apply(7, register(&node, [("name", 1)]), &mut Vec::new());
    assert_eq!(answer, Answer::Registered(vec![NameResult::Held]));
}

#[test]
fn who_has_come_back_since_is_not_meant_any_more() {
    let node = key("a", 1);
    let mut state = after([genesis(), join(&node, 7)]);
    let since = state.current(&node).unwrap().since;
    let (down, leave) =
        (Command::Down { node: node.clone(), since: Some(since) }, Command::Leave { node: node.clone(), since: Some(since) });
    state.apply(3, down.clone(), &mut Vec::new());
    assert_eq!(state.current(&node).unwrap().status, MemberStatus::Down);
    state.apply(4, join(&node, 7), &mut Vec::new());
    state.apply(5, down, &mut Vec::new());
    state.apply(6, leave, &mut Vec::new());
    assert_eq!(state.current(&node).map(|member| member.status), Some(MemberStatus::Up));
}

#[test]
fn a_name_has_one_owner() {
    let (a, b) = (key("a", 1), key("b", 1));
    let mut state = after([genesis(), join(&a, 1), join(&b, 2), register(&a, [("x", 1)])]);
    let answer = state.apply(5, register(&b, [("y", 9), ("x", 9)]), &mut Vec::new());
    let taken = NameResult::Taken { by: a.clone(), kind: "kind".into(), actor: 1 };
    assert_eq!(answer, Answer::Registered(vec![NameResult::Held, taken]));
    let wrong_actor = Command::Unregister { owner: a.clone(), names: vec![("x".into(), 2)] };
    state.apply(6, wrong_actor, &mut Vec::new());
    assert!(state.names.find("x").is_some(), "only its own actor gives a name up");
    state.apply(7, Command::Unregister { owner: a, names: vec![("x".into(), 1)] }, &mut Vec::new());
    assert_eq!(state.names.find("x"), None);
}

#[test]
fn the_names_of_a_node_that_is_away_are_free() {
    let (a, b) = (key("a", 1), key("b", 1));
    let mut state = after([genesis(), join(&a, 1), join(&b, 2)]);
    let claim = |owner: &NodeKey| Command::Register {
        owner: owner.clone(),
        names: vec![NameClaim { name: "x".into(), kind: "kind".into(), actor: 1 }],
    };
    state.apply(4, claim(&a), &mut Vec::new());
    state.apply(5, Command::Away { node: a }, &mut Vec::new());
    assert_eq!(state.names.find("x"), None);
    assert_eq!(state.apply(6, claim(&b), &mut Vec::new()), Answer::Registered(vec![NameResult::Held]));
}

#[test]
fn a_node_that_has_left_does_not_come_back_as_the_same_start() {
    let node = key("a", 3);
    let mut state = after([genesis(), join(&node, 7), Command::Leave { node: node.clone(), since: None }]);
    let late = state.apply(4, join(&node, 7), &mut Vec::new());
    assert_eq!(late, Answer::Refused(JoinRefused::NewerIncarnation(Incarnation(3))));
    assert!(matches!(state.apply(5, join(&key("a", 4), 7), &mut Vec::new()), Answer::Joined { .. }));
}

#[test]
fn a_node_that_was_let_go_after_it_had_given_that_up_comes_back() {
    let node = key("a", 3);
    let mut state = after([genesis(), join(&node, 7), Command::Leave { node: node.clone(), since: None }]);
    let Command::Join { node, raft_id, address, protocol, takes_over, lease, .. } = join(&node, 7) else { unreachable!() };
    let back = Command::Join { node, raft_id, address, protocol, takes_over, lease, returns: true };
    assert!(matches!(state.apply(4, back, &mut Vec::new()), Answer::Joined { .. }));
}

#[test]
fn who_was_given_up_is_over_and_never_comes_back_as_the_same_start() {
    let back = |node: &NodeKey| match join(node, 7) {
        Command::Join { node, raft_id, address, protocol, takes_over, lease, .. } => {
            Command::Join { node, raft_id, address, protocol, takes_over, lease, returns: true }
        }
        other => other,
    };
    let (node, give_up) = (key("a", 3), Command::GiveUp { node: key("a", 3) });
    let ends = |state: &State| state.past.get(&node.id).is_some_and(|past| past.ends(node.incarnation));
    let mut state = after([genesis(), join(&node, 7)]);
    assert_eq!(state.apply(3, give_up.clone(), &mut Vec::new()), Answer::Over(false), "it is up");
    for how in [Command::Down { node: node.clone(), since: None }, Command::Away { node: node.clone() }] {
        let mut state = state.clone();
        state.apply(4, how, &mut Vec::new());
        assert!(!ends(&state));
        let mut changes = Vec::new();
        assert_eq!(state.apply(5, give_up.clone(), &mut changes), Answer::Over(true));
        assert_eq!(changes.last(), Some(&Change::GivenUp { node: node.clone() }));
        assert!(ends(&state) && state.current(&node).is_none());
        assert_eq!(state.apply(6, back(&node), &mut Vec::new()), Answer::Refused(JoinRefused::GivenUp));
        let read = decode(&bytes(&state)).unwrap();
        assert!(ends(&read));
        assert!(matches!(state.apply(7, join(&key("a", 4), 8), &mut Vec::new()), Answer::Joined { .. }));
        assert_eq!(state.apply(8, give_up.clone(), &mut Vec::new()), Answer::Over(true), "a later one is up");
    }
}

#[test]
fn who_was_forgotten_is_not_over_before_it_is_given_up() {
    let node = key("a", 3);
    let down = Command::Down { node: node.clone(), since: None };
    let mut state = after([genesis(), join(&node, 7), down, Command::Forget { id: node.id.clone() }]);
    assert!(!state.past[&node.id].ends(node.incarnation));
    let mut changes = Vec::new();
    assert_eq!(state.apply(5, Command::GiveUp { node: node.clone() }, &mut changes), Answer::Over(true));
    assert_eq!(changes, [Change::GivenUp { node: node.clone() }]);
    assert!(state.past[&node.id].ends(node.incarnation));
}

#[test]
fn nodes_that_are_up_agree_on_how_long_leases_are() {
    let with = |node: &NodeKey, raft_id, length| match join(node, raft_id) {
        Command::Join { node, raft_id, address, protocol, takes_over, returns, .. } => {
            Command::Join { node, raft_id, address, protocol, takes_over, lease: length, returns }
        }
        other => other,
    };
    let (a, b) = (key("a", 1), key("b", 1));
    let mut state = after([genesis()]);
    let refused = Answer::Refused(JoinRefused::OtherLease(500));
    assert_eq!(state.apply(2, with(&b, 2, 200), &mut Vec::new()), refused);
    state.apply(3, join(&a, 1), &mut Vec::new());
    assert_eq!(state.apply(4, with(&b, 2, 200), &mut Vec::new()), refused);
    // Once nobody else is up, the next one says it anew.
    state.apply(5, Command::Away { node: a.clone() }, &mut Vec::new());
    let mut changes = Vec::new();
    assert!(matches!(state.apply(6, with(&b, 2, 200), &mut changes), Answer::Joined { .. }));
    assert!(changes.iter().any(|change| matches!(change, Change::Cluster(cluster) if cluster.lease == 200)));
    assert_eq!(state.apply(7, join(&a, 1), &mut Vec::new()), Answer::Refused(JoinRefused::OtherLease(200)));
}
