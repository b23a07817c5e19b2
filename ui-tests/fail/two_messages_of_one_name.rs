use casty::prelude::*;

mod checking {
    use casty::prelude::*;

    #[message]
    pub struct Deposit;
}

#[message]
struct Deposit;

#[actor]
struct Account;

#[actor]
impl Account {
    #[handler]
    fn deposit(&mut self, _: Deposit) {}

    #[handler]
    fn deposit_on_checking(&mut self, _: checking::Deposit) {}
}

fn main() {}
