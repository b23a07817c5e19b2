use casty::prelude::*;

#[actor]
#[sharded(factor = 3, sync = 3)]
struct TooMany;

#[actor]
impl TooMany {}

#[actor]
#[sharded(sync = 4)]
struct MoreThanTheDefault;

#[actor]
impl MoreThanTheDefault {}

#[actor]
#[sharded(strict = true)]
struct StrictAboutNothing;

#[actor]
impl StrictAboutNothing {}

#[actor]
#[singleton(sync = 0, strict = true)]
struct StrictAboutNone;

#[actor]
impl StrictAboutNone {}

fn main() {}
