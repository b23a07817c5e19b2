//! A majority is gone for good, and one survivor goes on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use casty::{
    ClusterEvent, MemberStatus, RaftConfig, RecoverError,
    testkit::{self, Cluster},
};

use crate::{
    actors::{Clerk, Question},
    book::Book,
};

/// An operator does that.
fn recover(cluster: &mut Cluster, node: usize) -> Result<(), RecoverError> {
    cluster.on(node, |system| async move { system.cluster().unwrap().recover_alone().await })
}

fn spawn(cluster: &mut Cluster, node: usize, name: &'static str) {
    let book = Book::default();
    cluster.on(node, move |system| async move { system.spawn(Clerk::new(&book)).name(name).await.unwrap() });
}

fn answers(cluster: &mut Cluster, node: usize, name: &'static str) -> bool {
    cluster.on(node, move |system| async move {
        let found = system.lookup::<Clerk>(name).await.unwrap();
        let Some(found) = found else { return false };
        found.ask(Question { sender: 1, number: 1 }).await.is_ok()
    })
}

/// In which cluster, of which generation, a node is.
fn generation(cluster: &Cluster, node: usize) -> (u128, u64) {
    let seen = cluster.inspect(node).unwrap();
    (seen.cluster.unwrap(), seen.generation)
}

#[test]
fn one_of_three_goes_on_and_new_starts_of_the_others_join_it() {
    for seed in 0..6 {
        let mut cluster = Cluster::of(3).seed(seed).start();
        cluster.settle();
        let before = generation(&cluster, 0);
        spawn(&mut cluster, 0, "ada");
        cluster.crash(1);
        cluster.crash(2);
        cluster.settle();
        recover(&mut cluster, 0).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{cluster:?}"));
        let after = generation(&cluster, 0);
        assert!(after.0 == before.0 && after.1 > before.1, "{before:?} {after:?}");
        assert!(cluster.inspect(0).unwrap().leads);
        assert_eq!(cluster.holder(0, "ada").unwrap().0, "node-0");
        spawn(&mut cluster, 0, "bea");
        assert!(answers(&mut cluster, 0, "ada"), "its actors stay");
        cluster.restart(1);
        cluster.restart(2);
        cluster.recover(Duration::from_secs(20)).unwrap_or_else(|missing| panic!("seed {seed}: {missing}\n{cluster:?}"));
        assert!(answers(&mut cluster, 2, "ada") && answers(&mut cluster, 1, "bea"));
        cluster.settle();
        assert_eq!(cluster.inspect(0).unwrap().voters[0].len(), 3, "seed {seed}");
    }
}

#[test]
fn of_five_one_goes_on_and_the_other_survivor_comes_over_with_its_actors() {
    for (seed, disks) in (0..4).flat_map(|seed| [(seed, false), (seed, true)]) {
        let builder = Cluster::of(5).seed(seed);
        let mut cluster = if disks { builder.with_disks() } else { builder }.start();
        cluster.settle();
        spawn(&mut cluster, 3, "ada");
        spawn(&mut cluster, 4, "bea");
        for dead in 0..3 {
            cluster.crash(dead);
        }
        cluster.settle();
        recover(&mut cluster, 4).unwrap();
        cluster.recover(Duration::from_secs(20)).unwrap_or_else(|missing| panic!("seed {seed}: {missing}\n{cluster:?}"));
        assert_eq!(generation(&cluster, 3), generation(&cluster, 4));
        assert!(cluster.run_until(Duration::from_secs(10), |cluster| cluster.holder(4, "ada").is_some()), "{cluster:?}");
        assert!(answers(&mut cluster, 4, "ada") && answers(&mut cluster, 3, "bea"));
        // Those that come back are of the past: they agree on nothing among themselves, join, and disturb nobody.
        let (term, now) = (cluster.inspect(4).unwrap().term, generation(&cluster, 4));
        for dead in 0..3 {
            cluster.restart(dead);
        }
        let past = |cluster: &Cluster, node| {
            let seen = cluster.inspect(node)?;
            (seen.cluster, seen.generation).ne(&(Some(now.0), now.1)).then_some(seen)
        };
        let disturbed = cluster.run_until(Duration::from_secs(3), |cluster| {
            (0..3).any(|node| past(cluster, node).is_some_and(|seen| seen.lease || seen.leads))
        });
        assert!(!disturbed, "seed {seed}: {cluster:?}");
        cluster.recover(Duration::from_secs(30)).unwrap_or_else(|missing| panic!("seed {seed}: {missing}\n{cluster:?}"));
        assert_eq!(cluster.inspect(4).unwrap().term, term, "seed {seed}: nobody was elected meanwhile");
        cluster.settle();
        assert_eq!(cluster.inspect(4).unwrap().voters[0].len(), 5, "seed {seed}");
        assert!((0..5).all(|node| generation(&cluster, node) == generation(&cluster, 4)));
    }
}

/// The second was at it when it heard of the first, forgot the generation before, and made a cluster of nothing.
#[test]
fn of_two_survivors_that_go_on_one_soon_after_the_other_one_does() {
    for (seed, apart) in (0..12).map(|seed| (seed, seed * 60)) {
        let mut cluster = Cluster::of(5).seed(seed).start();
        cluster.settle();
        for dead in 0..3 {
            cluster.crash(dead);
        }
        cluster.settle();
        let alone = |system: casty::ActorSystem| async move { system.cluster().unwrap().recover_alone().await };
        let mut first = cluster.begin(3, alone);
        cluster.run_for(Duration::from_millis(apart));
        let mut second = cluster.begin(4, alone);
        cluster.run_for(Duration::from_secs(10));
        let (first, second) = (first.take().unwrap(), second.take().unwrap());
        let made = [&first, &second].iter().filter(|it| it.is_ok()).count();
        let (one, other) = (generation(&cluster, 3), generation(&cluster, 4));
        assert_eq!(one.0, other.0, "seed {seed}: {first:?} {second:?}\n{cluster:?}");
        match made {
            1 => {
                cluster.recover(Duration::from_secs(10)).unwrap_or_else(|missing| panic!("seed {seed}: {missing}\n{cluster:?}"));
                assert_eq!(generation(&cluster, 3), generation(&cluster, 4));
            }
            // At once: two generations, of which both sides are told.
            2 => assert_ne!(one.1, other.1, "seed {seed}"),
            _ => panic!("seed {seed}: {first:?} {second:?}"),
        }
    }
}

/// It had forgotten whom it was about to join, and made a cluster of its own.
#[test]
fn a_survivor_that_crashes_as_it_comes_over_joins_the_later_generation() {
    let alone = |number, builder: casty::DistributedBuilder| {
        let seeds: &[&str] = if number == 0 { &[] } else { &["node-0:4000"] };
        builder.seeds(seeds.iter().copied())
    };
    for wait in 0..20 {
        let mut cluster = Cluster::of(3).seed(wait).with_disks().settings(alone).start();
        cluster.settle();
        cluster.partition(&[0]);
        cluster.crash(1);
        cluster.settle();
        recover(&mut cluster, 2).unwrap();
        let old = cluster.inspect(0).unwrap().raft_id;
        cluster.heal();
        assert!(cluster.run_until(Duration::from_secs(20), |cluster| cluster.inspect(0).unwrap().raft_id != old), "{cluster:?}");
        cluster.run_for(Duration::from_millis(wait));
        cluster.crash(0);
        cluster.run_for(Duration::from_secs(1));
        cluster.restart(0);
        cluster.recover(Duration::from_secs(20)).unwrap_or_else(|missing| panic!("wait {wait}: {missing}\n{cluster:?}"));
        assert_eq!(generation(&cluster, 0), generation(&cluster, 2), "wait {wait}");
    }
}

/// It was away, kept being so for ever, and was taken for part of Raft under an id that is nobody's.
#[test]
fn who_was_away_is_down_once_somebody_goes_on_alone() {
    let mut cluster = Cluster::of(4).seed(7).with_disks().start();
    cluster.settle();
    cluster.on(0, |system| async move { system.shutdown().await });
    cluster.run_for(Duration::from_secs(2));
    cluster.crash(0);
    let others: Vec<usize> = (1..4).collect();
    assert_eq!(cluster.seen_members(others[0])[0].status, MemberStatus::Away);
    cluster.crash(1);
    cluster.crash(2);
    cluster.settle();
    recover(&mut cluster, 3).unwrap();
    let applied = cluster.inspect(3).unwrap().applied;
    assert!(cluster.seen_members(3)[..3].iter().all(|member| member.status == MemberStatus::Down), "{:?}", cluster.members(3));
    cluster.run_for(Duration::from_secs(5));
    assert!(cluster.inspect(3).unwrap().applied <= applied + 2, "nothing goes on: {cluster:?}");
    for dead in 0..3 {
        cluster.restart(dead);
    }
    cluster.recover(Duration::from_secs(20)).unwrap();
}

#[test]
fn there_is_nothing_to_recover_while_a_majority_is_there() {
    let mut cluster = Cluster::of(3).seed(7).start();
    cluster.settle();
    let leader = cluster.inspect(0).unwrap().leader.unwrap();
    let refused = recover(&mut cluster, 0).unwrap_err();
    assert!(matches!(&refused, RecoverError::Led { leader: it } if it.as_str() == leader), "{refused}");
    // Another one may be about to be elected.
    let dead = (0..3).find(|node| cluster.inspect(*node).unwrap().leads).unwrap();
    let survivor = (dead + 1) % 3;
    cluster.crash(dead);
    cluster.run_until(Duration::from_secs(2), |cluster| !cluster.inspect(survivor).unwrap().lease);
    let refused = recover(&mut cluster, survivor).unwrap_err();
    assert!(matches!(refused, RecoverError::Led { .. } | RecoverError::MajorityAnswers { .. }), "{refused}");
    cluster.recover(Duration::from_secs(6)).unwrap();
}
/// It was its own majority, and no other node had said so.
#[test]
fn the_only_node_of_a_cluster_keeps_its_lease() {
    let mut cluster = Cluster::of(1).seed(7).start();
    cluster.run_for(Duration::from_secs(3));
    assert!(!cluster.run_until(Duration::from_secs(3), |cluster| !cluster.inspect(0).unwrap().lease));
}

/// What a node tells of nodes of other clusters, once it does.
fn stranger(cluster: &mut Cluster, node: usize) -> testkit::Running<String> {
    cluster.begin(node, |system| async move {
        let mut events = system.cluster().unwrap().events();
        loop {
            if let ClusterEvent::OtherCluster { reason } = events.next().await.expect("it does not end") {
                return reason.to_string();
            }
        }
    })
}

#[test]
fn two_survivors_that_go_on_at_once_refuse_each_other_and_say_so() {
    let mut cluster = Cluster::of(5).seed(7).start();
    cluster.settle();
    for dead in 0..3 {
        cluster.crash(dead);
    }
    cluster.partition(&[3]);
    cluster.settle();
    for survivor in [3, 4] {
        recover(&mut cluster, survivor).unwrap();
    }
    let mut told = [3, 4].map(|node| stranger(&mut cluster, node));
    cluster.heal();
    let mut said = [None, None];
    for _ in 0..20 {
        cluster.run_for(Duration::from_millis(500));
        said = [0, 1].map(|it| said[it].take().or_else(|| told[it].take()));
    }
    let said = said.map(|said: Option<String>| said.expect("both are told"));
    assert!(said.iter().all(|said| said.contains("different generations")), "{said:?}");
    // A new node finds one of them, and the other once that has gone.
    let mut told = [3, 4].map(|node| stranger(&mut cluster, node));
    cluster.restart(2);
    assert!(cluster.run_until(Duration::from_secs(10), |cluster| cluster.started(2).is_some()), "{cluster:?}");
    let (found, other) = if generation(&cluster, 2) == generation(&cluster, 3) { (3, 4) } else { (4, 3) };
    let mut on_the_new = stranger(&mut cluster, 2);
    cluster.settle();
    cluster.crash(found);
    let (mut here, mut there) = (None, None);
    for _ in 0..20 {
        cluster.run_for(Duration::from_millis(500));
        here = here.or_else(|| on_the_new.take());
        there = there.or_else(|| told[other - 3].take());
    }
    println!("{here:?}\n{there:?}");
    assert!(here.unwrap().contains("different generations") && there.unwrap().contains("node-2"));
    assert!(cluster.inspect(other).unwrap().leads && cluster.inspect(other).unwrap().lease);
    assert_ne!(generation(&cluster, 2), generation(&cluster, other));
}

#[test]
fn nodes_of_two_clusters_refuse_each_other_and_both_say_so() {
    // The first two make a cluster each; the third is told of both.
    let alone =
        |number, builder: casty::DistributedBuilder| if number < 2 { builder.seeds(Vec::<String>::new()) } else { builder };
    let mut cluster = Cluster::of(3).seed(7).settings(alone).begin();
    cluster.crash(2);
    cluster.run_for(Duration::from_secs(2));
    cluster.restart(2);
    assert!(cluster.run_until(Duration::from_secs(10), |cluster| cluster.started(2).is_some()), "{cluster:?}");
    cluster.settle();
    // Who leads looks for nobody.
    assert!(!cluster.inspect(2).unwrap().leads);
    let (found, other) = if generation(&cluster, 2) == generation(&cluster, 0) { (0, 1) } else { (1, 0) };
    let (mut here, mut there) = (stranger(&mut cluster, 2), stranger(&mut cluster, other));
    cluster.crash(found);
    cluster.run_for(Duration::from_secs(10));
    let (here, there) = (here.take().unwrap(), there.take().unwrap());
    println!("{here}\n{there}");
    assert!(here.contains("clusters never merge") && there.contains("node-2"));
}

/// It met nobody who has one, and went on before that one's lease had ended.
#[test]
fn a_start_that_goes_on_alone_serves_nothing_while_others_have_leases() {
    let alone = Arc::new(AtomicBool::new(false));
    let is_alone = alone.clone();
    let builder = Cluster::of(5).seed(1).with_disks().settings(move |_, node| {
        let node = node.raft(RaftConfig::relaxed());
        if is_alone.load(Relaxed) { node.recover_alone() } else { node }
    });
    let mut cluster = builder.start();
    cluster.settle();
    let leader = (0..5).find(|node| cluster.inspect(*node).unwrap().leads).unwrap();
    let (stays, goes_on) = ((leader + 1) % 5, (leader + 2) % 5);
    (0..5).filter(|node| *node != stays).for_each(|node| cluster.crash(node));
    cluster.partition(&[stays]);
    alone.store(true, Relaxed);
    cluster.restart(goes_on);
    let goes_on_alone = cluster.run_until(Duration::from_secs(20), |cluster| {
        assert!(!cluster.may_serve(goes_on) || !cluster.may_serve(stays), "{cluster:?}");
        cluster.may_serve(goes_on)
    });
    assert!(goes_on_alone, "{cluster:?}");
}
