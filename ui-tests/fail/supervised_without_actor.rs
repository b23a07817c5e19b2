use casty::prelude::*;

#[supervised(max_restarts = 3)]
struct Flaky {
    #[casty(skip)]
    attempts: u64,
}

fn main() {}
