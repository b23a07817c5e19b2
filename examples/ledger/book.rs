//! The actor that has the accounts: it opens one when it is first named, and passes each line to its own.

use std::collections::{HashMap, hash_map::Entry};

use casty::prelude::*;

use super::{
    PATIENCE,
    account::{Account, Balance, Page, Post},
    amount::Amount,
    csv::Transaction,
    report::Report,
};

/// Post some lines, in their order.
#[message(local)]
pub(super) struct Batch(pub(super) Vec<Transaction>);

/// How much is on each account, once all that was sent before is posted?
#[message(reply = Vec<(String, Amount)>, local)]
pub(super) struct Balances;

/// All accounts, each a child.
///
/// Its mailbox and theirs are bounded, and a sender waits: reading never gets far ahead of posting, so a file of any
/// length takes the same memory. If the book itself fails, its accounts stop with it; there is no point in going on.
#[actor(mailbox = 8, overflow = Wait)]
#[supervised(strategy = Stop)]
pub(super) struct Book {
    accounts: HashMap<String, ActorRef<Account>>,
    report: ActorRef<Report>,
}

impl Book {
    pub(super) fn new(report: ActorRef<Report>) -> Self {
        Self { accounts: HashMap::new(), report }
    }
}

#[actor]
impl Book {
    #[handler]
    async fn post(&mut self, Batch(lines): Batch, ctx: &mut Context<Self>) -> casty::Result<()> {
        for Transaction { line, account, amount } in lines {
            let account = match self.accounts.entry(account) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let (page, report) = (Page::default(), self.report.clone());
                    new.insert(ctx.spawn(move || Account::open(&page, &report)).await?)
                }
            };
            account.send(Post { line, amount }).await?;
        }
        Ok(())
    }

    #[handler]
    async fn balances(&mut self, _: Balances) -> casty::Result<Vec<(String, Amount)>> {
        let mut balances = Vec::with_capacity(self.accounts.len());
        for (name, account) in &self.accounts {
            balances.push((name.clone(), account.ask(Balance).timeout(PATIENCE).await?));
        }
        Ok(balances)
    }
}
