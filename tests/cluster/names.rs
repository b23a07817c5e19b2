//! A name belongs to one actor of all nodes.

use casty::prelude::*;
use futures_util::future::join_all;

use crate::common::*;

#[tokio::test(flavor = "multi_thread")]
async fn one_of_all_nodes_gets_a_name() {
    let systems = cluster(3).await;
    for round in 0..20 {
        let name = format!("puppet-{round}");
        let spawned = join_all(systems.iter().map(|system| async { system.spawn(Puppet::on(system)).name(&*name).await })).await;
        let got: Vec<_> = spawned.iter().flatten().collect();
        assert_eq!(got.len(), 1, "{spawned:?}");
        for other in spawned.iter().filter(|spawned| spawned.is_err()) {
            assert!(matches!(other, Err(SpawnError::NameTaken { .. })), "{other:?}");
        }
        let home = got[0].ask(Home).await.unwrap();
        for system in &systems {
            let found = system.lookup::<Puppet>(&name).await.unwrap().expect("it has been spawned");
            assert_eq!(found.ask(Home).await.unwrap(), home);
        }
    }
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_free_once_its_actor_has_stopped() {
    let systems = cluster(2).await;
    let puppet = systems[0].spawn(Puppet::on(&systems[0])).name("puppet").await.unwrap();
    let taken = systems[1].spawn(Puppet::on(&systems[1])).name("puppet").await;
    let Err(SpawnError::NameTaken { by, .. }) = taken else { panic!("{taken:?}") };
    assert_eq!(by.node().map(|node| node.as_str()), Some("n1"));

    puppet.stop().await.unwrap();
    puppet.stopped().await;
    until("the other node can have it", async || systems[1].spawn(Puppet::on(&systems[1])).name("puppet").await.is_ok()).await;
    let found = systems[0].lookup::<Puppet>("puppet").await.unwrap().unwrap();
    assert_eq!(found.ask(Home).await.unwrap(), "n2");
    end(systems).await;
}

#[actor]
struct Other;

#[actor]
impl Other {}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_of_another_type_says_so_on_every_node() {
    let systems = cluster(2).await;
    systems[0].spawn(|| Other).name("thing").await.unwrap();
    for system in &systems {
        let found = system.lookup::<Puppet>("thing").await;
        assert!(matches!(found, Err(LookupError::WrongType { .. })), "{found:?}");
    }
    end(systems).await;
}
