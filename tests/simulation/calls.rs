//! Clients of entities.

use std::{collections::HashMap, time::Duration};

use casty::ActorSystem;
use futures_util::future::join_all;

use crate::{
    book::{Book, Call},
    dice::Dice,
    ledgers::{Act, LEDGERS, Ledger, Name, Op, Outcome, order},
};

/// Calls entities until the run is over.
pub(crate) async fn call(system: ActorSystem, node: usize, book: Book, mut dice: Dice) {
    let client = u32::try_from(book.count()).expect("there are fewer clients");
    let mut seen: HashMap<Name, u64> = HashMap::new();
    let mut number = 0;
    loop {
        tokio::time::sleep(dice.millis(20, 200)).await;
        if book.is_over() {
            return;
        }
        let name = LEDGERS[dice.below(LEDGERS.len())];
        let ledger = Ledger::of(&system, name.0, name.1);
        number += 1;
        let value = u64::from(client) * 1_000_000_000 + u64::from(number) * 10_000;
        let limit = dice.millis(1500, 5000);
        let (many, act) = match dice.below(20) {
            0..7 => (1, Act::Read),
            7..11 => (1, Act::Swap(value)),
            11..15 => (1, Act::Cas(seen.get(&name).copied().unwrap_or_default(), value)),
            15..18 => (1, Act::Add(1)),
            // Each begun after the one before it was handed over.
            _ => (3, Act::Add(1)),
        };
        let began = order();
        let ops = (0..many).map(|_| {
            number += 1;
            Op(client, number)
        });
        let calls: Vec<_> = ops.map(|op| one((&ledger, name), node, &book, (op, act, began), limit)).collect();
        for outcome in join_all(calls).await {
            if let Outcome::Answered(answer) = outcome {
                seen.insert(name, act.on(answer.was).unwrap_or(answer.was));
            }
        }
    }
}

/// Changes an entity, or asks for what it has.
pub(crate) async fn call_once(system: ActorSystem, node: usize, book: Book, name: Name, changes: bool) {
    let client = u32::try_from(book.count()).expect("there are fewer clients");
    let act = if changes { Act::Swap(u64::from(client) * 1_000_000_000) } else { Act::Read };
    let ledger = Ledger::of(&system, name.0, name.1);
    one((&ledger, name), node, &book, (Op(client, 1), act, order()), Duration::from_secs(2)).await;
}

async fn one(
    (ledger, entity): (&Ledger, Name),
    node: usize,
    book: &Book,
    (op, act, began): (Op, Act, u64),
    limit: Duration,
) -> Outcome {
    book.call(Call::Begun { node, entity, op, act, began });
    let outcome = ledger.call(op, act, limit).await;
    book.call(Call::Ended { entity, op, outcome: outcome.clone() });
    outcome
}
