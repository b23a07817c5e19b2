//! What the actors of a run did and were told, as they wrote it down themselves.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use casty::ActorRef;

use crate::{
    actors::Watcher,
    ledgers::{Act, Name, Op, Outcome},
    mortals::Line,
};

/// A message that an actor has handled.
#[derive(Debug, Clone)]
pub(crate) struct Handled {
    /// Which actor: each start of one has its own.
    pub(crate) by: u64,
    pub(crate) sender: u64,
    pub(crate) number: u64,
    pub(crate) idempotent: bool,
}

/// What a sender was told of its message.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) sender: u64,
    pub(crate) number: u64,
    /// Whether it can have been handled, by what the sender was told.
    pub(crate) maybe: bool,
    /// Whether it was, by that.
    pub(crate) surely: bool,
}

/// A client and an entity.
#[derive(Debug, Clone)]
pub(crate) enum Call {
    Begun {
        /// Of the client.
        node: usize,
        entity: Name,
        op: Op,
        act: Act,
        /// The order of its beginning, or of the first of those that were begun together.
        began: u64,
    },
    Ended {
        entity: Name,
        op: Op,
        outcome: Outcome,
    },
}

/// Clones are the same book.
#[derive(Debug, Clone, Default)]
pub(crate) struct Book(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    counter: u64,
    handled: Vec<Handled>,
    told: Vec<Told>,
    calls: Vec<Call>,
    mortals: Vec<Line>,
    /// Those that have not ended, by their nodes.
    open: BTreeMap<Op, usize>,
    events: Vec<String>,
    wrong: Option<String>,
    stop: bool,
    answers: u64,
    watchers: Vec<(usize, ActorRef<Watcher>)>,
}

impl Book {
    fn open(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that nobody else has.
    pub(crate) fn count(&self) -> u64 {
        let mut pages = self.open();
        pages.counter += 1;
        pages.counter
    }

    pub(crate) fn handled(&self, handled: Handled) {
        self.open().handled.push(handled);
    }

    pub(crate) fn told(&self, told: Told) {
        let mut pages = self.open();
        pages.answers += u64::from(told.surely);
        pages.told.push(told);
    }

    pub(crate) fn call(&self, call: Call) {
        let mut pages = self.open();
        match &call {
            Call::Begun { op, node, .. } => drop(pages.open.insert(*op, *node)),
            Call::Ended { op, .. } => drop(pages.open.remove(op)),
        }
        pages.calls.push(call);
    }

    /// How many calls have not ended.
    pub(crate) fn open_calls(&self) -> usize {
        self.open().open.len()
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        mem::take(&mut self.open().calls)
    }

    pub(crate) fn mortal(&self, line: Line) {
        self.open().mortals.push(line);
    }

    pub(crate) fn mortals(&self) -> Vec<Line> {
        mem::take(&mut self.open().mortals)
    }

    pub(crate) fn event(&self, event: String) {
        self.open().events.push(event);
    }

    pub(crate) fn wrong(&self, what: String) {
        self.open().wrong.get_or_insert(what);
    }

    pub(crate) fn stop(&self) {
        self.open().stop = true;
    }

    pub(crate) fn is_over(&self) -> bool {
        self.open().stop
    }

    pub(crate) fn watcher(&self, node: usize, watcher: ActorRef<Watcher>) {
        self.open().watchers.push((node, watcher));
    }

    pub(crate) fn crashed(&self, node: usize) {
        let mut pages = self.open();
        pages.watchers.retain(|(other, _)| *other != node);
        pages.open.retain(|_, other| *other != node);
    }

    pub(crate) fn watchers(&self) -> Vec<(usize, ActorRef<Watcher>)> {
        self.open().watchers.clone()
    }

    /// How many asks were answered.
    pub(crate) fn answers(&self) -> u64 {
        self.open().answers
    }

    pub(crate) fn take(&self) -> (Vec<Handled>, Vec<Told>, Vec<String>, Option<String>) {
        let mut pages = self.open();
        (mem::take(&mut pages.handled), mem::take(&mut pages.told), mem::take(&mut pages.events), pages.wrong.take())
    }
}
