use casty::prelude::*;

#[singleton]
struct Jobs {
    #[casty(skip)]
    done: u64,
}

fn main() {}
