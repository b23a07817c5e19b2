use casty::prelude::*;

#[actor]
#[singleton(passivate_after = 10m, remember = true)]
struct AlwaysActive;

#[actor]
impl AlwaysActive {}

#[actor]
#[singleton(shards = 3)]
struct Unknown;

#[actor]
impl Unknown {}

fn main() {}
