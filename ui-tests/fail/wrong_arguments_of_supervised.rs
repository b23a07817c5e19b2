use casty::prelude::*;

#[actor]
#[supervised(strategy = Retry, max_restart = 3)]
struct Unknown;

#[actor]
impl Unknown {}

#[actor]
#[supervised(within = 60, backoff_initial = "1s")]
struct NotADuration;

#[actor]
impl NotADuration {}

#[actor]
#[supervised(within = 0s, backoff_multiplier = 0.5, backoff_initial = 2s, backoff_max = 1s)]
struct OutOfRange;

#[actor]
impl OutOfRange {}

#[actor]
#[supervised(backoff_initial = 1m)]
struct LongerThanTheDefault;

#[actor]
impl LongerThanTheDefault {}

#[supervised(max_restarts = 1)]
#[actor]
#[supervised(max_restarts = 2)]
struct Twice;

#[actor]
impl Twice {}

fn main() {}
