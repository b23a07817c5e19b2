//! Nodes in this process, and an actor that does as it is told.

#[cfg(unix)]
use std::process::Command;
use std::{future::Future, net::TcpListener, time::Duration};

use casty::{Cluster, DistributedBuilder, MemberStatus, prelude::*};
#[cfg(unix)]
use casty_tests::process::Process;
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

/// How long anything may take that takes a moment on an idle machine.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

/// Looks again and again until it is so.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let deadline = Instant::now() + BOUND;
    while !is_so().await {
        assert!(Instant::now() < deadline, "it did not come about that {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) fn node(name: &str, seeds: &[&str]) -> DistributedBuilder {
    // What the nodes say, if it is asked for.
    if std::env::var_os("RUST_LOG").is_some() {
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
    }
    let seeds = seeds.iter().map(|seed| (*seed).to_owned());
    ActorSystem::distributed("127.0.0.1:0").node_id(name).seeds(seeds)
}

pub(crate) fn of(system: &ActorSystem) -> Cluster {
    system.cluster().expect("it is a node")
}

/// The status of a member as `system` knows it.
pub(crate) fn status(system: &ActorSystem, id: &str) -> Option<MemberStatus> {
    of(system).members().into_iter().find(|member| member.id.as_str() == id).map(|member| member.status)
}

/// Nodes `n1`, `n2` and so on, all members and known to all.
pub(crate) async fn cluster(count: usize) -> Vec<ActorSystem> {
    let first = node("n1", &[]).start().await.unwrap();
    let seed = of(&first).address().to_owned();
    let others = join_all((2..=count).map(|i| node(&format!("n{i}"), &[&seed]).start())).await;
    let mut systems = vec![first];
    systems.extend(others.into_iter().map(Result::unwrap));
    all_see(&systems, count).await;
    systems
}

pub(crate) async fn all_see(systems: &[ActorSystem], count: usize) {
    for system in systems {
        tokio::time::timeout(BOUND, of(system).wait_for_members(count)).await.unwrap().unwrap();
    }
}

/// Ends them all.
pub(crate) async fn end(systems: Vec<ActorSystem>) {
    for system in systems.iter().rev() {
        system.shutdown().await;
    }
}

/// Addresses that are free, as far as anybody can tell.
pub(crate) fn free_addresses(count: usize) -> Vec<String> {
    let taken: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    taken.iter().map(|listener| listener.local_addr().unwrap().to_string()).collect()
}

#[message(reply = u64)]
pub(crate) struct Add(pub(crate) u64);

#[message(reply = String)]
pub(crate) struct Home;

#[message(reply = u64)]
pub(crate) struct Fail(pub(crate) String);

/// Asks whom the reference leads to.
#[message(reply = u64)]
pub(crate) struct AskFor(pub(crate) ActorRef<Puppet>, pub(crate) u64);

/// Adds up, and knows where it lives.
#[actor]
#[supervised(backoff_initial = 10ms)]
pub(crate) struct Puppet {
    home: String,
    total: u64,
}

impl Puppet {
    pub(crate) fn on(system: &ActorSystem) -> impl Fn() -> Self + Send + Sync + 'static {
        let home = of(system).node_id().to_string();
        move || Self { home: home.clone(), total: 0 }
    }
}

#[actor]
impl Puppet {
    #[handler]
    fn add(&mut self, Add(number): Add) -> u64 {
        self.total += number;
        self.total
    }

    #[handler]
    fn home(&self, _: Home) -> String {
        self.home.clone()
    }

    #[handler]
    fn fail(&mut self, Fail(why): Fail) -> casty::Result<u64> {
        Err(why.into())
    }

    #[handler]
    async fn ask_for(&self, AskFor(other, number): AskFor) -> casty::Result<u64> {
        Ok(other.ask(Add(number)).await?)
    }
}

/// A node that is a process.
#[cfg(unix)]
pub(crate) fn start_process(name: &str, seeds: &str) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_node"));
    let command = command.env("CASTY_NODE_ID", name).env("CASTY_SEEDS", seeds).env("CASTY_BIND", "127.0.0.1:0");
    let mut process = Process::start(command).unwrap();
    process.hear("listens on ", BOUND).expect("it is a member");
    process
}
