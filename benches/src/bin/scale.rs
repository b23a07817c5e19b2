//! How long it takes until nodes are a cluster, what many names cost, and whether anybody is taken for dead while all cores
//! are busy.
//!
//! ```text
//! scale form [--fast] [--rounds N]     three nodes, from the last start until all know all
//! scale join [--nodes N]               so many nodes at once, through one seed
//! scale names [--names N]              registrations a second, and a node that joins then
//! scale busy [--fast] [--seconds N]    three processes whose handlers block every worker
//! ```

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use casty::{Cluster, ClusterEvent, RaftConfig, prelude::*};
use tokio::task::JoinSet;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let value = |flag: &str| args.iter().position(|arg| arg == flag).and_then(|at| args.get(at + 1)).cloned();
    let number = |flag: &str, default| value(flag).and_then(|text| text.parse().ok()).unwrap_or(default);
    let fast = args.iter().any(|arg| arg == "--fast");
    match args.get(1).map(String::as_str) {
        Some("form") => on_a_runtime(form(fast, number("--rounds", 20))),
        Some("join") => on_a_runtime(join(number("--nodes", 15))),
        Some("names") => on_a_runtime(names(number("--names", 100_000))),
        Some("busy") => busy(fast, Duration::from_secs(number("--seconds", 60) as u64)),
        Some("busy-node") => on_a_runtime(busy_node(value("--id"), value("--seeds"), fast)),
        _ => eprintln!("scale form|join|names|busy, see the top of benches/src/bin/scale.rs"),
    }
}

fn on_a_runtime(run: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime").block_on(run);
}

fn config(fast: bool) -> RaftConfig {
    if fast { RaftConfig::fast() } else { RaftConfig::default() }
}

fn cluster(system: &ActorSystem) -> Cluster {
    system.cluster().expect("it is a node")
}

/// As many ports as wanted that nobody has at the moment.
fn ports(count: usize) -> Vec<String> {
    let listeners: Vec<_> = (0..count).map(|_| std::net::TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    listeners.iter().map(|listener| listener.local_addr().expect("it has an address").to_string()).collect()
}

async fn form(fast: bool, rounds: usize) {
    let mut times = Vec::new();
    for _ in 0..rounds {
        let addresses = ports(3);
        let mut starting = JoinSet::new();
        let begun = Instant::now();
        for address in addresses.clone() {
            let seeds = addresses.clone();
            starting.spawn(async move {
                let system = ActorSystem::distributed(address).seeds(seeds).raft(config(fast)).start().await.expect("a node");
                cluster(&system).wait_for_members(3).await.expect("three members");
                system
            });
        }
        let systems = starting.join_all().await;
        times.push(begun.elapsed());
        for system in systems {
            system.shutdown().await;
        }
    }
    times.sort();
    let preset = if fast { "fast" } else { "default" };
    println!(
        "three nodes, {preset}, {rounds} rounds: formed in p50 {:?}, max {:?}",
        times[times.len() / 2],
        times[times.len() - 1]
    );
}

async fn join(count: usize) {
    let seed = ActorSystem::distributed("127.0.0.1:0").start().await.expect("the seed");
    let at = cluster(&seed).address().to_string();
    let begun = Instant::now();
    let mut starting = JoinSet::new();
    for _ in 0..count {
        let at = at.clone();
        starting.spawn(async move {
            let system = ActorSystem::distributed("127.0.0.1:0").seeds([at]).start().await.expect("a node");
            cluster(&system).wait_for_members(count + 1).await.expect("all members");
            system
        });
    }
    let systems = starting.join_all().await;
    cluster(&seed).wait_for_members(count + 1).await.expect("all members");
    let took = begun.elapsed();
    let known = |system: &ActorSystem| {
        let mut known: Vec<_> = cluster(system).members().into_iter().map(|member| (member.id, member.incarnation)).collect();
        known.sort();
        known
    };
    let agreed = systems.iter().all(|system| known(system) == known(&seed));
    println!("{count} nodes at once through one seed: in {took:?}, agreed: {agreed}");
}

#[actor]
#[derive(Default)]
struct Named;

#[message]
struct Nothing;

#[actor]
impl Named {
    #[handler]
    fn nothing(&self, _: Nothing) {}
}

async fn names(count: usize) {
    let first = ActorSystem::distributed("127.0.0.1:0").start().await.expect("a node");
    let seeds = [cluster(&first).address().to_string()];
    let mut systems = vec![first];
    for _ in 0..2 {
        systems.push(ActorSystem::distributed("127.0.0.1:0").seeds(seeds.clone()).start().await.expect("a node"));
    }
    cluster(&systems[0]).wait_for_members(3).await.expect("three members");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut events = cluster(&systems[0]).events();
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    const TASKS: usize = 512;
    for task in 0..TASKS {
        let system = systems[task % 3].clone();
        tasks.spawn(async move {
            let mut held = Vec::new();
            for number in (task..count).step_by(TASKS) {
                held.push(system.spawn(Named::default).name(format!("name-{number}")).await.expect("a free name"));
            }
            held
        });
    }
    let held = tasks.join_all().await;
    let took = begun.elapsed();
    println!("{count} names by three nodes: {took:?}, {:.0} a second", count as f64 / took.as_secs_f64());
    let begun = Instant::now();
    let late = ActorSystem::distributed("127.0.0.1:0").seeds(seeds).start().await.expect("a node");
    let joined = begun.elapsed();
    let last = format!("name-{}", count - 1);
    late.lookup::<Named>(&last).await.expect("an answer").expect("it knows the last name");
    println!("a node joins in {joined:?}, knows the last name after {:?}", begun.elapsed());
    let (mut elections, mut late_timers) = (0, 0);
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_millis(200), events.next()).await {
        elections += usize::from(matches!(event, ClusterEvent::LeaderChanged(_)));
        late_timers += usize::from(matches!(event, ClusterEvent::Late(_)));
    }
    println!("changes of the leader meanwhile: {elections}; timers late by half a lease: {late_timers}");
    drop(held);
}

/// Takes its thread for itself.
#[message]
struct Burn;

#[actor]
#[derive(Default)]
struct Burner;

#[actor]
impl Burner {
    #[handler]
    async fn burn(&self, _: Burn, ctx: &mut Context<Self>) {
        let until = Instant::now() + Duration::from_millis(300);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        let _ = ctx.me().send(Burn).await;
    }
}

async fn busy_node(id: Option<String>, seeds: Option<String>, fast: bool) {
    let seeds = seeds.unwrap_or_default();
    let seeds = seeds.split(',').filter(|seed| !seed.is_empty()).map(str::to_owned);
    let node = ActorSystem::distributed("127.0.0.1:0").node_id(id.unwrap_or_default()).seeds(seeds).raft(config(fast));
    let system = node.start().await.expect("a node");
    let cluster = cluster(&system);
    println!("ready {}", cluster.address());
    cluster.wait_for_members(3).await.expect("three members");
    let mut events = cluster.events();
    // More than there are workers.
    let mut burners = Vec::new();
    for _ in 0..8 {
        let burner = system.spawn(Burner::default).await.expect("an actor");
        burner.send(Burn).await.expect("it lives");
        burners.push(burner);
    }
    // What is told must not wait for a worker.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async move {
            println!("burns");
            while let Some(event) = events.next().await {
                println!("{event:?}");
            }
        });
    });
    std::future::pending::<()>().await;
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn busy(fast: bool, time: Duration) {
    let (say, said) = mpsc::channel();
    let mut nodes = Vec::new();
    let mut seeds = String::new();
    for number in 0..3 {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["busy-node", "--id", &format!("n{number}"), "--seeds", &seeds]).stdout(Stdio::piped());
        if fast {
            command.arg("--fast");
        }
        let mut child = command.spawn().expect("a process");
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let (say, (ready, is_ready)) = (say.clone(), mpsc::channel());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if let Some(address) = line.strip_prefix("ready ") {
                    let _ = ready.send(address.to_owned());
                }
                let _ = say.send((number, line));
            }
        });
        nodes.push(Killed(child));
        let address = is_ready.recv().expect("it starts");
        seeds = if seeds.is_empty() { address } else { format!("{seeds},{address}") };
    }
    let until = Instant::now() + time;
    let (mut burning, mut down, mut leaders, mut late) = (0, 0, 0, 0);
    while let Ok((node, line)) = said.recv_timeout(until.saturating_duration_since(Instant::now())) {
        burning += usize::from(line == "burns");
        late += usize::from(line.starts_with("Late"));
        leaders += usize::from(line.starts_with("LeaderChanged") && burning == 3);
        if line.starts_with("MemberDown") || line.starts_with("Fenced") {
            println!("n{node}: {line}");
            down += 1;
        }
    }
    let preset = if fast { "fast" } else { "default" };
    println!(
        "three processes, {preset}, all workers blocked for {time:?} ({burning} burn): {down} taken for dead, {leaders} changes of the leader, {late} times timers late by half a lease"
    );
}
