//! Clients of registers, and what they write down.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use casty::prelude::*;
use casty_tests::{
    ledgers::{
        Act, Op, Outcome,
        record::{Name, Record, Records, Transfer, now},
    },
    random::Random,
};
use futures_util::future::join_all;
use tokio::task::JoinSet;

use crate::{
    bank::{self, Account, Deposit, GetBalance},
    entities::Ledger,
};

/// How many accounts a generation has, and with how much each is opened.
const ACCOUNTS: usize = 4;
const BALANCE: u64 = 100;
/// How long somebody goes on with a transfer. Others finish it.
const TRANSFER: Duration = Duration::from_secs(4);

/// What clients are to do.
struct Work {
    /// The number of the first of them.
    first: u32,
    clients: u32,
    seed: u64,
    /// Part of the entities' ids, which are new with each.
    generation: u64,
    /// How long one rests between two calls, at most, in milliseconds.
    rest: u64,
}

impl Work {
    fn read(text: &str) -> Option<(&Path, Self)> {
        let (path, numbers) = text.split_once(' ')?;
        let numbers: Vec<u64> = numbers.split(' ').map_while(|number| number.parse().ok()).collect();
        let [first, clients, seed, generation, rest] = numbers[..] else { return None };
        let (first, clients) = (u32::try_from(first).ok()?, u32::try_from(clients).ok()?);
        Some((Path::new(path), Self { first, clients, seed, generation, rest }))
    }
}

/// The clients that are at work.
#[derive(Default)]
pub(crate) struct Load {
    over: Mutex<Arc<AtomicBool>>,
    clients: tokio::sync::Mutex<JoinSet<()>>,
}

impl Load {
    pub(crate) async fn begin(&self, system: &ActorSystem, text: &str) -> Result<(), String> {
        let (path, work) = Work::read(text).ok_or("that is no work")?;
        let records = Arc::new(Records::open(path).map_err(|error| error.to_string())?);
        let over = Arc::new(AtomicBool::new(false));
        *self.over.lock().unwrap_or_else(PoisonError::into_inner) = over.clone();
        let mut clients = self.clients.lock().await;
        for client in work.first..work.first + work.clients {
            let caller = Caller {
                system: system.clone(),
                records: records.clone(),
                over: over.clone(),
                client,
                generation: work.generation,
                rest: work.rest,
                random: Random::new(work.seed ^ u64::from(client) << 32),
            };
            if client == work.first {
                clients.spawn(caller.make_transfers());
            } else {
                clients.spawn(caller.run());
            }
        }
        Ok(())
    }

    /// Returns when all calls have ended.
    pub(crate) async fn end(&self) {
        self.over.lock().unwrap_or_else(PoisonError::into_inner).store(true, Relaxed);
        while self.clients.lock().await.join_next().await.is_some() {}
    }
}

struct Caller {
    system: ActorSystem,
    records: Arc<Records>,
    over: Arc<AtomicBool>,
    client: u32,
    generation: u64,
    rest: u64,
    random: Random,
}

impl Caller {
    async fn run(mut self) {
        let mut number = 0;
        let mut seen = std::collections::HashMap::new();
        while !self.over.load(Relaxed) {
            let name = self.name();
            let ledger = Ledger::of(&self.system, &name.0, &name.1);
            let value = u64::from(self.client) * 1_000_000_000 + u64::from(number + 1) * 10;
            let limit = Duration::from_millis(self.random.between(1500, 5000));
            let (many, act) = match self.random.below(20) {
                0..7 => (1, Act::Read),
                7..11 => (1, Act::Swap(value)),
                11..15 => (1, Act::Cas(seen.get(&name).copied().unwrap_or_default(), value)),
                15..18 => (1, Act::Add(1)),
                // Each begun after the one before it was handed over.
                _ => (3, Act::Add(1)),
            };
            let calls: Vec<_> = (0..many)
                .map(|_| {
                    number += 1;
                    self.call(&ledger, &name, Op(self.client, number), act, limit)
                })
                .collect();
            for outcome in join_all(calls).await {
                if let Outcome::Answered(answer) = outcome {
                    seen.insert(name.clone(), act.on(answer.was).unwrap_or(answer.was));
                }
            }
            tokio::time::sleep(Duration::from_millis(self.random.between(0, self.rest))).await;
        }
    }

    /// One of the clients moves money.
    async fn make_transfers(mut self) {
        for number in 0.. {
            if self.over.load(Relaxed) {
                return;
            }
            let (from, step) = (self.random.below(ACCOUNTS), 1 + self.random.below(ACCOUNTS - 1));
            let account = |at: usize| format!("{}-{}", self.generation, at % ACCOUNTS);
            let transfer = Transfer {
                id: format!("{}.{number}", self.client),
                from: account(from),
                to: account(from + step),
                amount: self.random.between(1, 70),
            };
            self.records.write(&Record::Transfer(transfer.clone()));
            if make(&self.system, &transfer).await.is_some() {
                self.records.write(&Record::Made(transfer.id));
            }
            tokio::time::sleep(Duration::from_millis(self.random.between(0, self.rest))).await;
        }
    }

    fn name(&mut self) -> Name {
        let kind = ["one", "majority", "all"][self.random.below(3)];
        match self.random.below(16) {
            0 => ("only".into(), String::new()),
            at => (kind.into(), format!("{}-{}", self.generation, at % 4)),
        }
    }

    async fn call(&self, ledger: &Ledger, name: &Name, op: Op, act: Act, limit: Duration) -> Outcome {
        self.records.write(&Record::Begun { entity: name.clone(), op, act, at: now() });
        let outcome = ledger.call(op, act, limit).await;
        self.records.write(&Record::Ended { entity: name.clone(), op, at: now(), outcome: outcome.clone() });
        outcome
    }
}

/// Goes on with a transfer. Returns whether it was made, if it has come to an end.
pub(crate) async fn make(system: &ActorSystem, transfer: &Transfer) -> Option<bool> {
    let Transfer { id, from, to, amount } = transfer;
    let making = async {
        for account in [from, to] {
            let opening = Deposit { id: "opening".into(), amount: BALANCE };
            // It may be open already, which does no harm. Whether it is known to be does.
            if system.sharded::<Account>().entity(account.as_str()).ask(opening).await.is_err() {
                return None;
            }
        }
        Some(bank::transfer(system, id, from, to, *amount).await)
    };
    tokio::time::timeout(TRANSFER, making).await.ok().flatten()
}

/// How much more there is in all accounts of a generation than there was, in words if that is known.
pub(crate) async fn surplus(system: &ActorSystem, generation: &str) -> Result<i64, AskError> {
    let mut surplus = 0;
    for at in 0..ACCOUNTS {
        let account = system.sharded::<Account>().entity(format!("{generation}-{at}"));
        account.ask(Deposit { id: "opening".into(), amount: BALANCE }).await?;
        surplus += account.ask(GetBalance).await? as i64 - BALANCE as i64;
    }
    Ok(surplus)
}
