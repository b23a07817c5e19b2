use casty::prelude::*;

#[actor]
struct Account {
    #[casty(id)]
    id: String,
    #[casty(skip)]
    cache: Vec<u64>,
}

#[actor]
impl Account {}

fn main() {}
