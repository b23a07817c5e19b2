use casty::prelude::*;

#[message(replay = u64)]
struct Unknown;

#[message(local, local)]
struct Repeated;

#[message(reply)]
struct WithoutValue;

#[message(name = Deposit)]
struct Malformed;

#[message(local = true)]
struct WithValue;

#[message(name = "")]
struct Empty;

#[message(reply = )]
struct Cut;

#[message(name "cut")]
struct WithoutSign;

#[message(idempotent, local)]
struct Contradictory;

#[message(reply = u8, nmae = "x", retian)]
struct AllAtOnce;

fn main() {}
