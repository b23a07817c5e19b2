//! Nodes that are no good to each other: two of one id, one whose clock was set back, messages that are too large.

use std::time::Duration;

use casty::{AskError, StartError};

use crate::common::*;

#[tokio::test(flavor = "multi_thread")]
async fn two_of_one_id() {
    let pair = Pair::start(|node| node).await;
    let seeds = [pair.address(), cluster(&pair.b).address().to_owned()];
    // Through the other node, through the one that has the id, and through both.
    for (id, seeds) in [("b", &seeds[..1]), ("b", &seeds[1..]), ("b", &seeds), ("a", &seeds[..1]), ("a", &seeds[1..])] {
        let error = refused(node(id).seeds(seeds)).await;
        let holder = if id == "a" { &pair.a } else { &pair.b };
        let at = cluster(holder).address().to_owned();
        assert!(
            matches!(&error, StartError::NodeIdInUse { node, address } if node.as_str() == id && *address == at),
            "{error:?}"
        );
        says(&error, &[&format!("\"{id}\" is a member already"), &at, ".node_id(..)"]);
    }
    pair.is_unaffected().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large() {
    let pair = Pair::start(|node| node.max_message(100_000)).await;
    let echo = soon(pair.a.lookup::<Echo>("echo")).await.unwrap().unwrap();
    assert_eq!(soon(echo.ask(Say("x".repeat(90_000)))).await.unwrap(), 90_000);
    let error = soon(echo.ask(Say("x".repeat(200_000)))).await.unwrap_err();
    println!("    {error}");
    assert!(!matches!(error, AskError::ConnectionLost { .. }), "{error:?}");
    says(&error, &["200", "104096", "max_message"]);
    let error = soon(echo.send(Say("x".repeat(200_000)))).await.unwrap_err();
    println!("    {error}");
    pair.is_unaffected().await;
}

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
    let down = |event: &Option<casty::ClusterEvent>| matches!(event, Some(casty::ClusterEvent::MemberDown { .. }));
    assert!(!seen.iter().any(down), "{seen:?}");
    soon(b.shutdown()).await;
    soon(a.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_comes_back_at_another_address() {
    let dirs: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let a = soon(node("a").data_dir(dirs[0].path()).start()).await.unwrap();
    let seed = cluster(&a).address().to_owned();
    let mut others = Vec::new();
    for (id, dir) in [("b", &dirs[1]), ("c", &dirs[2])] {
        others.push(soon(node(id).data_dir(dir.path()).seeds([&seed]).start()).await.unwrap());
    }
    soon(cluster(&a).wait_for_members(3)).await.unwrap();
    for (id, dir) in [("b", &dirs[1]), ("c", &dirs[2])] {
        let old = others.remove(0);
        let before = cluster(&old).address().to_owned();
        soon(old.shutdown()).await;
        let back = soon(node(id).data_dir(dir.path()).seeds([&seed]).start()).await.unwrap();
        assert_ne!(cluster(&back).address(), before);
        soon(cluster(&a).wait_for_members(3)).await.unwrap();
        others.push(back);
    }
    // All but one have moved: who is left agrees on names with them.
    let name = soon(others[0].spawn(|| Echo).name("echo")).await.unwrap();
    let found = soon(others[1].lookup::<Echo>("echo")).await.unwrap().unwrap();
    assert_eq!(soon(found.ask(Say("x".into()))).await.unwrap(), 1);
    drop(name);
    for system in others {
        soon(system.shutdown()).await;
    }
    soon(a.shutdown()).await;
}
