//! Nodes that are no good to each other: two of one id, one whose clock was set back, messages that are too large.

use std::time::Duration;

use casty::{AskError, ClusterEvent, Incarnation, MemberStatus, SendError, StartError};
use serde::Serialize;

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
    pair.goes_on().await;
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
    pair.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_take_messages_of_different_sizes() {
    let is_second = std::cell::Cell::new(false);
    let pair = Pair::start(|node| node.max_message(if is_second.replace(true) { 100_000 } else { 1_000_000 })).await;
    let echo = soon(pair.a.lookup::<Echo>("echo")).await.unwrap().unwrap();
    let large = async || {
        let error = soon(echo.ask(Say("x".repeat(500_000)))).await.unwrap_err();
        says(&error, &["500", "104096", "max_message"]);
        assert!(matches!(error, AskError::TooLarge { .. }), "{error:?}");
    };
    // What is under way beside it is not lost.
    let small = async || {
        for length in 0..100 {
            assert_eq!(soon(echo.ask(Say("x".repeat(length)))).await.unwrap(), length);
        }
    };
    tokio::join!(large(), small(), large());
    echo.try_send(Say("x".repeat(500_000))).unwrap();
    // Another node of this process is waited for, and so its refusal is heard.
    let error = soon(echo.send(Say("x".repeat(500_000)))).await.unwrap_err();
    assert!(matches!(error, SendError::TooLarge(_)), "{error:?}");
    // An answer, the other way.
    soon(pair.a.spawn(|| Echo).name("large")).await.unwrap();
    let echo = soon(pair.b.lookup::<Echo>("large")).await.unwrap().unwrap();
    let error = soon(echo.ask(Fill(500_000))).await.unwrap_err();
    assert!(!matches!(error, AskError::ConnectionLost { .. }), "{error:?}");
    says(&error, &["104096"]);
    assert_eq!(soon(echo.ask(Fill(50_000))).await.unwrap().len(), 50_000);
    pair.goes_on().await;
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
    let down = |event: &Option<ClusterEvent>| matches!(event, Some(ClusterEvent::MemberDown { .. }));
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

const SEED: &str = "CASTY_BAD_INPUT_SEED";

/// No test: the process of a node that another test ends.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a process for another test"]
async fn as_a_process() {
    let Ok(seed) = std::env::var(SEED) else { return };
    let _system = node("c").seeds([seed]).start().await.unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_whose_process_is_gone_is_taken_over() {
    let pair = Pair::start(|node| node).await;
    let seed = pair.address();
    let mut process = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "nodes::as_a_process", "--ignored"])
        .env(SEED, &seed)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let member = |id: &str| cluster(&pair.a).members().into_iter().find(|member| member.id.as_str() == id);
    until(|| member("c").is_some_and(|c| c.status == MemberStatus::Up)).await;
    let before = member("c").unwrap();
    assert!(matches!(refused(node("c").seeds([&seed])).await, StartError::NodeIdInUse { .. }));
    process.kill().unwrap();
    process.wait().unwrap();
    let c = soon(node("c").seeds([&seed]).start()).await.unwrap();
    assert!(cluster(&c).incarnation() > before.incarnation);
    until(|| member("c").is_some_and(|c| c.status == MemberStatus::Up && c.incarnation > before.incarnation)).await;
    pair.works().await;
    soon(c.shutdown()).await;
    pair.shutdown().await;
}

#[derive(Serialize)]
enum Command {
    Join { node: Key, raft_id: u64, address: &'static str, protocol: (u16, u16), takes_over: bool },
}

#[derive(Serialize)]
struct Key {
    id: &'static str,
    incarnation: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_clock_was_set_back() {
    let pair = Pair::start(|node| node).await;
    // An earlier start, in the year 2100.
    let incarnation = 4_102_444_800_000;
    let node_c = Key { id: "c", incarnation };
    let join = Command::Join { node: node_c, raft_id: 7, address: "127.0.0.1:1", protocol: (1, 1), takes_over: false };
    let mut call = 1_u64.to_le_bytes().to_vec();
    call.push(15);
    call.extend(rmp_serde::to_vec_named(&join).unwrap());
    let leader = if cluster(&pair.a).is_leader() { &pair.a } else { &pair.b };
    let mut earlier = Stranger::connect(cluster(leader).address()).await;
    earlier.greet("c", "Control", 1).await;
    earlier.frame(32, &call).await;
    earlier.next().await;
    let member = |id: &str| cluster(&pair.a).members().into_iter().find(|member| member.id.as_str() == id);
    until(|| member("c").is_some_and(|c| c.incarnation == Incarnation(incarnation))).await;
    let c = soon(node("c").seeds([pair.address()]).start()).await.unwrap();
    assert_eq!(cluster(&c).incarnation(), Incarnation(incarnation + 1));
    until(|| member("c").is_some_and(|c| c.status == MemberStatus::Up && c.incarnation > Incarnation(incarnation))).await;
    pair.works().await;
    soon(c.shutdown()).await;
    pair.shutdown().await;
}

/// (Where there are entities that are awake, they keep their system: this program has none.)
#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_system_was_dropped_is_no_member_any_more() {
    let pair = Pair::start(|node| node).await;
    drop(node("dropped").seeds([pair.address()]).start().await.unwrap());
    let is_there = || cluster(&pair.a).members().iter().any(|member| member.id.as_str() == "dropped");
    until(|| !is_there()).await;
    pair.shutdown().await;
}
