//! One test for each bug that was met, named for what holds now.

use std::{collections::BTreeSet, time::Duration};

use casty::{prelude::*, testkit::Cluster};

use crate::{
    actors::{Clerk, Question},
    book::Book,
};

#[test]
fn three_nodes_form_and_greet_and_lose_one() {
    let book = Book::default();
    let mut cluster = Cluster::of(3).seed(7).start();
    assert!(cluster.elapsed() < Duration::from_secs(1), "{:?}", cluster.elapsed());
    cluster.on(0, |system| async move { system.spawn(Clerk::new(&book)).name("ada").await.unwrap() });
    let ask = |system: ActorSystem| async move {
        let ada = system.lookup::<Clerk>("ada").await.unwrap()?;
        ada.ask(Question { sender: 1, number: 1 }).await.ok()
    };
    assert_eq!(cluster.on(2, ask), Some(1));
    cluster.crash(0);
    cluster.settle();
    assert_eq!(cluster.on(2, ask), None);
}

/// Its silence counted from the leader's election, so that it was taken for dead as soon as it had joined, heard nothing
/// of that, and waited for ever.
#[test]
fn a_node_restarted_without_a_disk_comes_back() {
    let mut cluster = Cluster::of(3).seed(7).start();
    cluster.settle();
    cluster.crash(0);
    cluster.settle();
    cluster.restart(0);
    cluster.recover(Duration::from_secs(6)).unwrap();
}

/// Its incarnation, which is the time of day, was lower than that of the start before, and nobody let it in.
#[test]
fn a_node_whose_day_was_set_back_comes_back() {
    let mut cluster = Cluster::of(3).seed(9).start();
    // All vote by then: of two voters, one that forgot would be too many.
    cluster.settle();
    cluster.crash(1);
    cluster.day_offset(1, -10_000);
    cluster.settle();
    cluster.restart(1);
    cluster.recover(Duration::from_secs(5)).unwrap();
}

/// Its proposals to take the others for dead, of before it was paused, went on to the leader that had followed it.
#[test]
fn a_leader_that_was_paused_takes_nobody_along() {
    let mut cluster = Cluster::of(3).seed(5).start();
    cluster.settle();
    let leader = (0..3).find(|node| cluster.inspect(*node).is_some_and(|seen| seen.leads)).unwrap();
    let others: Vec<_> = (0..3).filter(|node| *node != leader).collect();
    cluster.pause(leader);
    cluster.run_for(Duration::from_secs(6));
    cluster.resume(leader);
    assert!(
        !cluster.run_until(Duration::from_secs(5), |cluster| others.iter().any(|node| !cluster.inspect(*node).unwrap().lease))
    );
    cluster.recover(Duration::from_secs(1)).unwrap();
}

/// It had said that it goes, could not, and took no part in anything any more once it had been taken for dead.
#[test]
fn a_node_whose_leave_came_to_nothing_comes_back() {
    let mut cluster = Cluster::of(3).seed(3).start();
    cluster.settle();
    cluster.partition(&[2]);
    assert!(cluster.on(2, |system| async move { system.cluster().unwrap().leave().await.is_err() }));
    cluster.heal();
    cluster.recover(Duration::from_secs(6)).unwrap();
}

/// With half of the votes gone there is nobody to agree that it goes: it waited for the whole `shutdown_timeout`.
#[test]
fn of_two_nodes_one_shuts_down_soon_after_the_other_has_died() {
    let mut cluster = Cluster::of(2).seed(7).start();
    cluster.settle();
    cluster.crash(1);
    let begun = cluster.elapsed();
    cluster.on(0, |system| async move { system.shutdown().await });
    let taken = cluster.elapsed() - begun;
    assert!(taken < Duration::from_secs(6), "{taken:?}");
}

/// One that had no lease for a moment went with its vote and without a word.
#[test]
fn of_two_nodes_one_that_was_paused_goes_in_good_order() {
    for paused in [0, 1] {
        let mut cluster = Cluster::of(2).seed(7).start();
        cluster.settle();
        cluster.pause(paused);
        cluster.run_for(Duration::from_millis(600));
        cluster.resume(paused);
        let begun = cluster.elapsed();
        cluster.on(paused, |system| async move { system.shutdown().await });
        cluster.on(1 - paused, |system| async move { system.shutdown().await });
        let taken = cluster.elapsed() - begun;
        assert!(taken < Duration::from_millis(3000), "node {paused} was paused: {taken:?}");
    }
}

/// The only voter was let go while the other node was about to become one.
#[test]
fn nodes_that_go_as_soon_as_they_have_met_go_in_good_order() {
    for seed in 0..20 {
        let alone = |number, builder: casty::DistributedBuilder| match number {
            0 => builder.seeds(Vec::<String>::new()),
            _ => builder,
        };
        let mut cluster = Cluster::of(2).seed(seed).settings(alone).start();
        let begun = cluster.elapsed();
        cluster.on(0, |system| async move { system.shutdown().await });
        cluster.on(1, |system| async move { system.shutdown().await });
        let taken = cluster.elapsed() - begun;
        assert!(taken < Duration::from_secs(4), "seed {seed}: {taken:?}");
    }
}

/// Two majorities of five have one node in common, and each could elect a leader without it.
#[test]
fn seeds_that_are_cut_apart_at_the_first_start_make_one_cluster() {
    for seed in 0..12 {
        let mut cluster = Cluster::of(5).seed(seed).begin();
        for (one, other) in [(0, 2), (0, 3), (1, 2), (1, 3)] {
            cluster.cut(one, other);
            cluster.cut(other, one);
        }
        cluster.run_for(Duration::from_secs(5));
        let made: BTreeSet<_> = (0..5).filter_map(|node| cluster.inspect(node)?.cluster).collect();
        assert!(made.len() <= 1, "seed {seed}: {made:?}");
        cluster.heal();
        cluster.recover(Duration::from_secs(30)).unwrap_or_else(|missing| panic!("seed {seed}: {missing}\n{cluster:?}"));
        cluster.settle();
        assert_eq!(cluster.inspect(0).unwrap().voters[0].len(), 5, "seed {seed}");
    }
}

/// Each of two seeds began one. The first entry of the log was another on one of them, who so had other voters in mind, and
/// knew no leader.
#[test]
fn seeds_that_begin_one_each_have_the_same_voters_in_mind() {
    for seed in 16..24 {
        let mut cluster = Cluster::of(3).seed(seed).begin();
        let apart = |cluster: &mut Cluster| [(0, 2), (2, 0)].into_iter().for_each(|(from, to)| cluster.cut(from, to));
        // The first hears the third, and begins with it; but its request for a vote does not come there.
        cluster.partition(&[1]);
        cluster.run_for(Duration::from_millis(4 + 5 * seed));
        apart(&mut cluster);
        cluster.run_for(Duration::from_millis(250));
        // The second hears both of them.
        cluster.heal();
        apart(&mut cluster);
        cluster.run_for(Duration::from_secs(6));
        cluster.heal();
        cluster.recover(Duration::from_secs(30)).unwrap_or_else(|missing| panic!("seed {seed}: {missing}\n{cluster:?}"));
        cluster.settle();
        let voters: BTreeSet<_> = (0..3).map(|node| cluster.inspect(node).unwrap().voters).collect();
        assert!(voters.len() == 1 && voters.iter().all(|voters| voters[0].len() == 3), "seed {seed}: {voters:?}");
    }
}

/// The seeds that were silent have votes, which nobody casts, until there is a cluster.
#[test]
fn three_of_five_seeds_make_a_cluster_and_are_all_that_vote() {
    let mut cluster = Cluster::of(5).seed(7).begin();
    cluster.crash(3);
    cluster.crash(4);
    cluster.recover(Duration::from_secs(20)).unwrap();
    cluster.settle();
    assert_eq!(cluster.inspect(0).unwrap().voters.iter().map(Vec::len).collect::<Vec<_>>(), [3]);
}
