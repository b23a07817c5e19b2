//! The same scenarios on casty, raw tokio channels, kameo, ractor and actix, side by side.
//!
//! ```text
//! cargo run --release -p casty-benches --bin compare                        # glibc's malloc (or the system's)
//! cargo run --release -p casty-benches --bin compare --features mimalloc    # mimalloc for everybody
//! ```
//!
//! Every measurement runs in a process of its own, so that no contestant meets what another left in the allocator.
//! The rounds are interleaved: all contestants of a scenario, then all again, in rotated order. The table gives medians,
//! casty's ratios (the median of each round's) and the targets for them; the exit status is 1 if a run failed (a wrong total, a hang), whatever the
//! figures.
//!
//! Speed is measured on a plain allocator; only `idle` counts bytes, in the binary `idle_bytes`, which this one builds
//! through cargo.

mod options;
mod processes;
mod table;
mod targets;

use std::process::ExitCode;

use casty_benches::{ALLOCATOR, Allocator, Contestant, Scenario};
use options::{Options, Task};
use table::{Run, Table};

#[global_allocator]
static GLOBAL: Allocator = ALLOCATOR;

fn main() -> ExitCode {
    match options::parse(std::env::args().skip(1)) {
        Ok(Task::Help) => println!("{}", options::HELP),
        Ok(Task::Child { scenario, contestant, size }) => processes::be_child(scenario, contestant, size),
        Ok(Task::Compare(options)) => return compare(&options),
        Err(wrong) => {
            eprintln!("{wrong}\n\n{}", options::HELP);
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn compare(options: &Options) -> ExitCode {
    println!("{}", table::heading(options));
    let mut table = Table::default();
    let mut failed = false;
    for &scenario in &options.scenarios {
        for round in 0..options.rounds {
            for contestant in in_rotation(options.contestants(scenario), round) {
                let what = format!("{scenario}, round {} of {}, {contestant}", round + 1, options.rounds);
                match processes::run(scenario, contestant, options.quick) {
                    Ok(report) => {
                        eprintln!("{what}: {}", table::line(scenario, &report));
                        table.add(Run { scenario, round, contestant, report });
                    }
                    Err(why) => {
                        eprintln!("{what} FAILED: {why}");
                        failed = true;
                    }
                }
            }
        }
    }
    println!("\n{table}\n{}", table::footing());
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Who goes first gains or loses a little: everybody does in turn.
fn in_rotation(mut contestants: Vec<Contestant>, round: usize) -> Vec<Contestant> {
    let by = round % contestants.len().max(1);
    contestants.rotate_left(by);
    contestants
}

/// Whether a scenario is also shown for actix without a second thread: where crossing threads is what it measures.
fn also_within_one_thread(scenario: Scenario) -> bool {
    matches!(scenario, Scenario::Ask | Scenario::Askers | Scenario::PingPong)
}
