use casty::prelude::*;

#[message]
fn greet() {}

#[message(local)]
struct Borrowed<'a>(&'a str);

fn main() {}
