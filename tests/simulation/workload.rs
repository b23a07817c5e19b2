//! What the nodes of a run are used for.

use std::collections::HashMap;

use casty::{ActorRef, ActorSystem, AskError, SpawnError};

use crate::{
    actors::{Again, Clerk, Note, Question, Watch, Watcher},
    book::{Book, Told},
    dice::Dice,
};

/// The names that everybody wants.
pub(crate) const NAMES: [&str; 6] = ["ada", "bob", "cleo", "dan", "eve", "fay"];

/// Sends numbered messages to whoever has the names, until the run is over.
pub(crate) async fn send(system: ActorSystem, node: usize, book: Book, mut dice: Dice) {
    let sender = book.count();
    let Ok(watcher) = system.spawn(Watcher::new(&book)).await else { return };
    book.watcher(node, watcher.clone());
    let mut known: HashMap<&str, ActorRef<Clerk>> = HashMap::new();
    for number in 1.. {
        tokio::time::sleep(dice.millis(5, 80)).await;
        if book.is_over() {
            return;
        }
        let name = NAMES[dice.below(NAMES.len())];
        if dice.percent(15) {
            known.remove(name);
        }
        let clerk = match known.get(name) {
            Some(clerk) => clerk.clone(),
            None => match system.lookup::<Clerk>(name).await {
                Ok(Some(clerk)) => {
                    known.insert(name, clerk.clone());
                    clerk
                }
                Ok(None) | Err(_) => continue,
            },
        };
        let limit = dice.millis(500, 3000);
        match dice.below(20) {
            0 => drop(watcher.send(Watch(clerk)).await),
            1..9 => {
                if let Err(error) = clerk.send(Note { sender, number }).await {
                    told(&book, sender, number, error.may_have_been_handled());
                }
            }
            9..15 => answered(&book, sender, number, &clerk.ask(Question { sender, number }).timeout(limit).await),
            _ => answered(&book, sender, number, &clerk.ask(Again { sender, number }).timeout(limit).await),
        }
    }
}

fn told(book: &Book, sender: u64, number: u64, maybe: bool) {
    book.told(Told { sender, number, maybe, surely: false });
}

fn answered(book: &Book, sender: u64, number: u64, answer: &Result<u64, AskError>) {
    match answer {
        Ok(echo) if *echo == number => book.told(Told { sender, number, maybe: true, surely: true }),
        Ok(echo) => book.wrong(format!("the answer to {number} of sender {sender} is that to {echo}")),
        Err(error) => told(book, sender, number, error.may_have_been_handled()),
    }
}

/// Gives names to clerks here, and ends some of them again.
pub(crate) async fn keep(system: ActorSystem, node: usize, book: Book, mut dice: Dice) {
    let mut mine: Vec<ActorRef<Clerk>> = Vec::new();
    loop {
        tokio::time::sleep(dice.millis(50, 500)).await;
        if book.is_over() {
            return;
        }
        if dice.percent(15)
            && let Some(clerk) = dice.pick(&mine)
        {
            mine.retain(|other| *other != clerk);
            let _ = clerk.stop().await;
            continue;
        }
        let name = NAMES[dice.below(NAMES.len())];
        match system.spawn(Clerk::new(&book)).name(name).await {
            Ok(clerk) => {
                book.event(format!("node-{node} has a clerk {name}"));
                mine.push(clerk);
            }
            Err(SpawnError::NameTaken { .. } | SpawnError::Unavailable { .. } | SpawnError::ShuttingDown { .. }) => {}
            Err(error) => book.wrong(format!("a spawn on node-{node}: {error}")),
        }
    }
}
