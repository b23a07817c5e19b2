use casty::prelude::*;

struct NotSerde;

#[actor]
#[sharded]
struct TwoIds {
    #[casty(id)]
    id: String,
    #[casty(id)]
    name: String,
}

#[actor]
impl TwoIds {}

#[actor]
#[sharded]
struct SkippedId(#[casty(id, skip)] String);

#[actor]
impl SkippedId {}

#[actor]
#[sharded]
struct Unknown {
    #[casty(skipped)]
    cache: NotSerde,
    #[casty]
    pool: NotSerde,
}

#[actor]
impl Unknown {}

#[actor]
#[sharded]
struct Twice {
    #[casty(skip)]
    #[casty(skip)]
    cache: NotSerde,
}

#[actor]
impl Twice {}

#[actor]
#[sharded]
struct Numbered(#[cfg(unix)] u64, u64);

#[actor]
impl Numbered {}

fn main() {}
