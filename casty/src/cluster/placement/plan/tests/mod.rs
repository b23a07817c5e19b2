mod cluster;

use std::{collections::BTreeSet, time::Instant};

use proptest::prelude::*;

use self::cluster::{Cluster, key};
use super::*;
use crate::cluster::placement::{SLOTS, Stage};

#[test]
fn nothing_is_placed_without_types_or_nodes() {
    assert_eq!(Cluster::of(3, 0, 8).known().next(8), []);
    assert_eq!(Cluster::of(0, 2, 8).known().next(8), []);
}

#[test]
fn the_first_assignment_is_even_and_needs_no_more_steps() {
    for nodes in [1, 2, 3, 4, 5, 7, 10, 16, 30, 64, 100] {
        for copies in [1, 2, 3] {
            let mut cluster = Cluster::of(nodes, copies, 0);
            assert!(cluster.plan());
            assert_eq!(cluster.chains.iter().filter(|chain| chain.epoch() == 1).count(), SLOTS);
            cluster.moves = 8;
            cluster.check_settled();
        }
    }
}

#[test]
fn a_join_moves_its_share_and_all_of_it_to_the_newcomer() {
    for (nodes, copies) in [(1, 1), (1, 2), (2, 2), (2, 3), (3, 2), (3, 3), (5, 2), (10, 2), (29, 3), (60, 2), (99, 2)] {
        let mut cluster = Cluster::of(nodes, copies, 64);
        cluster.settle();
        let old: BTreeSet<_> = cluster.nodes.iter().map(|node| node.key.clone()).collect();
        cluster.moved.clear();
        cluster.copied = 0;
        cluster.join();
        cluster.settle();
        cluster.check_settled();
        let moved = cluster.moved.len();
        let held = cluster.counts().iter().map(|(_, held)| *held).sum::<usize>() / (nodes + 1);
        assert!(cluster.copied * 10 <= held * 11, "{} copied so that it holds {held}", cluster.copied);
        assert!(moved * 10 * (nodes + 1) <= 11 * SLOTS, "{moved} of {SLOTS} moved to the last of {}", nodes + 1);
        assert!(cluster.moved.iter().all(|(_, from, to)| old.contains(from) && !old.contains(to)));
    }
}

#[test]
fn a_leave_moves_what_the_leaver_had_and_nothing_else() {
    for (nodes, copies) in [(2, 1), (2, 2), (3, 2), (3, 3), (4, 3), (5, 1), (5, 2), (10, 2), (30, 3), (60, 2), (100, 2)] {
        let mut cluster = Cluster::of(nodes, copies, 32);
        cluster.settle();
        let (leaver, had) = (cluster.nodes[nodes / 2].key.clone(), cluster.counts()[nodes / 2].0);
        cluster.nodes[nodes / 2].leaving = true;
        cluster.moved.clear();
        cluster.settle();
        cluster.check_settled();
        assert!(!cluster.chains.iter().any(|chain| chain.0[0].has(&leaver)));
        assert_eq!(cluster.moved.len(), had);
        assert!(cluster.moved.iter().all(|(_, from, to)| *from == leaver && *to != leaver));
        cluster.remove(nodes / 2);
        cluster.check_settled();
    }
}

#[test]
fn whoever_takes_over_had_everything_and_no_configuration_is_larger_for_it() {
    for (nodes, copies) in [(3, 1), (4, 2), (3, 3), (4, 3), (8, 3), (30, 3)] {
        let mut cluster = Cluster::of(nodes, copies, 32);
        cluster.settle();
        let mut before = cluster.chains.clone();
        for change in 0..4 {
            match change {
                0 | 2 => cluster.join(),
                _ => cluster.nodes[change].leaving = true,
            }
            while cluster.plan() || cluster.in_motion() > 0 {
                for (old, new) in before.iter().zip(&cluster.chains) {
                    let (old, new) = (&old.0[0], &new.0[0]);
                    assert!(new.members.len() <= copies.max(2));
                    let copied = &old.members[..old.members.len().min(copies.max(2))];
                    let warm = old.stage == Stage::Full && copied.contains(&new.members[0]);
                    assert!(old.primary() == new.primary() || warm, "{old:?} {new:?}");
                }
                cluster.get_on();
                before.clone_from(&cluster.chains);
            }
            cluster.check_settled();
        }
    }
}

#[test]
fn while_a_leaver_has_slots_that_cannot_move_yet_nobody_who_stays_gives_any() {
    let mut cluster = Cluster::of(4, 2, 4096);
    cluster.settle();
    cluster.nodes[1].leaving = true;
    let leaver = cluster.nodes[1].key.clone();
    let had = |chain: &&mut Arc<Chain>| chain.primary() == Some(&leaver);
    for chain in cluster.chains.iter_mut().filter(had).skip(40) {
        let members = chain.0[0].members.clone();
        Arc::make_mut(chain).begin(members, 2);
    }
    for _ in 0..4 {
        cluster.plan();
        for chain in cluster.chains.iter_mut().filter(|chain| chain.0[0].types == 1) {
            let epoch = chain.epoch();
            Arc::make_mut(chain).reach(epoch, Stage::Full);
        }
    }
    assert!(cluster.moved.len() == 40 && cluster.moved.iter().all(|(_, from, _)| *from == leaver));
    cluster.settle();
    cluster.check_settled();
    assert!(cluster.moved.iter().all(|(_, from, _)| *from == leaver));
}

#[test]
fn what_changes_for_a_type_gets_to_every_slot_a_few_at_a_time_and_moves_no_primary() {
    for (nodes, copies) in [(1, 1), (3, 2), (5, 3)] {
        let mut cluster = Cluster::of(nodes, copies, 64);
        cluster.settle();
        let before = cluster.chains.clone();
        cluster.moved.clear();
        cluster.types = 2;
        assert!(cluster.plan() && cluster.in_motion() <= 64);
        cluster.settle();
        cluster.check_settled();
        assert!(cluster.moved.is_empty());
        for (old, new) in before.iter().zip(&cluster.chains) {
            let (old, new) = (&old.0[0], &new.0[0]);
            assert_eq!((old.epoch + 1, &old.members, 2), (new.epoch, &new.members, new.types));
        }
    }
}

#[test]
fn which_slots_move_does_not_depend_on_which_are_full_first() {
    let moved = |is_quick: fn(usize) -> bool| {
        let mut cluster = Cluster::of(2, 3, 512);
        cluster.settle();
        cluster.moved.clear();
        cluster.join();
        for quick in [true, false] {
            for _ in 0..8 {
                cluster.plan();
                for (_, chain) in cluster.chains.iter_mut().enumerate().filter(|(slot, _)| !quick || is_quick(*slot)) {
                    let epoch = chain.epoch();
                    Arc::make_mut(chain).reach(epoch, Stage::Full);
                }
            }
        }
        cluster.check_settled();
        cluster.moved.iter().map(|(slot, _, _)| *slot).collect::<BTreeSet<_>>()
    };
    assert_eq!(moved(|_| true), moved(|slot| slot % 3 == 0));
}

#[test]
fn slots_that_wait_for_a_loss_to_be_accepted_do_not_keep_the_others_waiting() {
    let mut cluster = Cluster::of(2, 2, 16);
    cluster.settle();
    for slot in 0..40 {
        let chain = Arc::make_mut(&mut cluster.chains[slot]);
        chain.begin(chain.0[0].members.clone(), 1);
        cluster.stuck.insert(slot as Slot);
    }
    cluster.join();
    cluster.moved.clear();
    for _ in 0..80 {
        cluster.plan();
        for chain in cluster.chains.iter_mut().skip(40) {
            let epoch = chain.epoch();
            Arc::make_mut(chain).reach(epoch, Stage::Full);
        }
    }
    assert_eq!(cluster.moved.len(), SLOTS / 3);
}

#[test]
fn who_has_everything_takes_over_in_one_step() {
    for (least, steps) in [(3, 2), (2, 3)] {
        let mut cluster = Cluster::of(2, 3, 1024);
        cluster.least = least;
        cluster.settle();
        cluster.join();
        let full = |chain: &mut Arc<Chain>| {
            let epoch = chain.epoch();
            Arc::make_mut(chain).reach(epoch, Stage::Full)
        };
        let rounds = (0..9).take_while(|_| {
            cluster.chains.iter_mut().map(full).for_each(drop);
            cluster.plan()
        });
        assert_eq!(rounds.count(), steps);
    }
}

#[test]
fn a_death_is_made_up_for_at_once_and_evened_out_later() {
    for (nodes, copies) in [(2, 2), (3, 2), (3, 3), (5, 2), (10, 3), (30, 2), (100, 3)] {
        let mut cluster = Cluster::of(nodes, copies, 0);
        cluster.settle();
        let dead = cluster.remove(0);
        assert!(cluster.plan());
        for chain in &cluster.chains {
            let current = &chain.0[0];
            assert!(!current.has(&dead) && current.members.len() == copies.min(nodes - 1));
            assert!(chain.0.last().is_some_and(|first| first.has(&current.members[0])), "a backup has taken over");
        }
        cluster.moves = 32;
        cluster.settle();
        cluster.check_settled();
    }
}

#[test]
fn a_slot_whose_members_are_all_gone_is_given_to_nobody() {
    let mut cluster = Cluster::of(4, 2, 32);
    cluster.settle();
    let (first, second) = (cluster.nodes.remove(0), cluster.nodes.remove(0));
    cluster.settle();
    let orphans = cluster.known().orphans();
    assert!(!orphans.is_empty());
    for slot in &orphans {
        let members = &cluster.chains[usize::from(*slot)].0[0].members;
        assert!(members.contains(&first.key) && members.contains(&second.key));
    }
    // One started again has nothing of it; the same one, back, has.
    let again = Node { key: key(second.key.id.as_str(), 2), leaving: false };
    cluster.nodes.insert(0, again);
    assert_eq!(cluster.known().orphans(), orphans);
    cluster.nodes[0] = second;
    assert_eq!(cluster.known().orphans(), []);
    cluster.settle();
    cluster.check_settled();
}

#[test]
fn where_no_newer_member_is_left_an_older_one_takes_over() {
    let mut cluster = Cluster::of(4, 2, 0);
    cluster.settle();
    let keys: Vec<_> = cluster.nodes.iter().map(|node| node.key.clone()).collect();
    let mut chain = Chain::default();
    chain.begin(vec![keys[0].clone(), keys[1].clone()], 1);
    chain.begin(vec![keys[2].clone(), keys[3].clone()], 1);
    cluster.chains[5] = Arc::new(chain);
    cluster.nodes.drain(2..);
    let proposals = cluster.known().next(0);
    let proposal = proposals.iter().find(|proposal| proposal.slot == 5).expect("a repair");
    assert_eq!(proposal.members.iter().collect::<BTreeSet<_>>(), keys[..2].iter().collect());
    assert_eq!(proposal.after, 2);
}

#[test]
fn before_a_configuration_is_full_its_first_living_backup_takes_over() {
    let mut cluster = Cluster::of(4, 3, 0);
    cluster.settle();
    let keys: Vec<_> = cluster.nodes.iter().map(|node| node.key.clone()).collect();
    for slot in 0..SLOTS {
        let mut chain = Chain::default();
        chain.begin(vec![keys[0].clone(), keys[3].clone()], 1);
        chain.begin(vec![keys[0].clone(), keys[3].clone(), keys[1].clone()], 1);
        cluster.chains[slot] = Arc::new(chain);
    }
    cluster.remove(0);
    assert!(cluster.known().next(0).iter().all(|proposal| proposal.members[0] == keys[3]));
}

#[test]
fn with_more_copies_wanted_there_are_more_and_with_fewer_the_rest_goes() {
    let mut cluster = Cluster::of(5, 1, 16);
    cluster.settle();
    for copies in [3, 2, 5, 9, 1] {
        cluster.copies = copies;
        cluster.settle();
        cluster.check_settled();
    }
}

#[test]
fn nobody_is_left_to_take_what_the_last_nodes_have() {
    let mut cluster = Cluster::of(3, 2, 16);
    cluster.settle();
    cluster.nodes.iter_mut().for_each(|node| node.leaving = true);
    assert_eq!(cluster.known().next(16), []);
    cluster.remove(0);
    cluster.settle();
    assert_eq!(cluster.known().orphans(), []);
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Joins,
    Leaves(usize),
    Dies(usize),
    StartsAgain(usize),
    Copies(usize),
}

fn event() -> impl Strategy<Value = (Event, usize)> {
    let event = prop_oneof![
        4 => Just(Event::Joins),
        2 => any::<usize>().prop_map(Event::Leaves),
        2 => any::<usize>().prop_map(Event::Dies),
        1 => any::<usize>().prop_map(Event::StartsAgain),
        1 => (1usize..4).prop_map(Event::Copies),
    ];
    // How many rounds later the next one is.
    (event, prop_oneof![Just(0usize), 0usize..4, Just(30)])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Whatever happens meanwhile, each step is one that may be taken, the steps end, and then all is as it should be.
    #[test]
    fn steps_end_with_an_even_table(
        nodes in 1usize..12,
        copies in 1usize..4,
        moves in prop_oneof![8usize..64, Just(512)],
        dice in any::<u64>(),
        least in 1usize..4,
        events in proptest::collection::vec(event(), 1..8),
    ) {
        let mut cluster = Cluster::of(nodes, copies, moves);
        cluster.least = least;
        cluster.dice = dice;
        cluster.plan();
        for (event, rounds) in events {
            match event {
                Event::Joins => cluster.join(),
                Event::Leaves(at) => {
                    let at = at % cluster.nodes.len();
                    cluster.nodes[at].leaving = true;
                }
                Event::Dies(at) if cluster.nodes.len() > 1 => drop(cluster.remove(at % cluster.nodes.len())),
                Event::Dies(_) => {}
                Event::StartsAgain(at) => {
                    let at = at % cluster.nodes.len();
                    cluster.nodes[at].key.incarnation.0 += 1;
                    cluster.nodes[at].leaving = false;
                }
                Event::Copies(copies) => {
                    cluster.copies = copies;
                    cluster.types += 1;
                }
            }
            for _ in 0..rounds {
                cluster.plan();
                cluster.get_on();
            }
        }
        cluster.settle();
        cluster.check_settled();
    }
}

#[test]
#[ignore = "a measurement: run it in a release build, with --nocapture"]
#[expect(clippy::disallowed_methods, reason = "it measures")]
fn how_long_a_plan_takes() {
    for (nodes, copies) in [(3, 2), (30, 3), (100, 3)] {
        let mut cluster = Cluster::of(nodes, copies, 64);
        let time = |what: &str, cluster: &Cluster, times: u32| {
            let began = Instant::now();
            (0..times).for_each(|_| drop(std::hint::black_box(cluster.known().next(64))));
            println!("{nodes} nodes, {copies} copies, {what}: {:?}", began.elapsed() / times);
        };
        time("the first assignment", &cluster, 20);
        cluster.settle();
        time("nothing to do", &cluster, 1000);
        cluster.join();
        time("a newcomer", &cluster, 20);
        cluster.nodes.remove(1);
        time("and a death", &cluster, 20);
    }
}
