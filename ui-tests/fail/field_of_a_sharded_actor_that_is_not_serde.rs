use std::collections::HashMap;

use casty::prelude::*;

#[derive(Default)]
struct Entry;

#[actor]
#[sharded]
#[derive(Default)]
struct Account {
    #[casty(id)]
    id: String,
    balance: i64,
    cache: HashMap<String, Entry>,
}

#[actor]
impl Account {}

fn sharded<A: casty::Entity>() {}

fn main() {
    sharded::<Account>();
}
