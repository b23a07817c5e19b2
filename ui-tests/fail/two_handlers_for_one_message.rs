use casty::prelude::*;

#[message]
struct Greet;

#[actor]
struct Greeter;

#[actor]
impl Greeter {
    #[handler]
    fn greet(&mut self, _: Greet) {}

    #[handler]
    fn greet_again(&mut self, _: Greet) {}
}

fn main() {}
