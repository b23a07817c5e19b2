use casty::prelude::*;

#[message]
struct Greet;

struct Greeter;

#[actor]
impl Greeter {
    #[handler]
    fn greet(&mut self, _: Greet) {}
}

fn main() {}
