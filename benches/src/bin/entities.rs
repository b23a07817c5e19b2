//! What asks of entities cost: next to plain actors, and with copies on other nodes next to none.
//!
//! `entities [--rounds N]` is one node, and starts two more as processes of itself. Each figure is the median of interleaved
//! rounds.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use casty::prelude::*;

#[message(reply = u64)]
struct Look;

#[message(reply = String)]
struct Where;

/// Changes eight bytes of the state.
#[message(reply = u64)]
struct Change;

#[actor]
struct Plain(u64);

#[actor]
impl Plain {
    #[handler]
    fn look(&self, _: Look) -> u64 {
        self.0
    }
}

macro_rules! entity {
    ($name:ident, $called:literal, $sync:tt) => {
        #[actor]
        #[sharded(name = $called, sync = $sync)]
        struct $name {
            changes: u64,
            rest: Vec<u8>,
        }

        impl Default for $name {
            fn default() -> Self {
                Self { changes: 0, rest: vec![7; 80] }
            }
        }

        #[actor]
        impl $name {
            #[handler]
            fn look(&self, _: Look) -> u64 {
                self.changes
            }

            #[handler]
            fn change(&mut self, _: Change) -> u64 {
                self.changes += 1;
                self.changes
            }

            #[handler]
            fn place(&self, _: Where, ctx: &Context<Self>) -> String {
                ctx.system().cluster().map_or_else(String::new, |cluster| cluster.node_id().to_string())
            }
        }
    };
}

entity!(Loose, "loose", none);
entity!(Kept, "kept", quorum);

const ENTITIES: usize = 1_000;
const IN_FLIGHT: usize = 256;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let value = |flag: &str| args.iter().position(|arg| arg == flag).and_then(|at| args.get(at + 1)).cloned();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    match value("--node") {
        Some(id) => runtime.block_on(serve(&id, value("--seed").unwrap_or_default())),
        None => runtime.block_on(measure(value("--rounds").and_then(|text| text.parse().ok()).unwrap_or(5))),
    }
}

async fn serve(id: &str, seed: String) {
    let system = ActorSystem::distributed("127.0.0.1:0").node_id(id).seeds([seed]).start().await.expect("a node");
    let _plain = system.spawn(|| Plain(7)).name(format!("plain-{id}")).await.expect("an actor");
    println!("ready");
    std::future::pending::<()>().await;
}

struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(id: &str, seed: &str) -> Node {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--node", id, "--seed", seed])
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let mut line = String::new();
    let _ = BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line);
    Node(child)
}

/// An entity that is, or is not, on the node `here`.
async fn placed(system: &ActorSystem, here: &str, wanted: bool) -> casty::EntityRef<Loose> {
    for number in 0.. {
        let entity = system.sharded::<Loose>().entity(format!("p{number}"));
        if (entity.ask(Where).await.expect("an answer") == here) == wanted {
            return entity;
        }
    }
    unreachable!("there are ids enough")
}

async fn asks<F: Future<Output = u64>>(count: u32, mut ask: impl FnMut() -> F) -> Duration {
    let mut took = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let begun = Instant::now();
        let _ = ask().await;
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    took[took.len() / 2]
}

/// The time of processors that these processes have taken so far, as the kernel counts it: to 10 ms.
fn processors(nodes: &[u32]) -> Duration {
    let ticks = |pid: &u32| -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
        after.filter_map(|field| field.parse::<u64>().ok()).sum()
    };
    Duration::from_millis(nodes.iter().map(ticks).sum::<u64>() * 10)
}

/// What a load came to.
struct Load {
    a_second: f64,
    median: Duration,
    /// Microseconds of processors for each ask, of all nodes together.
    processors: f64,
}

/// Asks of many entities, so many at a time.
async fn load<A: casty::ShardedActor + casty::Handles<Change>>(system: &ActorSystem, nodes: &[u32], time: Duration) -> Load {
    let before = processors(nodes);
    let until = Instant::now() + time;
    let entities: Vec<_> = (0..ENTITIES).map(|at| system.sharded::<A>().entity(format!("e{at}"))).collect();
    let entities: Arc<[_]> = entities.into();
    let tasks: Vec<_> = (1..=IN_FLIGHT as u64)
        .map(|task| {
            let entities = entities.clone();
            tokio::spawn(async move {
                // Any of them, each time anew: who kept to a few would ask without end those that are here, and wait for nobody.
                let (mut took, mut dice) = (Vec::new(), task);
                loop {
                    dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let begun = Instant::now();
                    if begun >= until {
                        return took;
                    }
                    entities[(dice >> 33) as usize % ENTITIES].ask(Change).await.expect("an answer");
                    took.push(begun.elapsed());
                }
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.expect("it ends"));
    }
    took.sort_unstable();
    let used = (processors(nodes) - before).as_secs_f64() * 1e6;
    Load { a_second: took.len() as f64 / time.as_secs_f64(), median: took[took.len() / 2], processors: used / took.len() as f64 }
}

fn median<T: PartialOrd + Copy>(mut all: Vec<T>) -> T {
    all.sort_by(|one, other| one.partial_cmp(other).expect("numbers"));
    all[all.len() / 2]
}

async fn measure(rounds: usize) {
    let system = ActorSystem::distributed("127.0.0.1:0").node_id("n0").start().await.expect("a node");
    let seed = system.cluster().expect("a cluster").address().to_owned();
    let others = [start("n1", &seed), start("n2", &seed)];
    let nodes = [std::process::id(), others[0].0.id(), others[1].0.id()];
    system.cluster().expect("a cluster").wait_for_members(3).await.expect("three nodes");
    // Slots find their places.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let plain = system.spawn(|| Plain(7)).await.expect("an actor");
    let far = system.lookup::<Plain>("plain-n1").await.expect("an answer").expect("it is there");
    let (here, there) = (placed(&system, "n0", true).await, placed(&system, "n0", false).await);
    let _warm = (
        load::<Loose>(&system, &nodes, Duration::from_secs(1)).await,
        load::<Kept>(&system, &nodes, Duration::from_secs(1)).await,
    );

    let (mut local, mut remote, mut loose, mut kept) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let plain_here = many(200_000, || async { plain.ask(Look).await.expect("an answer") }).await;
        let entity_here = many(200_000, || async { here.ask(Look).await.expect("an answer") }).await;
        local.push((plain_here, entity_here));
        let plain_there = asks(10_000, || async { far.ask(Look).await.expect("an answer") }).await;
        let entity_there = asks(10_000, || async { there.ask(Look).await.expect("an answer") }).await;
        remote.push((plain_there.as_secs_f64() * 1e6, entity_there.as_secs_f64() * 1e6));
        loose.push(load::<Loose>(&system, &nodes, Duration::from_secs(3)).await);
        kept.push(load::<Kept>(&system, &nodes, Duration::from_secs(3)).await);
    }
    let of =
        |pairs: &[(f64, f64)]| (median(pairs.iter().map(|it| it.0).collect()), median(pairs.iter().map(|it| it.1).collect()));
    let (plain, entity) = of(&local);
    println!("ask here: plain {plain:.0} ns, entity {entity:.0} ns, {:.2} times", entity / plain);
    let (plain, entity) = of(&remote);
    println!("ask of another node, p50: plain {plain:.1} us, entity {entity:.1} us, {:.2} times", entity / plain);
    let of = |all: &[Load]| {
        let figure = |of: fn(&Load) -> f64| median(all.iter().map(of).collect());
        (figure(|it| it.a_second), figure(|it| it.median.as_secs_f64() * 1e6), figure(|it| it.processors))
    };
    let (none, quorum) = (of(&loose), of(&kept));
    println!("{IN_FLIGHT} in flight over {ENTITIES} entities:");
    for (sync, (rate, p50, processors)) in [("none", none), ("quorum", quorum)] {
        println!("sync {sync}: {rate:.0}/s, p50 {p50:.0} us, {processors:.2} us of processors each");
    }
    println!("{:.2} of the rate, {:.2} times the p50", quorum.0 / none.0, quorum.1 / none.1);
}

/// Nanoseconds each, one after the other.
async fn many<F: Future<Output = u64>>(count: u32, mut ask: impl FnMut() -> F) -> f64 {
    let begun = Instant::now();
    for _ in 0..count {
        let _ = ask().await;
    }
    begun.elapsed().as_secs_f64() * 1e9 / f64::from(count)
}
