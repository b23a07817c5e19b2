//! The actor behind one account, and what its supervisor does for it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use casty::prelude::*;
use thiserror::Error;

use super::{
    amount::Amount,
    report::{Refused, Report},
};

/// Pay in, or out. Retained, so that the account can tell which line it failed on.
#[derive(Clone)]
#[message(retain, local)]
pub(super) struct Post {
    pub(super) line: u64,
    pub(super) amount: Amount,
}

/// How much is on the account?
#[message(reply = Amount, local)]
pub(super) struct Balance;

/// The account's page in the book: what one instance of the actor leaves to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Page(Arc<AtomicI64>);

impl Page {
    fn balance(&self) -> Amount {
        Amount::from_cents(self.0.load(Ordering::Relaxed))
    }

    fn keep(&self, balance: Amount) {
        self.0.store(balance.cents(), Ordering::Relaxed);
    }
}

/// One account. A line that it cannot post is a failure: the actor starts anew, on the same page, with the next line.
///
/// It is the line's fault, not the account's. So there is no limit to the restarts, and no use in waiting between them.
#[actor(mailbox = 1024, overflow = Wait)]
#[supervised(strategy = Restart, max_restarts = 4294967295, backoff_initial = 0ms, backoff_max = 0ms)]
pub(super) struct Account {
    balance: Amount,
    page: Page,
    report: ActorRef<Report>,
}

impl Account {
    pub(super) fn open(page: &Page, report: &ActorRef<Report>) -> Self {
        Self { balance: page.balance(), page: page.clone(), report: report.clone() }
    }
}

#[actor]
impl Account {
    #[handler]
    fn post(&mut self, Post { amount, .. }: Post) -> casty::Result<()> {
        let balance = self.balance;
        self.balance = balance.checked_add(amount).ok_or(Overflow { amount, balance })?;
        Ok(())
    }

    #[handler]
    fn balance(&self, _: Balance) -> Amount {
        self.balance
    }

    async fn pre_restart(&mut self, failure: &Failure) -> casty::Result<()> {
        self.page.keep(self.balance);
        if let Some(&Post { line, amount }) = failure.message::<Post>() {
            let reason = failure.to_string();
            self.report.send(Refused { line, amount, reason }).await?;
        }
        Ok(())
    }
}

/// A balance that no amount can hold.
#[derive(Debug, Error)]
#[error("{amount} cannot be posted to a balance of {balance}: the sum is too large")]
struct Overflow {
    amount: Amount,
    balance: Amount,
}
