//! The actor that tells people what goes on: bad lines as they are met, and a progress line below them.
//!
//! Reader and accounts run side by side and share one terminal. As one actor owns it, no line is torn, and none is
//! lost in the progress line.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use casty::prelude::*;

use super::{
    amount::{Amount, Sum},
    csv::BadLine,
    progress::Progress,
};

/// How often the progress line is drawn again.
const REDRAW: Duration = Duration::from_millis(200);

/// A line is no transaction.
#[message(local)]
pub(super) struct Broken(pub(super) BadLine);

/// A line is a transaction, but its account refused it.
#[message(local)]
pub(super) struct Refused {
    pub(super) line: u64,
    pub(super) amount: Amount,
    pub(super) reason: String,
}

/// The reader got this far.
#[message(local)]
pub(super) struct Advanced(pub(super) Progress);

#[derive(Clone)]
#[message(local)]
struct Redraw;

/// What was wrong in all? The work is done: the progress line goes away.
#[message(reply = Complaints, local)]
pub(super) struct Finish;

/// What was wrong in all.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Complaints {
    /// Lines that were not posted.
    pub(super) lines: u64,
    /// The sum of those that their accounts refused.
    pub(super) refused: Sum,
}

/// Writes bad lines and progress to the [`Console`].
#[actor(mailbox = 1024, overflow = Wait)]
pub(super) struct Report {
    console: Console,
    shows_progress: bool,
    started: Instant,
    progress: Progress,
    is_drawn: bool,
    complaints: Complaints,
}

impl Report {
    pub(super) fn new(console: Console, shows_progress: bool) -> Self {
        Self {
            console,
            shows_progress,
            started: Instant::now(),
            progress: Progress::default(),
            is_drawn: false,
            complaints: Complaints::default(),
        }
    }

    fn complain(&mut self, line: u64, reason: impl std::fmt::Display) {
        self.complaints.lines += 1;
        self.clear();
        self.console.write(&format!("line {line}: {reason}\n"));
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            self.console.write("\r\x1b[K");
        }
    }
}

#[actor]
impl Report {
    fn on_start(&mut self, ctx: &mut Context<Self>) {
        if self.shows_progress {
            ctx.schedule_every(REDRAW, Redraw);
        }
    }

    #[handler]
    fn broken(&mut self, Broken(bad): Broken) {
        self.complain(bad.line, bad.reason);
    }

    #[handler]
    fn refused(&mut self, Refused { line, amount, reason }: Refused) {
        self.complaints.refused.add(amount);
        self.complain(line, reason);
    }

    #[handler]
    fn advanced(&mut self, Advanced(progress): Advanced) {
        self.progress = progress;
    }

    #[handler]
    fn redraw(&mut self, _: Redraw) {
        self.clear();
        self.console.write(&self.progress.text(self.started.elapsed()));
        self.is_drawn = true;
    }

    #[handler]
    fn finish(&mut self, _: Finish) -> Complaints {
        self.shows_progress = false;
        self.clear();
        self.complaints
    }
}

/// Where bad lines, progress and errors are written.
#[derive(Clone)]
pub struct Console {
    out: Arc<Mutex<dyn Write + Send>>,
    is_terminal: bool,
}

impl Console {
    /// The standard error output.
    pub fn stderr() -> Self {
        Self { out: Arc::new(Mutex::new(io::stderr())), is_terminal: io::stderr().is_terminal() }
    }

    /// Anything else, a buffer of a test for instance. It counts as no terminal.
    pub fn new(out: Arc<Mutex<dyn Write + Send>>) -> Self {
        Self { out, is_terminal: false }
    }

    /// Whether a person is looking.
    pub(super) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Writes at once. Where nobody can be told, work goes on in silence.
    pub(super) fn write(&self, text: &str) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}
