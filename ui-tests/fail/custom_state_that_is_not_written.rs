use casty::prelude::*;

#[actor]
#[sharded(state = custom)]
struct Account {
    balance: i64,
}

#[actor]
impl Account {}

fn sharded<A: casty::Entity>() {}

fn main() {
    sharded::<Account>();
}
