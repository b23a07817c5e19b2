//! A majority is gone for good, and a survivor goes on.
#![cfg(unix)]

use std::time::Duration;

use casty::{ClusterEvent, MemberStatus, RecoverError};

use crate::common::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_survivor_goes_on_and_the_other_comes_over() {
    let systems = cluster(2).await;
    let [alone, other] = &systems[..] else { panic!("there are two") };
    let seeds = systems.iter().map(|system| of(system).address().to_owned()).collect::<Vec<_>>().join(",");
    let victims = ["v1", "v2", "v3"].map(|name| start_process(name, &seeds));
    all_see(&systems, 5).await;
    alone.spawn(Puppet::on(alone)).name("mine").await.unwrap();
    other.spawn(Puppet::on(other)).name("theirs").await.unwrap();
    let refused = of(alone).recover_alone().await.unwrap_err();
    assert!(matches!(refused, RecoverError::Led { .. }), "{refused}");
    // Until all of them vote.
    tokio::time::sleep(Duration::from_secs(2)).await;

    for mut victim in victims {
        victim.kill();
    }
    until("nobody has a majority", async || systems.iter().all(|system| !of(system).has_lease())).await;
    let mut events = of(other).events();
    of(alone).recover_alone().await.unwrap();
    assert!(of(alone).is_leader() && of(alone).has_lease());
    assert_eq!(status(alone, "v1"), Some(MemberStatus::Down));
    loop {
        match events.next().await.expect("the system goes on") {
            ClusterEvent::Fenced { reason } if reason.contains("new generation") => break,
            _ => {}
        }
    }
    until("both are up in it", async || {
        systems.iter().all(|system| ["n1", "n2"].iter().all(|id| status(system, id) == Some(MemberStatus::Up)))
    })
    .await;
    until("both have leases", async || systems.iter().all(|system| of(system).has_lease())).await;
    let mine = other.lookup::<Puppet>("mine").await.unwrap().expect("its name stays");
    assert_eq!(mine.ask(Home).await.unwrap(), "n1");
    until("the other's name is there again", async || matches!(alone.lookup::<Puppet>("theirs").await, Ok(Some(_)))).await;
    let theirs = alone.lookup::<Puppet>("theirs").await.unwrap().unwrap();
    assert_eq!(theirs.ask(Home).await.unwrap(), "n2");

    let again = start_process("v1", &seeds);
    until("a new start joins", async || systems.iter().all(|system| status(system, "v1") == Some(MemberStatus::Up))).await;
    drop(again);
    end(systems).await;
}
