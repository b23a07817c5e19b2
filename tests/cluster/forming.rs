//! How nodes come together.

use std::{collections::BTreeSet, time::Duration};

use casty::{MemberStatus, RaftConfig, StartError, prelude::*};
use futures_util::future::join_all;
use tokio::time::Instant;

use crate::common::*;

async fn three(raft: RaftConfig) -> Duration {
    let first = node("n1", &[]).raft(raft).start().await.unwrap();
    let seed = of(&first).address().to_owned();
    let begun = Instant::now();
    let (two, three) = tokio::join!(node("n2", &[&seed]).raft(raft).start(), node("n3", &[&seed]).raft(raft).start());
    let systems = vec![first, two.unwrap(), three.unwrap()];
    all_see(&systems, 3).await;
    let taken = begun.elapsed();
    end(systems).await;
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_are_a_cluster_within_a_second_when_fast() {
    let taken = three(RaftConfig::fast()).await;
    assert!(taken < Duration::from_secs(1), "{taken:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_are_a_cluster_within_five_seconds_by_default() {
    let taken = three(RaftConfig::default()).await;
    assert!(taken < Duration::from_secs(5), "{taken:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_with_one_list_of_seeds_that_start_at_once_make_one_cluster() {
    let addresses = free_addresses(3);
    let seeds: Vec<_> = addresses.iter().map(String::as_str).collect();
    let starts = addresses.iter().map(|address| ActorSystem::distributed(address).seeds(addresses.clone()).start());
    let systems: Vec<_> = join_all(starts).await.into_iter().map(Result::unwrap).collect();
    all_see(&systems, 3).await;
    for system in &systems {
        let members: BTreeSet<_> = of(system).members().iter().map(|member| member.address.to_string()).collect();
        assert_eq!(members, seeds.iter().map(|seed| (*seed).to_owned()).collect());
    }
    until("all follow one leader", async || {
        let leaders: BTreeSet<_> = systems.iter().map(|system| of(system).leader()).collect();
        leaders.len() == 1 && !leaders.contains(&None)
    })
    .await;
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_starts_again_under_its_name_is_the_same_member() {
    let mut systems = cluster(3).await;
    let seed = of(&systems[0]).address().to_owned();
    let before = of(&systems[2]).incarnation();
    let old = systems[2].spawn(Puppet::on(&systems[2])).name("puppet").await.unwrap();
    let far = systems[0].lookup::<Puppet>("puppet").await.unwrap().unwrap();
    assert_eq!(far.ask(Home).await.unwrap(), "n3");
    drop(old);

    systems.pop().unwrap().shutdown().await;
    systems.push(node("n3", &[&seed]).start().await.unwrap());
    all_see(&systems, 3).await;
    assert!(of(&systems[2]).incarnation() > before);
    assert_eq!(of(&systems[0]).members().len(), 3);

    // What the earlier start had is gone, and its references do not lead to the new one.
    assert!(far.ask(Home).await.is_err_and(|error| !error.may_have_been_handled()));
    until("the name is free", async || matches!(systems[0].lookup::<Puppet>("puppet").await, Ok(None))).await;
    systems[2].spawn(Puppet::on(&systems[2])).name("puppet").await.unwrap();
    let far = systems[0].lookup::<Puppet>("puppet").await.unwrap().unwrap();
    assert_eq!(far.ask(Home).await.unwrap(), "n3");
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_node_of_one_name_is_refused_while_the_first_is_alive() {
    let systems = cluster(2).await;
    let seed = of(&systems[0]).address().to_owned();
    let second = node("n2", &[&seed]).start().await;
    assert!(matches!(second, Err(StartError::NodeIdInUse { .. })), "{second:?}");
    assert_eq!(status(&systems[0], "n2"), Some(MemberStatus::Up));
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_strangers_could_reach_does_not_start_without_a_word_about_them() {
    let open = ActorSystem::distributed("0.0.0.0:0").start().await;
    assert!(matches!(open, Err(StartError::Insecure { .. })), "{open:?}");
    let system = ActorSystem::distributed("0.0.0.0:0").secret("hush").advertise("127.0.0.1:0").start().await.unwrap();
    system.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_other_leases_is_refused() {
    let systems = cluster(1).await;
    let seed = of(&systems[0]).address().to_owned();
    let other = node("n2", &[&seed]).raft(RaftConfig::fast()).start().await.unwrap_err().to_string();
    assert!(other.contains("RaftConfig::default()") && other.contains("RaftConfig::fast()"), "{other}");
    end(systems).await;
}
