use casty::prelude::*;

#[actor]
#[sharded(replicas = 3)]
struct Unknown;

#[actor]
impl Unknown {}

#[actor]
#[sharded(factor = 2, factor = 3)]
struct Repeated;

#[actor]
impl Repeated {}

#[actor]
#[sharded(name = "", factor = 0, sync = 1, timeout = 0s, passivate_after = 0m)]
struct OutOfRange;

#[actor]
impl OutOfRange {}

#[actor]
#[sharded(factor = "3", sync = some, strict = yes, timeout = 5, state = own, durable = ssd, on_loss = ignore, remember)]
struct Malformed;

#[actor]
impl Malformed {}

#[actor]
#[sharded(sync = -2)]
struct BelowZero;

#[actor]
impl BelowZero {}

#[actor]
#[sharded = "accounts"]
struct NoList;

#[actor]
impl NoList {}

fn main() {}
