//! What is counted while the soak runs, and what must come out.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{
            AtomicBool, AtomicI64, AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::{Duration, Instant},
};

use casty::{ActorLabel, prelude::*};

use crate::random::mix;

/// Whatever takes longer than this has been forgotten by somebody.
const FORGOTTEN: Duration = Duration::from_secs(30);
const OUTCOMES: [&str; 8] = ["ok", "timeout", "stopped", "failed", "unanswered", "full", "cycle", "dropped"];
const DROPPED: usize = 7;

pub(crate) static STATES: AtomicI64 = AtomicI64::new(0);
pub(crate) static MESSAGES: AtomicI64 = AtomicI64::new(0);

/// Counted as long as what carries it is there: an actor's state, a message.
pub(crate) struct Token(&'static AtomicI64);

impl Token {
    pub(crate) fn new(of: &'static AtomicI64) -> Self {
        of.fetch_add(1, Relaxed);
        Self(of)
    }
}

impl Clone for Token {
    fn clone(&self) -> Self {
        Self::new(self.0)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Whether a message was handled, as its handler says.
#[derive(Clone, Default)]
pub(crate) struct Mark(Arc<AtomicBool>);

impl Mark {
    pub(crate) fn set(&self) {
        self.0.store(true, SeqCst);
    }

    fn is_set(&self) -> bool {
        self.0.load(SeqCst)
    }
}

/// One handler at a time, instances before and after a restart included.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<AtomicBool>);

pub(crate) struct Turn(Gate);

impl Gate {
    pub(crate) fn enter(&self, books: &Books) -> Turn {
        if self.0.swap(true, SeqCst) {
            books.wrong(format_args!("two handlers of one actor ran at once"));
        }
        Turn(self.clone())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        (self.0).0.store(false, SeqCst);
    }
}

/// Everything that the drivers and the actors begin, and how it ended.
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) ops: AtomicU64,
    begun: AtomicU64,
    outcomes: [AtomicU64; OUTCOMES.len()],
    wrongs: AtomicU64,
    dice: AtomicU64,
    tickets: AtomicU64,
    open: [Mutex<HashMap<u64, Open>>; 16],
}

struct Open {
    since: Instant,
    what: &'static str,
    actor: Option<ActorLabel>,
}

impl Books {
    /// Something that must not happen.
    pub(crate) fn wrong(&self, what: fmt::Arguments<'_>) {
        if self.wrongs.fetch_add(1, Relaxed) < 20 {
            println!("WRONG: {what}");
        }
    }

    pub(crate) fn wrongs(&self) -> u64 {
        self.wrongs.load(Relaxed)
    }

    /// For actors, which have no generator of their own: true once in about `n` times.
    pub(crate) fn one_in(&self, n: u64) -> bool {
        self.roll().is_multiple_of(n)
    }

    pub(crate) fn roll(&self) -> u64 {
        mix(self.dice.fetch_add(0x9e37_79b9_7f4a_7c15, Relaxed))
    }

    /// Waits for `task`, which must end some time.
    pub(crate) async fn wait<T>(&self, what: &'static str, actor: Option<ActorLabel>, task: impl Future<Output = T>) -> T {
        let ticket = self.tickets.fetch_add(1, Relaxed);
        let shelf = &self.open[usize::try_from(ticket % 16).unwrap_or_default()];
        shelf.lock().unwrap().insert(ticket, Open { since: Instant::now(), what, actor });
        let waiting = Waiting { shelf, ticket };
        let out = task.await;
        drop(waiting);
        out
    }

    /// Awaits an ask for `n`, whose answer is to be `n + 1`. Returns whether it was answered.
    pub(crate) async fn ask(
        &self,
        what: &'static str,
        label: ActorLabel,
        asking: impl Future<Output = Result<u64, AskError>>,
        n: u64,
        mark: Mark,
    ) -> bool {
        self.begun.fetch_add(1, Relaxed);
        let mut asked = Asked { books: self, outcome: DROPPED };
        let answer = self.wait(what, Some(label), asking).await;
        let handled = mark.is_set();
        asked.outcome = match &answer {
            Ok(_) => 0,
            Err(AskError::Timeout { .. }) => 1,
            Err(AskError::Stopped { .. }) => 2,
            Err(AskError::Failed { .. }) => 3,
            Err(AskError::NotAnswered { .. }) => 4,
            Err(AskError::MailboxFull { .. }) => 5,
            Err(AskError::Cycle { .. }) => 6,
            Err(error) => unreachable!("an outcome that the soak does not know: {error}"),
        };
        match &answer {
            Ok(got) if *got != n + 1 => self.wrong(format_args!("{what} of {n} was answered with {got}")),
            Ok(_) | Err(AskError::Failed { .. }) if !handled => {
                self.wrong(format_args!("{what} has an outcome and was not handled: {answer:?}"));
            }
            Err(AskError::Stopped { .. } | AskError::MailboxFull { .. }) if handled => {
                self.wrong(format_args!("{what} was handled, and its asker told that it was not: {answer:?}"));
            }
            _ => {}
        }
        answer.is_ok()
    }

    /// What waits for too long.
    pub(crate) fn forgotten(&self) -> Vec<String> {
        let mut forgotten = Vec::new();
        for shelf in &self.open {
            let shelf = shelf.lock().unwrap();
            let late = shelf.values().filter(|open| open.since.elapsed() > FORGOTTEN);
            forgotten.extend(late.map(|Open { since, what, actor }| format!("{what}, {actor:?}, since {:?}", since.elapsed())));
        }
        forgotten
    }

    /// Every ask has ended, in one of the ways.
    pub(crate) fn check_asks(&self) {
        let (begun, ended) = (self.begun.load(SeqCst), self.outcomes.iter().map(|count| count.load(SeqCst)).sum::<u64>());
        if begun != ended {
            self.wrong(format_args!("{begun} asks began, {ended} ended"));
        }
    }
}

impl fmt::Display for Books {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "asks {}:", self.begun.load(Relaxed))?;
        OUTCOMES.iter().zip(&self.outcomes).try_for_each(|(name, count)| write!(f, " {name} {}", count.load(Relaxed)))
    }
}

struct Waiting<'a> {
    shelf: &'a Mutex<HashMap<u64, Open>>,
    ticket: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.shelf.lock().unwrap().remove(&self.ticket);
    }
}

struct Asked<'a> {
    books: &'a Books,
    outcome: usize,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.books.outcomes[self.outcome].fetch_add(1, Relaxed);
    }
}
