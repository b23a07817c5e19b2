//! Five nodes as processes, in network namespaces of their own, and everything that a bad day has for them: SIGKILL and
//! restarts, SIGSTOP, packets that are dropped in both directions or in one. After each round all is healed, and members and
//! names have to be right within a bound.
//!
//! Clients on all nodes call registers, entities of a type for each `sync` and a singleton, all the time. After each round every
//! register has to answer, and what clients were told has to be linearizable: nothing that was acknowledged is lost, nothing is
//! done twice. Money goes from account to account, and has to be there. A register whose copies were killed at once may say that its state is lost, which is accepted, and it answers.
//!
//! `cargo build -p casty-tests --bins && target/debug/nemesis --seconds 600 [--seed N] [--raft fast|default|relaxed] [--memory] [--logs] [--rolling]`
//!
//! With `--rolling` the nodes are restarted in good order instead, one after the other: nobody may be told of an error.
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
mod registers;
#[cfg(target_os = "linux")]
mod rolling;
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
    rolling: bool,
}

#[cfg(target_os = "linux")]
fn options() -> Result<Options, String> {
    let seed =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |time| u64::from(time.subsec_nanos()));
    let mut options = Options { seconds: 600, seed, raft: "default".into(), memory: false, logs: false, rolling: false };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--memory" => options.memory = true,
            "--logs" => options.logs = true,
            "--rolling" => options.rolling = true,
            _ => {}
        }
        if ["--memory", "--logs", "--rolling"].contains(&arg.as_str()) {
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
    let Options { seed, raft, memory, logs, .. } = options;
    println!("seed {seed}, raft {raft}, {}", if *memory { "in memory" } else { "on disk" });
    let topology = topology::Topology::new(nodes::COUNT)?;
    let mut nodes = nodes::Nodes::new(topology, raft, *memory)?;
    nodes.start_all()?;
    check::right(&mut nodes)?;
    let mut registers = registers::Registers::default();
    let done =
        if options.rolling { rolling::restart(&mut nodes, &mut registers) } else { rounds(options, &mut nodes, &mut registers) };
    println!("asks {}, {:?}, without an end {}", registers.begun, registers.outcomes, registers.endless());
    println!("transfers {}", registers.made);
    println!("faults {:?}", nodes.faults);
    println!("registers checked {}, of them said to be lost {}", registers.checked, registers.lost);
    if *logs || done.is_err() {
        println!("logs: {}", nodes.keep_logs());
    }
    done
}

/// A round with the same registers is begun so often.
#[cfg(target_os = "linux")]
const ROUNDS_OF_A_GENERATION: u64 = 6;

#[cfg(target_os = "linux")]
fn rounds(options: &Options, nodes: &mut nodes::Nodes, registers: &mut registers::Registers) -> Result<(), String> {
    use std::time::{Duration, Instant};

    let mut random = casty_tests::random::Random::new(options.seed);
    let end = Instant::now() + Duration::from_secs(options.seconds);
    let (mut rounds, mut generation, mut since) = (0, 0, 0);
    // Copies are made again in the background: what was killed a round ago counts.
    let mut kills = [0; 2];
    while Instant::now() < end {
        rounds += 1;
        since += 1;
        nodes.load(generation);
        let (begun, lost_before) = (registers.begun, registers.lost);
        let result = faults::round(nodes, &mut random, options.memory).and_then(|killed| {
            kills = [kills[1], killed];
            nodes.heal()?;
            let took = check::right(nodes)?;
            nodes.rest()?;
            registers.read(nodes)?;
            let kills = kills.iter().sum();
            let lost = registers.check(nodes, (kills <= 1).then_some(generation), kills)?;
            registers.balance(nodes, generation, kills > 1)?;
            if kills > 1 {
                // Where no register is, it is accepted, too: later ones start with nothing lost.
                nodes.ask_one("accept-all")?;
            }
            Ok((took, lost || kills > 1))
        });
        let happened = std::mem::take(&mut nodes.happened).join("; ");
        let (took, spoilt) =
            result.map_err(|problem| format!("round {rounds} of seed {}: {happened}: {problem}", options.seed))?;
        let (asks, lost_now) = (registers.begun - begun, if registers.lost > lost_before { ", lost" } else { "" });
        println!("{} round {rounds}: {happened}; right after {:.2} s; {asks} asks{lost_now}", nodes.time(), took.as_secs_f64());
        if since == ROUNDS_OF_A_GENERATION || spoilt {
            (generation, since) = (generation + 1, 0);
        }
    }
    registers.check(nodes, None, usize::MAX).map_err(|problem| format!("at the end of seed {}: {problem}", options.seed))?;
    println!("{rounds} rounds: members, names and registers right after each, and all {} generations at the end", generation + 1);
    Ok(())
}
