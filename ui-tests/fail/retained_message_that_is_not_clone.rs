use casty::prelude::*;

#[message(retain)]
struct Task(u64);

fn main() {}
