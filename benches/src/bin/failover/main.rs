//! How long entities are without an answer when their node is killed, and when it leaves.
//!
//! `failover [--fast] [--rounds N] [--entities N] [--leader] [--leave]` starts three nodes as processes of itself, each of which
//! asks all entities all the time. One is killed again and again, and the time is told from the kill until each survivor has
//! had an answer, asked after the kill, of each entity. With `--leave` it leaves in good order instead, and what is told are
//! the longest asks and the errors meanwhile.

mod node;
mod nodes;

use std::time::Duration;

use nodes::Nodes;

/// By a clock that all processes of the machine share, in nanoseconds.
pub(crate) fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let value = |flag: &str| args.iter().position(|arg| arg == flag).and_then(|at| args.get(at + 1)).cloned();
    let number = |flag: &str, default| value(flag).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (fast, entities) = (has("--fast"), number("--entities", 100));
    if let Some(id) = value("--node") {
        return node::run(&id, &value("--seeds").unwrap_or_default(), fast, entities);
    }
    let rounds = number("--rounds", 50);
    if has("--leave") { leave(rounds, fast, entities) } else { kill(rounds, fast, entities, has("--leader")) }
}

fn rest(fast: bool) -> Duration {
    if fast { Duration::from_millis(2500) } else { Duration::from_millis(4000) }
}

fn kill(rounds: usize, fast: bool, entities: usize, leader: bool) {
    let mut nodes = Nodes::start(fast, entities);
    let mut times = Vec::new();
    for round in 0..rounds {
        std::thread::sleep(rest(fast));
        let victim = nodes.victim(round, leader);
        let killed = now();
        nodes.kill(&victim);
        times.push(Duration::from_nanos(nodes.all_answer_after(killed) - killed));
        nodes.add(&victim);
    }
    times.sort();
    let at = |part: f64| times[((times.len() - 1) as f64 * part).round() as usize];
    let (mode, who) = (if fast { "fast" } else { "default" }, if leader { "the leader" } else { "nodes that do not lead" });
    println!(
        "{mode}, {rounds} kills of {who}, {entities} entities: p50 {:?}, p90 {:?}, p99 {:?}, max {:?}",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
}

fn leave(rounds: usize, fast: bool, entities: usize) {
    let mut nodes = Nodes::start(fast, entities);
    let (mut errors, mut longest) = (0, Vec::new());
    for round in 0..rounds {
        std::thread::sleep(rest(fast));
        let victim = nodes.victim(round, false);
        nodes.forget_asks();
        nodes.leave(&victim);
        for (asks, failed, p99, max) in nodes.asks() {
            println!("round {round}: {asks} asks, {failed} errors, p99 {p99:?}, longest {max:?}");
            errors += failed;
            longest.push(max);
        }
        nodes.add(&victim);
    }
    longest.sort();
    let at = |part: f64| longest[((longest.len() - 1) as f64 * part).round() as usize];
    println!(
        "{rounds} leaves, {errors} errors, the longest ask of a round: p50 {:?}, p99 {:?}, max {:?}",
        at(0.5),
        at(0.99),
        at(1.0)
    );
}
