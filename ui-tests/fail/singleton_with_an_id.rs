use casty::prelude::*;

#[actor]
#[singleton]
struct Jobs {
    #[casty(id)]
    id: String,
}

#[actor]
impl Jobs {}

fn main() {}
