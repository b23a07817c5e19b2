//! Adds up a CSV of account transactions, an actor for each account: see `casty_examples::ledger`.
//!
//! ```console
//! $ cargo run --release -p casty-examples --example ledger -- --generate 1000000
//! $ cargo run --release -p casty-examples --example ledger -- transactions.csv --all
//! ```

use std::{
    env,
    io::{self, BufWriter},
    process::ExitCode,
};

use casty::prelude::*;
use casty_examples::ledger::{self, Console};

#[casty::main]
async fn main(system: ActorSystem) -> ExitCode {
    let mut out = BufWriter::new(io::stdout());
    ledger::execute(&system, env::args_os().skip(1), &mut out, Console::stderr()).await.into()
}
