use casty::prelude::*;

#[actor]
#[sharded]
struct Account {
    #[casty(id)]
    id: u64,
    balance: i64,
}

#[actor]
impl Account {}

fn main() {}
