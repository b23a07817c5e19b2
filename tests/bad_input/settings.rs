//! Settings that cannot be.

use std::{net::Ipv4Addr, time::Duration};

use casty::{RaftConfig, StartError, prelude::*};
use tokio::net::{TcpListener, UdpSocket};

use crate::common::*;

const MS: Duration = Duration::from_millis(1);

fn at(bind: &str) -> casty::DistributedBuilder {
    ActorSystem::distributed(bind)
}

#[tokio::test]
async fn an_address_that_is_none() {
    for bind in ["", "8001", "127.0.0.1", "127.0.0.1:99999", "no-such-host.invalid:1"] {
        let error = refused(at(bind)).await;
        assert!(matches!(&error, StartError::Bind { bind: told, .. } if told == bind), "{error:?}");
        says(&error, &[bind, "write an address and a port"]);
    }
    let error = refused(at("192.0.2.1:0").insecure()).await;
    says(&error, &["192.0.2.1:0", "an address of this machine", "advertise"]);
}

#[tokio::test]
async fn a_port_that_another_program_has() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = taken.local_addr().unwrap();
    let error = refused(at(&address.to_string())).await;
    assert!(matches!(error, StartError::AddressInUse { address: told, protocol: "TCP", .. } if told == address), "{error:?}");
    says(&error, &[&address.to_string(), "(TCP)", "is taken", "another port"]);
}

#[tokio::test]
async fn a_port_that_another_program_has_for_datagrams_only() {
    let taken = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = taken.local_addr().unwrap();
    let error = refused(at(&address.to_string())).await;
    assert!(matches!(error, StartError::AddressInUse { address: told, protocol: "UDP", .. } if told == address), "{error:?}");
    says(&error, &[&address.to_string(), "(UDP)", "for TCP and UDP"]);
    drop(taken);
    // Nothing is left of the first attempt.
    soon(soon(at(&address.to_string()).start()).await.unwrap().shutdown()).await;
}

#[tokio::test]
async fn an_open_port_without_a_secret() {
    let error = refused(at("0.0.0.0:0")).await;
    assert!(matches!(error, StartError::Insecure { .. }), "{error:?}");
    says(&error, &["0.0.0.0:0", "other machines", ".secret(..)", ".insecure()"]);
    for node in [at("0.0.0.0:0").insecure(), at("0.0.0.0:0").secret("known")] {
        soon(soon(node.start()).await.unwrap().shutdown()).await;
    }
    says(&refused(at("127.0.0.1:0").secret("")).await, &["secret", "empty"]);
}

#[tokio::test]
async fn times_that_make_no_sense_together() {
    let raft = |heartbeat, min, max| {
        let (heartbeat_interval, election_timeout_min, election_timeout_max) = (MS * heartbeat, MS * min, MS * max);
        at("127.0.0.1:0").raft(RaftConfig { heartbeat_interval, election_timeout_min, election_timeout_max })
    };
    says(&refused(raft(0, 300, 600)).await, &["heartbeat_interval", "5 ms"]);
    says(&refused(raft(200, 300, 600)).await, &["election_timeout_min", "twice heartbeat_interval"]);
    says(&refused(raft(100, 600, 600)).await, &["election_timeout_max must be above"]);
    says(&refused(raft(100, 600, 300)).await, &["election_timeout_max must be above"]);
    says(&refused(raft(10_000, 20_000, 40_000)).await, &["leases are 1.5s", "375ms is the most"]);
    says(&refused(raft(200, 400, 700)).await, &["leases are 500ms", "125ms is the most"]);
    says(&refused(raft(300, 1_000, 100_000)).await, &["election_timeout_max is above 60s"]);
    let endless = RaftConfig {
        heartbeat_interval: Duration::MAX,
        election_timeout_min: Duration::MAX,
        election_timeout_max: Duration::MAX,
    };
    refused(at("127.0.0.1:0").raft(endless)).await;
    for raft in [RaftConfig::fast(), RaftConfig::default(), RaftConfig::relaxed()] {
        soon(soon(at("127.0.0.1:0").raft(raft).start()).await.unwrap().shutdown()).await;
    }
}

#[tokio::test]
async fn names_that_are_none() {
    says(&refused(node("")).await, &["node_id", "empty"]);
    says(&refused(node("a\nb")).await, &["node_id", "control characters"]);
    says(&refused(node(&"x".repeat(256))).await, &["node_id", "256 bytes", "255"]);
    says(&refused(node("a").cluster_name("")).await, &["cluster_name", "empty"]);
}

#[tokio::test]
async fn addresses_that_nobody_can_dial() {
    for (address, why) in [
        ("node1", "has no port"),
        ("node1:", "has no port"),
        ("node1:http", "\"http\" is none"),
        (":8001", "has no host"),
        ("::1", "without brackets"),
        ("0.0.0.0:8001", "others could dial"),
        ("node 1:8001", "no host's name"),
    ] {
        says(&refused(node("a").advertise(address)).await, &["advertise", address, why, "node1:8001"]);
        says(&refused(node("a").seeds([address])).await, &["seeds", address, why, "node1:8001"]);
    }
    says(&refused(node("a").seeds(["node1:0"])).await, &["seeds", "port 0"]);
    let system = soon(node("a").advertise("localhost:0").start()).await.unwrap();
    let address = cluster(&system).address().to_owned();
    assert!(address.starts_with("localhost:") && !address.ends_with(":0"), "{address}");
    soon(system.shutdown()).await;
}

#[tokio::test]
async fn a_limit_for_messages_that_lets_none_pass() {
    says(&refused(node("a").max_message(0)).await, &["max_message", "0", "98304"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_that_does_not_resolve() {
    let log = Log::of_this_process();
    let nowhere = "no-such-host.invalid:1";
    // Alone with it, the node waits for as long as it is waited for, and says for what.
    let waits = node("c").seeds([nowhere]).start();
    assert!(tokio::time::timeout(Duration::from_secs(8), waits).await.is_err());
    log.has(&["waiting for a cluster", nowhere, "cannot be resolved"]);
    // Where another seed answers, it does not matter.
    let pair = Pair::start(|node| node).await;
    let c = soon(node("c").seeds([nowhere, &pair.address()]).start()).await.unwrap();
    assert_eq!(cluster(&c).members().len(), 3);
    soon(c.shutdown()).await;
    pair.works().await;
    pair.shutdown().await;
}
