use casty::prelude::*;

#[actor]
#[sharded]
#[derive(Default)]
struct Account {
    #[casty(id)]
    id: String,
    balance: i64,
}

fn main() {}
