//! Messages between two nodes, each a process, beside a raw TCP echo and, where it is installed, Erlang.
//!
//! ```text
//! cargo run --release -p casty-benches --bin remote                # all that is measured, five rounds
//! cargo run --release -p casty-benches --bin remote -- --help
//! ```
//!
//! This process is the first node and the raw client; the second node and the raw server are processes of their own, and all
//! stay for the whole run. The rounds are interleaved: each contestant in turn, then all again. The table gives medians, and
//! the ratios are medians of each round's. The memory of links is measured in two further processes.

mod actors;
mod erlang;
mod links;
mod node;
mod options;
mod process;
mod raw;
mod table;

use std::{process::ExitCode, sync::Arc};

use options::{Options, Task};
use table::{Figures, Measured, Table};
use tokio::task::spawn_blocking;

/// How a round is measured.
#[derive(Clone, Copy)]
struct Size {
    /// Questions, one after the other.
    single: usize,
    /// Questions, [`IN_FLIGHT`] at a time.
    many: usize,
    /// Messages one way.
    sends: usize,
}

/// Questions under way at once.
const IN_FLIGHT: usize = 64;

const FULL: Size = Size { single: 20_000, many: 400_000, sends: 2_000_000 };
const QUICK: Size = Size { single: 1_000, many: 20_000, sends: 100_000 };

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    casty_benches::fail_on_any_panic();
    let task = match options::parse(std::env::args().skip(1)) {
        Ok(task) => task,
        Err(wrong) => {
            eprintln!("{wrong}\n\n{}", options::HELP);
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let done = runtime.block_on(async {
        tokio::spawn(async move {
            match task {
                Task::Help => {
                    println!("{}", options::HELP);
                    Ok(())
                }
                Task::Server { seed } => node::serve(&seed).await,
                Task::Echo => raw::serve().await,
                Task::Hub => links::hub().await,
                Task::Spokes { seed } => links::spokes(&seed).await,
                Task::Measure(options) => measure(options).await,
            }
        })
        .await
        .expect("a task panicked")
    });
    match done {
        // Nothing is learnt from taking down what is still alive.
        Ok(()) => std::process::exit(0),
        Err(why) => {
            eprintln!("it failed: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(options: Options) -> Result<(), Failure> {
    let size = if options.quick { QUICK } else { FULL };
    let node = node::Client::start().await?;
    let raw = raw::Client::start().await?;
    let erlang = if options.erlang { spawn_blocking(erlang::Server::start).await?.map(Arc::new) } else { None };
    let mut table = Table::default();
    for round in 1..=options.rounds {
        let figures = Figures {
            casty: node.measure(size, &options).await?,
            raw: if options.raw { raw.measure(size, &options).await? } else { Measured::default() },
            // A worker that is blocked for long would break the link.
            erlang: match erlang.clone() {
                Some(server) => spawn_blocking(move || server.measure(size)).await?,
                None => None,
            },
        };
        eprintln!("round {round} of {}\n{figures}", options.rounds);
        table.add(figures);
    }
    println!("{table}");
    drop((node, raw, erlang));
    if options.links {
        println!("{}", links::measure()?);
    }
    Ok(())
}
