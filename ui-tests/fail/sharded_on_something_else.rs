use casty::prelude::*;

#[actor]
#[sharded]
struct Account;

#[sharded]
#[actor]
impl Account {}

#[singleton]
fn jobs() {}

fn main() {}
