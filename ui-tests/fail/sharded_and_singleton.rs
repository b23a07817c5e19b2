use casty::prelude::*;

#[actor]
#[sharded]
#[singleton]
struct Both;

#[actor]
impl Both {}

#[actor]
#[sharded(factor = 3)]
#[sharded(sync = 1)]
struct ShardedTwice;

#[actor]
impl ShardedTwice {}

#[singleton]
#[actor]
#[singleton]
struct SingletonTwice;

#[actor]
impl SingletonTwice {}

fn main() {}
