//! The actors of a run.

use std::collections::HashSet;

use casty::{AnyRef, prelude::*};

use crate::book::{Book, Handled};

#[message]
pub(crate) struct Note {
    pub(crate) sender: u64,
    pub(crate) number: u64,
}

#[message(reply = u64)]
pub(crate) struct Question {
    pub(crate) sender: u64,
    pub(crate) number: u64,
}

#[message(reply = u64, idempotent)]
pub(crate) struct Again {
    pub(crate) sender: u64,
    pub(crate) number: u64,
}

/// Writes down what it handles.
#[actor]
pub(crate) struct Clerk {
    number: u64,
    book: Book,
}

impl Clerk {
    pub(crate) fn new(book: &Book) -> impl Fn() -> Self + Send + Sync + 'static {
        let book = book.clone();
        move || Self { number: book.count(), book: book.clone() }
    }

    fn handled(&self, sender: u64, number: u64, idempotent: bool) {
        self.book.handled(Handled { by: self.number, sender, number, idempotent });
    }
}

#[actor]
impl Clerk {
    #[handler]
    fn note(&mut self, Note { sender, number }: Note) {
        self.handled(sender, number, false);
    }

    #[handler]
    fn question(&mut self, Question { sender, number }: Question) -> u64 {
        self.handled(sender, number, false);
        number
    }

    #[handler]
    fn again(&mut self, Again { sender, number }: Again) -> u64 {
        self.handled(sender, number, true);
        number
    }
}

#[message(local)]
pub(crate) struct Watch(pub(crate) ActorRef<Clerk>);

/// What it still watches: names and actors.
#[message(local, reply = Vec<(String, String)>)]
pub(crate) struct Watched;

/// Watches clerks.
#[actor]
pub(crate) struct Watcher {
    book: Book,
    watched: HashSet<AnyRef>,
}

impl Watcher {
    pub(crate) fn new(book: &Book) -> impl Fn() -> Self + Send + Sync + 'static {
        let book = book.clone();
        move || Self { book: book.clone(), watched: HashSet::new() }
    }
}

#[actor]
impl Watcher {
    #[handler]
    fn watch(&mut self, Watch(clerk): Watch, ctx: &mut Context<Self>) {
        if self.watched.insert(AnyRef::from(&clerk)) {
            ctx.watch(&clerk);
        }
    }

    #[handler]
    fn watched(&mut self, _: Watched) -> Vec<(String, String)> {
        let mut watched: Vec<_> =
            self.watched.iter().map(|actor| (actor.name().unwrap_or_default().to_owned(), actor.id().to_string())).collect();
        watched.sort();
        watched
    }

    #[handler]
    fn terminated(&mut self, Terminated { actor, reason }: Terminated) {
        if !self.watched.remove(&actor) {
            self.book.wrong(format!("the end of {actor:?} ({reason}) was told to one who does not watch it, or twice"));
        }
    }
}
