use casty::prelude::*;

#[actor]
#[sharded]
struct Account {
    currency: Option<&'static str>,
    balance: i64,
}

#[actor]
impl Account {}

fn main() {}
