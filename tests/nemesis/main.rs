//! Five nodes as processes, in network namespaces of their own, and everything that a bad day has for them: SIGKILL and
//! restarts, SIGSTOP, packets that are dropped in both directions or in one. After each round all is healed, and members and
//! names have to be right within a bound.
//!
//! `cargo build -p casty-tests --bins && target/debug/nemesis --seconds 600 [--seed N] [--raft fast|default|relaxed] [--memory] [--logs]`
//!
//! It needs Linux, root, and the programs `ip` (iproute2) and `iptables`. With `--memory` nodes have no disks, and one is
//! killed at a time: a majority that forgets is beyond any repair. With `--logs` the logs stay when all went well, too.

#[cfg(target_os = "linux")]
mod check;
#[cfg(target_os = "linux")]
mod faults;
#[cfg(target_os = "linux")]
mod nodes;
#[cfg(target_os = "linux")]
mod random;
#[cfg(target_os = "linux")]
mod topology;

use std::process::ExitCode;

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("nemesis needs the network namespaces of Linux");
    ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    match options().and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("Error: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// How long a run is, and of what.
#[cfg(target_os = "linux")]
struct Options {
    seconds: u64,
    seed: u64,
    raft: String,
    memory: bool,
    logs: bool,
}

#[cfg(target_os = "linux")]
fn options() -> Result<Options, String> {
    let seed =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |time| u64::from(time.subsec_nanos()));
    let mut options = Options { seconds: 600, seed, raft: "default".into(), memory: false, logs: false };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--memory" => options.memory = true,
            "--logs" => options.logs = true,
            _ => {}
        }
        if arg == "--memory" || arg == "--logs" {
            continue;
        }
        let value = args.next().ok_or_else(|| format!("{arg} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|error| format!("{arg} {value}: {error}"));
        match arg.as_str() {
            "--seconds" => options.seconds = number()?,
            "--seed" => options.seed = number()?,
            "--raft" => options.raft.clone_from(&value),
            _ => return Err(format!("there is no option {arg}")),
        }
    }
    Ok(options)
}

#[cfg(target_os = "linux")]
fn run(options: &Options) -> Result<(), String> {
    use std::time::{Duration, Instant};

    let Options { seconds, seed, raft, memory, logs } = options;
    println!("seed {seed}, raft {raft}, {}", if *memory { "in memory" } else { "on disk" });
    let mut random = random::Random::new(*seed);
    let topology = topology::Topology::new(nodes::COUNT)?;
    let mut nodes = nodes::Nodes::new(topology, raft, *memory)?;
    nodes.start_all()?;
    check::right(&mut nodes)?;
    let end = Instant::now() + Duration::from_secs(*seconds);
    let mut rounds = 0;
    while Instant::now() < end {
        rounds += 1;
        println!("{} round {rounds}", nodes.time());
        faults::round(&mut nodes, &mut random, *memory)?;
        nodes.heal()?;
        check::right(&mut nodes)
            .map_err(|problem| format!("round {rounds} of seed {seed}: {problem}; logs: {}", nodes.keep_logs()))?;
    }
    if *logs {
        println!("logs: {}", nodes.keep_logs());
    }
    println!("{rounds} rounds, members and names right after each");
    Ok(())
}
