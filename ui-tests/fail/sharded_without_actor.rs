use casty::prelude::*;

#[sharded(factor = 3)]
struct Account {
    #[casty(id)]
    id: String,
}

fn main() {}
