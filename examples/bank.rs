//! Money goes from account to account on three nodes, one of which goes and comes back: in the end there is as much as before.
//!
//! A transfer changes two accounts, which no one message can do. So it is an entity itself: it keeps what it is to do and
//! how far it has come, and each of its steps can be taken again, since the accounts know which transfers they have seen.
//!
//! `cargo run -p casty-examples --example bank`

use std::{collections::BTreeMap, time::Duration};

use casty::prelude::*;
use tokio::{task::JoinSet, time::sleep};

#[message]
struct Deposit {
    id: String,
    amount: u64,
}

/// Answered with whether there was enough.
#[message(reply = bool)]
struct Withdraw {
    id: String,
    amount: u64,
}

#[message(reply = u64)]
struct GetBalance;

#[actor]
#[sharded(name = "accounts", factor = 3, sync = quorum)]
#[derive(Default)]
struct Account {
    balance: u64,
    /// What came of each deposit and withdrawal, by its id. One that was refused stays so: it may come late, and again.
    seen: BTreeMap<String, bool>,
}

#[actor]
impl Account {
    #[handler]
    fn deposit(&mut self, Deposit { id, amount }: Deposit) {
        if self.seen.insert(id, true).is_none() {
            self.balance += amount;
        }
    }

    #[handler]
    fn withdraw(&mut self, Withdraw { id, amount }: Withdraw) -> bool {
        *self.seen.entry(id).or_insert_with(|| {
            let rest = self.balance.checked_sub(amount);
            self.balance = rest.unwrap_or(self.balance);
            rest.is_some()
        })
    }

    #[handler]
    fn balance(&self, _: GetBalance) -> u64 {
        self.balance
    }
}

/// What a transfer is to do.
#[message]
struct Begin {
    from: String,
    to: String,
    amount: u64,
}

/// Takes the next step, and tells how far it has come.
#[message(reply = Step)]
struct Advance;

/// `#[message]` is for what travels within messages, too.
#[message]
#[derive(Default, Clone, Copy)]
enum Step {
    #[default]
    Begun,
    Withdrawn,
    Done,
    Refused,
}

#[actor]
#[sharded(name = "transfers", factor = 3, sync = quorum)]
#[derive(Default)]
struct Transfer {
    #[casty(id)]
    id: String,
    intent: Option<Begin>,
    step: Step,
}

#[actor]
impl Transfer {
    #[handler]
    fn begin(&mut self, intent: Begin) {
        self.intent.get_or_insert(intent);
    }

    /// One step at a time: what came of it is kept before the next is taken.
    #[handler]
    async fn advance(&mut self, _: Advance, ctx: &mut Context<Self>) -> casty::Result<Step> {
        let Some(Begin { from, to, amount }) = &self.intent else { return Err("it was not begun".into()) };
        let (accounts, id, amount) = (ctx.system().sharded::<Account>(), self.id.clone(), *amount);
        // Where the account's answer does not come, the step is taken again next time.
        match self.step {
            Step::Begun => match accounts.entity(from.as_str()).ask(Withdraw { id, amount }).await {
                Ok(true) => self.step = Step::Withdrawn,
                Ok(false) => self.step = Step::Refused,
                Err(error) => println!("{}: {error}", self.id),
            },
            Step::Withdrawn => match accounts.entity(to.as_str()).ask(Deposit { id, amount }).await {
                Ok(()) => self.step = Step::Done,
                Err(error) => println!("{}: {error}", self.id),
            },
            Step::Done | Step::Refused => {}
        }
        Ok(self.step)
    }
}

const ACCOUNTS: [&str; 4] = ["ada", "barbara", "edsger", "grace"];
const BALANCE: u64 = 100;

/// Goes on until the transfer has come to its end. Returns whether it was made.
async fn transfer(node: &ActorSystem, id: &str, from: &str, to: &str, amount: u64) -> bool {
    let transfer = node.sharded::<Transfer>().entity(id);
    // Whatever went wrong, and whether or not it was handled all the same: it can be asked for again.
    while let Err(error) = transfer.ask(Begin { from: from.into(), to: to.into(), amount }).await {
        println!("{error}");
        sleep(Duration::from_millis(50)).await;
    }
    loop {
        match transfer.ask(Advance).await {
            Ok(Step::Done) => return true,
            Ok(Step::Refused) => return false,
            Ok(Step::Begun | Step::Withdrawn) => {}
            Err(error) => {
                println!("{error}");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Makes so many transfers, from account to account in turn. Returns how many were made.
async fn client(node: ActorSystem, name: &str, count: usize) -> usize {
    let mut made = 0;
    for number in 0..count {
        let (from, to) = (ACCOUNTS[number % 4], ACCOUNTS[(number + 1 + number / 4 % 3) % 4]);
        let amount = 10 + number as u64 % 7 * 15;
        made += usize::from(transfer(&node, &format!("{name}-{number}"), from, to, amount).await);
    }
    made
}

async fn start(name: &str, seeds: &[String]) -> casty::Result<ActorSystem> {
    Ok(ActorSystem::distributed("127.0.0.1:0").node_id(name).seeds(seeds).start().await?)
}

#[casty::main]
async fn main(_: ActorSystem) -> casty::Result<()> {
    let one = start("one", &[]).await?;
    let seeds = [one.cluster().ok_or("it is a node")?.address().to_owned()];
    let (two, mut three) = (start("two", &seeds).await?, start("three", &seeds).await?);
    for account in ACCOUNTS {
        one.sharded::<Account>().entity(account).ask(Deposit { id: "opening".into(), amount: BALANCE }).await?;
    }

    let mut clients = JoinSet::new();
    for (node, name) in [(&one, "a"), (&one, "b"), (&two, "c"), (&two, "d")] {
        clients.spawn(client(node.clone(), name, 200));
    }
    // Whatever is on it goes on elsewhere, and some of it comes back. (A node that is killed is no different: what was answered
    // is on another, and what was not is asked for again.)
    for _ in 0..2 {
        three.shutdown().await;
        println!("three has gone");
        three = start("three", &seeds).await?;
        println!("three is back");
    }
    let made: usize = clients.join_all().await.iter().sum();

    let mut total = 0;
    for account in ACCOUNTS {
        let balance = three.sharded::<Account>().entity(account).ask(GetBalance).await?;
        println!("{account} has {balance}");
        total += balance;
    }
    println!("{made} transfers, {} refused; {total} in all", 800 - made);
    assert_eq!(total, BALANCE * ACCOUNTS.len() as u64);
    for node in [three, two, one] {
        node.shutdown().await;
    }
    Ok(())
}
