//! What users do that they need not: with a system that is over, with a clock that was changed.

use std::time::Duration;

use crate::common::*;

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
