//! A process that is killed without a word, or stands still for a while.
#![cfg(unix)]

use std::sync::Mutex;

use casty::{ClusterEvent, MemberStatus};

use crate::common::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_is_down_and_its_names_are_free() {
    let systems = cluster(2).await;
    let seed = of(&systems[0]).address().to_owned();
    let mut victim = start_process("victim", &seed);
    all_see(&systems, 3).await;
    let mut events = of(&systems[1]).events();
    assert_eq!(victim.ask("claim puppet", BOUND).as_deref(), Some("claimed"));

    victim.kill();
    until("it is down for the others", async || {
        systems.iter().all(|system| status(system, "victim") == Some(MemberStatus::Down))
    })
    .await;
    loop {
        if let ClusterEvent::MemberDown { id, .. } = events.next().await.expect("the system goes on") {
            break assert_eq!(id.as_str(), "victim");
        }
    }
    let heir = systems[1].spawn(Puppet::on(&systems[1])).name("puppet").await.unwrap();
    let found = systems[0].lookup::<Puppet>("puppet").await.unwrap().unwrap();
    assert_eq!(found.ask(Home).await.unwrap(), "n2");
    drop(heir);

    let mut again = start_process("victim", &seed);
    until("it is up again", async || systems.iter().all(|system| status(system, "victim") == Some(MemberStatus::Up))).await;
    assert_eq!(again.ask("who puppet", BOUND), Some("failed: \"puppet\" is a Puppet, not a Holder".into()));
    drop(again);
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stood_still_comes_back_by_itself_and_has_lost_what_others_took() {
    let systems = cluster(2).await;
    let seed = of(&systems[0]).address().to_owned();
    let mut sleeper = start_process("sleeper", &seed);
    all_see(&systems, 3).await;
    assert_eq!(sleeper.ask("claim kept", BOUND).as_deref(), Some("claimed"));
    assert_eq!(sleeper.ask("claim lost", BOUND).as_deref(), Some("claimed"));

    sleeper.pause();
    until("it is taken for dead", async || status(&systems[0], "sleeper") == Some(MemberStatus::Down)).await;
    systems[0].spawn(Puppet::on(&systems[0])).name("lost").await.unwrap();
    sleeper.resume();
    until("it is back", async || status(&systems[0], "sleeper") == Some(MemberStatus::Up)).await;
    let sleeper = Mutex::new(sleeper);
    until("it holds what nobody took, and nothing else", async || {
        let status = sleeper.lock().unwrap().ask("status", BOUND);
        status.is_some_and(|status| status.ends_with(" holds=kept"))
    })
    .await;
    drop(sleeper);
    end(systems).await;
}
