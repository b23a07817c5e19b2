//! Reading: from lines to batches for the [`Book`].

use casty::prelude::*;
use tokio::runtime::Handle;

use super::{
    LedgerError,
    amount::Sum,
    book::{Batch, Book},
    csv::{CsvError, Lines},
    progress::Progress,
    report::{Advanced, Broken, Report},
    source::{InputError, Source},
};

/// Lines in a batch: enough that the hand-over costs nothing, few enough to see progress.
const BATCH: usize = 1_000;

/// What was read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fed {
    /// Lines besides the header and empty ones.
    pub(super) lines: u64,
    /// The sum of the good ones.
    pub(super) sum: Sum,
}

/// Reads the source to its end. It blocks: on the disk or the pipe, and on a book that is busy.
pub(super) fn feed(source: Source, book: &ActorRef<Book>, report: &ActorRef<Report>) -> Result<Fed, LedgerError> {
    let Source { name, input, size } = source;
    let failed = |source: CsvError| InputError::Csv { name: name.clone(), source };
    let runtime = Handle::current();
    let mut lines = Lines::open(input).map_err(failed)?;
    let mut fed = Fed::default();
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(line) = lines.next().transpose().map_err(failed)? {
        fed.lines += 1;
        match line {
            Ok(transaction) => {
                fed.sum.add(transaction.amount);
                batch.push(transaction);
            }
            Err(bad) => runtime.block_on(report.send(Broken(bad)))?,
        }
        if batch.len() == BATCH {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            runtime.block_on(book.send(Batch(full)))?;
        }
        if fed.lines.is_multiple_of(BATCH as u64) {
            let percent = size.percent(fed.lines, lines.bytes());
            runtime.block_on(report.send(Advanced(Progress { lines: fed.lines, percent })))?;
        }
    }
    runtime.block_on(book.send(Batch(batch)))?;
    Ok(fed)
}
