//! What users do that they need not.

use std::time::Duration;

use casty::{ClusterError, LookupError, SpawnError};

use crate::common::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_is_over_answers_with_errors() {
    let pair = Pair::start(|node| node).await;
    let echo = pair.a.lookup::<Echo>("echo").await.unwrap().unwrap();
    assert_eq!(echo.ask(Say("x".into())).await.unwrap(), 1);
    let (a, cluster) = (pair.a.clone(), cluster(&pair.a));
    pair.shutdown().await;
    // Its threads have gone.
    tokio::time::sleep(Duration::from_millis(300)).await;
    says(&soon(echo.ask(Say("x".into()))).await.unwrap_err(), &["was not handled", "shutting down"]);
    assert!(soon(echo.send(Say("x".into()))).await.is_err());
    let error = soon(a.lookup::<Echo>("other")).await.unwrap_err();
    assert!(matches!(error, LookupError::Unavailable { .. }), "{error:?}");
    says(&error, &["shutting down"]);
    assert!(matches!(soon(cluster.leave()).await, Err(ClusterError::ShuttingDown)));
    assert!(matches!(soon(cluster.wait_for_members(9)).await, Err(ClusterError::ShuttingDown)));
    assert!(matches!(soon(a.spawn(|| Echo).name("late")).await, Err(SpawnError::ShuttingDown { .. })));
    assert_eq!((cluster.has_lease(), cluster.refused_connections()), (false, 0));
    let _ = (cluster.members(), cluster.leader(), cluster.is_leader());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_ends_can_start_again_at_once_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let first = soon(node("a").data_dir(dir.path()).start()).await.unwrap();
    let address = cluster(&first).address().to_owned();
    let mut before = cluster(&first).incarnation();
    soon(first.shutdown()).await;
    for _ in 0..5 {
        let again = casty::ActorSystem::distributed(&address).node_id("a").data_dir(dir.path());
        let again = soon(again.start()).await.unwrap();
        assert!(cluster(&again).incarnation() > before);
        before = cluster(&again).incarnation();
        soon(again.shutdown()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_nobody_waits_for_leaves_nothing_behind() {
    let nobody = "127.0.0.1:1";
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    drop(taken);
    let dir = tempfile::tempdir().unwrap();
    let alone = || casty::ActorSystem::distributed(&address).data_dir(dir.path());
    for _ in 0..3 {
        assert!(tokio::time::timeout(Duration::from_millis(300), alone().seeds([nobody]).start()).await.is_err());
        // Its thread ends behind the caller's back.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    soon(soon(alone().start()).await.unwrap().shutdown()).await;
}
