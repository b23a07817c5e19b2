use casty::prelude::*;

struct Handle(u32);

#[message(reply = Handle)]
struct Open;

fn main() {}
