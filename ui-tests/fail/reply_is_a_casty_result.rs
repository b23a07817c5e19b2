use casty::prelude::*;

#[message(reply = casty::Result<u64>)]
struct Withdraw(u64);

mod aliased {
    use casty::{Result, prelude::*};

    #[message(reply = Result<u64>, local)]
    pub struct Withdraw;
}

#[message(reply = casty::Result<T>)]
struct Generic<T>(T);

#[actor]
struct Account;

#[actor]
impl Account {
    #[handler]
    fn withdraw(&mut self, Withdraw(amount): Withdraw) -> casty::Result<u64> {
        Ok(amount)
    }

    #[handler]
    fn withdraw_all(&mut self, _: aliased::Withdraw) -> casty::Result<u64> {
        Ok(0)
    }
}

fn main() {}
