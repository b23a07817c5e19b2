//! Nodes that show each other certificates.

use casty::prelude::*;

use crate::{certificates::Authority, common::*};

async fn three(authority: &Authority, secret: Option<&str>) -> Vec<ActorSystem> {
    let node = |name: &str, seeds: &[&str]| {
        let node = node(name, seeds).tls(authority.node(name));
        if let Some(secret) = secret { node.secret(secret) } else { node }
    };
    let first = node("n1", &[]).start().await.unwrap();
    let seed = of(&first).address().to_owned();
    let (second, third) = tokio::join!(node("n2", &[&seed]).start(), node("n3", &[&seed]).start());
    let systems = vec![first, second.unwrap(), third.unwrap()];
    all_see(&systems, 3).await;
    systems
}

async fn talk(systems: &[ActorSystem]) {
    systems[2].spawn(Puppet::on(&systems[2])).name("puppet").await.unwrap();
    for system in systems {
        let puppet = system.lookup::<Puppet>("puppet").await.unwrap().unwrap();
        assert_eq!(puppet.ask(Home).await.unwrap(), "n3");
    }
    // More than a socket takes at once, both ways.
    let puppet = systems[0].lookup::<Puppet>("puppet").await.unwrap().unwrap();
    let long = "x".repeat(4 << 20);
    let (failed, home) = tokio::join!(puppet.ask(Fail(long)), puppet.ask(Home));
    assert!(failed.unwrap_err().to_string().contains("xxx"));
    assert_eq!(home.unwrap(), "n3");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_with_tls_are_a_cluster_and_one_comes_back() {
    let authority = Authority::new();
    let mut systems = three(&authority, None).await;
    talk(&systems).await;

    let before = of(&systems[2]).incarnation();
    systems.pop().unwrap().shutdown().await;
    let seed = of(&systems[1]).address().to_owned();
    // Its certificate has been renewed.
    systems.push(node("n3", &[&seed]).tls(authority.node("n3")).start().await.unwrap());
    all_see(&systems, 3).await;
    assert!(of(&systems[2]).incarnation() > before);
    until("the name is free", async || matches!(systems[0].lookup::<Puppet>("puppet").await, Ok(None))).await;
    talk(&systems).await;
    for system in &systems {
        assert_eq!(of(system).refused_connections(), 0);
    }
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_may_be_asked_for_within_tls() {
    let systems = three(&Authority::new(), Some("hush")).await;
    talk(&systems).await;
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_dialled_by_name_as_well() {
    let authority = Authority::new();
    let only_by_name = |id: &str| authority.certified(id, &["localhost"], |_| {});
    let first = node("n1", &[]).advertise("localhost:0").tls(only_by_name("n1")).start().await.unwrap();
    let seed = of(&first).address().to_owned();
    assert!(seed.starts_with("localhost:"));
    let second = node("n2", &[&seed]).advertise("localhost:0").tls(only_by_name("n2")).start().await.unwrap();
    let systems = vec![first, second];
    all_see(&systems, 2).await;
    systems[1].spawn(Puppet::on(&systems[1])).name("puppet").await.unwrap();
    let puppet = systems[0].lookup::<Puppet>("puppet").await.unwrap().unwrap();
    assert_eq!(puppet.ask(Home).await.unwrap(), "n2");
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_do_in_the_place_of_a_secret_where_strangers_could_come() {
    let authority = Authority::new();
    let open = ActorSystem::distributed("0.0.0.0:0").advertise("127.0.0.1:0").tls(authority.node("n1"));
    let system = open.start().await.unwrap();
    system.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_without_tls_can_be_stopped_and_started_with_it() {
    let (authority, dir) = (Authority::new(), tempfile::tempdir().unwrap());
    node("n1", &[]).data_dir(dir.path()).start().await.unwrap().shutdown().await;
    let first = node("n1", &[]).data_dir(dir.path()).tls(authority.node("n1")).start().await.unwrap();
    let seed = of(&first).address().to_owned();
    let second = node("n2", &[&seed]).tls(authority.node("n2")).start().await.unwrap();
    let systems = vec![first, second];
    all_see(&systems, 2).await;
    end(systems).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_process_takes_its_files_from_the_environment_and_is_missed_when_it_is_killed() {
    use casty::MemberStatus;
    use casty_tests::process::Process;

    let authority = Authority::new();
    let first = node("n1", &[]).tls(authority.node("n1")).start().await.unwrap();
    let seed = of(&first).address().to_owned();
    let second = node("n2", &[&seed]).tls(authority.node("n2")).start().await.unwrap();
    let systems = vec![first, second];
    let tls = authority.node("victim");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_node"));
    command.env("CASTY_NODE_ID", "victim").env("CASTY_SEEDS", &seed).env("CASTY_BIND", "127.0.0.1:0");
    command.env("CASTY_TLS_CA", &tls.ca).env("CASTY_TLS_CERT", &tls.certificate).env("CASTY_TLS_KEY", &tls.key);
    let mut victim = Process::start(&mut command).unwrap();
    victim.hear("listens on ", BOUND).expect("it is a member");
    all_see(&systems, 3).await;
    victim.kill();
    until("it is down for the others", async || {
        systems.iter().all(|system| status(system, "victim") == Some(MemberStatus::Down))
    })
    .await;
    systems[0].spawn(Puppet::on(&systems[0])).name("puppet").await.unwrap();
    end(systems).await;
}
