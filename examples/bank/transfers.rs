//! Accounts and transfers, which are entities, and how a transfer is made.

use std::{collections::BTreeMap, time::Duration};

use casty::prelude::*;
use tokio::time::sleep;

#[message]
pub(crate) struct Deposit {
    pub(crate) id: String,
    pub(crate) amount: u64,
}

/// Answered with whether there was enough.
#[message(reply = bool)]
pub(crate) struct Withdraw {
    id: String,
    amount: u64,
}

#[message(reply = u64)]
pub(crate) struct GetBalance;

#[actor]
#[sharded(name = "accounts", factor = 3, sync = quorum)]
#[derive(Default)]
pub(crate) struct Account {
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
pub(crate) struct Begin {
    from: String,
    to: String,
    amount: u64,
}

/// Takes the next step, and tells how far it has come.
#[message(reply = Step)]
pub(crate) struct Advance;

/// `#[message]` is for what travels within messages, too.
#[message]
#[derive(Default, Clone, Copy)]
pub(crate) enum Step {
    #[default]
    Begun,
    Withdrawn,
    Done,
    Refused,
}

#[actor]
#[sharded(name = "transfers", factor = 3, sync = quorum)]
#[derive(Default)]
pub(crate) struct Transfer {
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
                Err(error) => eprintln!("{}: {error}", self.id),
            },
            Step::Withdrawn => match accounts.entity(to.as_str()).ask(Deposit { id, amount }).await {
                Ok(()) => self.step = Step::Done,
                Err(error) => eprintln!("{}: {error}", self.id),
            },
            Step::Done | Step::Refused => {}
        }
        Ok(self.step)
    }
}

/// Goes on until the transfer has come to its end. Returns whether it was made.
pub(crate) async fn transfer(node: &ActorSystem, id: &str, from: &str, to: &str, amount: u64) -> bool {
    let transfer = node.sharded::<Transfer>().entity(id);
    // Whatever went wrong, and whether or not it was handled all the same: it can be asked for again.
    while let Err(error) = transfer.ask(Begin { from: from.into(), to: to.into(), amount }).await {
        eprintln!("{error}");
        sleep(Duration::from_millis(50)).await;
    }
    loop {
        match transfer.ask(Advance).await {
            Ok(Step::Done) => return true,
            Ok(Step::Refused) => return false,
            Ok(Step::Begun | Step::Withdrawn) => {}
            Err(error) => {
                eprintln!("{error}");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
