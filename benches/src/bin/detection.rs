//! How long it takes until a killed node is committed as down, on all nodes that are left.
//!
//! `detection [--fast] [--nodes N] [--kills N] [--leader]` starts nodes as processes of itself, kills one of them again and
//! again, and prints the times from the kill until each survivor has heard of it. With `--leader` the one that leads the
//! control plane is killed, else one that does not.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use casty::{ActorSystem, ClusterEvent, RaftConfig};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let value = |flag: &str| args.iter().position(|arg| arg == flag).and_then(|at| args.get(at + 1)).cloned();
    let fast = has("--fast");
    if let Some(id) = value("--node") {
        return node(id, value("--seeds").unwrap_or_default(), fast);
    }
    let nodes = value("--nodes").and_then(|text| text.parse().ok()).unwrap_or(3);
    let kills = value("--kills").and_then(|text| text.parse().ok()).unwrap_or(50);
    measure(nodes, kills, fast, has("--leader"));
}

/// One node, which tells on its output what it sees.
fn node(id: String, seeds: String, fast: bool) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async move {
        let raft = if fast { RaftConfig::fast() } else { RaftConfig::default() };
        let seeds = seeds.split(',').filter(|seed| !seed.is_empty()).map(str::to_owned);
        let system = ActorSystem::distributed("127.0.0.1:0").node_id(id).seeds(seeds).raft(raft).start().await.expect("a node");
        let cluster = system.cluster().expect("a cluster");
        let mut events = cluster.events();
        say(&format!("ready {}", cluster.address()));
        say(&format!("leader {}", cluster.leader().map_or_else(String::new, |id| id.to_string())));
        for member in cluster.members() {
            say(&format!("up {}", member.id));
        }
        while let Some(event) = events.next().await {
            match event {
                ClusterEvent::MemberUp(member) => say(&format!("up {}", member.id)),
                ClusterEvent::MemberDown { id, .. } => say(&format!("down {id}")),
                ClusterEvent::LeaderChanged(Some(id)) => say(&format!("leader {id}")),
                _ => {}
            }
        }
    });
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

struct Node {
    child: Child,
    address: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Nodes {
    nodes: HashMap<String, Node>,
    fast: bool,
    said: Receiver<(String, String, Instant)>,
    say: mpsc::Sender<(String, String, Instant)>,
    leader: String,
}

impl Nodes {
    fn start(&mut self, id: &str) {
        let seeds: Vec<String> = self.nodes.values().map(|node| node.address.clone()).collect();
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--node", id, "--seeds", &seeds.join(",")]).stdout(Stdio::piped()).stdin(Stdio::null());
        if self.fast {
            command.arg("--fast");
        }
        let mut child = command.spawn().expect("a process");
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let (say, name) = (self.say.clone(), id.to_owned());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if say.send((name.clone(), line, Instant::now())).is_err() {
                    return;
                }
            }
        });
        self.nodes.insert(id.to_owned(), Node { child, address: String::new() });
        self.wait(Duration::from_secs(30), |from, line| from == id && line.starts_with("ready "));
    }

    /// Waits for a line that is wanted, and returns when it came. Panics if it does not come.
    fn wait(&mut self, limit: Duration, wanted: impl Fn(&str, &str) -> bool) -> Instant {
        let deadline = Instant::now() + limit;
        loop {
            match self.said.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok((from, line, at)) => {
                    if let Some(address) = line.strip_prefix("ready ")
                        && let Some(node) = self.nodes.get_mut(&from)
                    {
                        node.address = address.to_owned();
                    }
                    if let Some(leader) = line.strip_prefix("leader ") {
                        self.leader = leader.to_owned();
                    }
                    if wanted(&from, &line) {
                        return at;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("what was waited for did not come within {limit:?}"),
                Err(RecvTimeoutError::Disconnected) => panic!("all nodes have ended"),
            }
        }
    }
}

fn measure(count: usize, kills: usize, fast: bool, of_leader: bool) {
    let (say, said) = mpsc::channel();
    let mut nodes = Nodes { nodes: HashMap::new(), fast, said, say, leader: String::new() };
    for number in 0..count {
        nodes.start(&format!("n{number}"));
    }
    // Votes are given out, leases held.
    std::thread::sleep(Duration::from_secs(3));
    let mut times = Vec::new();
    for kill in 0..kills {
        while let Ok((_, line, _)) = nodes.said.try_recv() {
            if let Some(leader) = line.strip_prefix("leader ") {
                nodes.leader = leader.to_owned();
            }
        }
        let leader = nodes.leader.clone();
        let mut others: Vec<String> = nodes.nodes.keys().filter(|id| **id != leader).cloned().collect();
        others.sort();
        let victim = if of_leader { leader } else { others[kill % others.len()].clone() };
        let killed = Instant::now();
        drop(nodes.nodes.remove(&victim).expect("it runs"));
        let mut last = killed;
        let mut waiting: Vec<String> = nodes.nodes.keys().cloned().collect();
        while !waiting.is_empty() {
            let heard = std::cell::RefCell::new(String::new());
            let at = nodes.wait(Duration::from_secs(30), |from, line| {
                heard.replace(from.to_owned());
                line == format!("down {victim}") && waiting.iter().any(|id| id == from)
            });
            last = last.max(at);
            waiting.retain(|id| *id != *heard.borrow());
        }
        times.push(last - killed);
        nodes.start(&victim);
        std::thread::sleep(if fast { Duration::from_millis(1200) } else { Duration::from_millis(2500) });
    }
    times.sort();
    let at = |part: f64| times[((times.len() - 1) as f64 * part).round() as usize];
    println!(
        "{} nodes, {}, {kills} kills of {}: p50 {:?}, p90 {:?}, p99 {:?}, max {:?}",
        count,
        if fast { "fast" } else { "default" },
        if of_leader { "the leader" } else { "nodes that do not lead" },
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
}
