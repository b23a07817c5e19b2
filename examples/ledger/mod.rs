//! Adds up account transactions from a CSV, with an actor for each account.
//!
//! ```text
//!            batches             lines
//! feed ──────────────▶ Book ──────────────▶ Account   (one for each name, a child of the book)
//!   │                                          │
//!   │ bad lines        Report ◀────────────────┘ refused lines
//!   └────────────────▶ (stderr, progress)
//! ```
//!
//! Messages flow one way and every mailbox is bounded: whoever is too fast waits, and nobody waits in a circle. A line
//! that is no transaction is reported by the reader. A line that makes its account fail is reported by the account,
//! which its supervisor then starts anew.
//!
//! The reader adds up what it read, the accounts what they were sent; in the end the two sums must be the same.

mod account;
mod amount;
mod book;
mod cli;
mod csv;
mod feed;
mod generate;
mod options;
mod outcome;
mod progress;
mod report;
mod source;

use std::time::{Duration, Instant};

use casty::prelude::*;
use thiserror::Error;

pub use amount::{Amount, AmountError, Sum};
pub use cli::execute;
pub use csv::{BadLine, CsvError, Lines, Reason, Transaction};
pub use generate::{Generator, Recipe};
pub use outcome::Outcome;
pub use report::Console;
pub use source::{InputError, Source};

use self::{book::Balances, book::Book, report::Finish, report::Report};

/// How long an answer may take. A reader at the other end of a pipe may be a person, so it is no matter of seconds.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// Posts every line of the source and returns the balances. Bad lines, and progress if it is wanted, go to the console.
pub async fn run(system: &ActorSystem, source: Source, console: Console, shows_progress: bool) -> Result<Outcome, LedgerError> {
    let report = system.spawn(move || Report::new(console.clone(), shows_progress)).await?;
    let given = report.clone();
    let book = system.spawn(move || Book::new(given.clone())).await?;
    let outcome = read_and_post(source, &book, &report).await;
    // Both are gone before anything else is printed.
    book.stop().await?;
    book.stopped().await;
    report.stop().await?;
    report.stopped().await;
    outcome
}

async fn read_and_post(source: Source, book: &ActorRef<Book>, report: &ActorRef<Report>) -> Result<Outcome, LedgerError> {
    let started = Instant::now();
    let (to_book, to_report) = (book.clone(), report.clone());
    let reading = tokio::task::spawn_blocking(move || feed::feed(source, &to_book, &to_report));
    let fed = reading.await.map_err(LedgerError::Reader)?;
    // All is posted once the accounts have answered, and all that they refused is reported.
    let balances = book.ask(Balances).timeout(PATIENCE).await;
    let complaints = report.ask(Finish).timeout(PATIENCE).await?;
    let fed = fed?;
    let mut outcome = Outcome {
        balances: balances?,
        lines: fed.lines,
        bad_lines: complaints.lines,
        posted: fed.sum.without(complaints.refused),
        elapsed: started.elapsed(),
    };
    outcome.sort();
    Ok(outcome)
}

/// Why there are no balances.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// The input cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The actors could not be started.
    #[error("the ledger cannot start: {0}")]
    Spawn(#[from] SpawnError),
    /// An actor is gone.
    #[error("the ledger broke down: {0}")]
    Send(#[from] SendError),
    /// An actor is gone, or failed.
    #[error("the ledger broke down: {0}")]
    Ask(#[from] AskError),
    /// Reading panicked.
    #[error("the ledger broke down: {0}")]
    Reader(tokio::task::JoinError),
}
