//! What users do that they need not: with a system that is over, with a clock that was changed.

use std::time::Duration;

use casty::{ClusterEvent, prelude::*};

use crate::common::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_late_stays_up() {
    let a = soon(node("a").start()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let mut events = cluster(&a).events();
    let b = soon(node("b").seeds([cluster(&a).address()]).start()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut seen = Vec::new();
    while let Ok(event) = tokio::time::timeout(Duration::from_millis(1), events.next()).await {
        seen.push(event);
    }
    let down = |event: &Option<ClusterEvent>| matches!(event, Some(ClusterEvent::MemberDown { .. }));
    assert!(!seen.iter().any(down), "{seen:?}");
    soon(b.shutdown()).await;
    soon(a.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_is_over_answers_with_errors() {
    let pair = Pair::start(|node| node).await;
    let echo = pair.a.lookup::<Echo>("echo").await.unwrap().unwrap();
    assert_eq!(echo.ask(Say("x".into())).await.unwrap(), 1);
    let (a, cluster) = (pair.a.clone(), cluster(&pair.a));
    pair.shutdown().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    println!("ask: {:?}", soon(echo.ask(Say("x".into()))).await.unwrap_err().to_string());
    println!("send: {:?}", soon(echo.send(Say("x".into()))).await.map_err(|error| error.to_string()));
    println!("lookup: {:?}", soon(a.lookup::<Echo>("other")).await.unwrap_err().to_string());
    println!("leave: {:?}", soon(cluster.leave()).await.map_err(|error| error.to_string()));
    println!("wait: {:?}", soon(cluster.wait_for_members(9)).await.unwrap_err().to_string());
    println!("{:?} {:?} {}", cluster.members(), cluster.leader(), cluster.has_lease());
    assert!(soon(a.spawn(|| Echo).name("late")).await.is_err());
    tokio::time::sleep(Duration::from_secs(3)).await;
}
