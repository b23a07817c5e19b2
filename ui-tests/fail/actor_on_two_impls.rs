use casty::prelude::*;

#[message]
struct Greet;

#[message]
struct Part;

#[actor]
struct Greeter;

#[actor]
impl Greeter {
    #[handler]
    fn greet(&mut self, _: Greet) {}
}

#[actor]
impl Greeter {
    #[handler]
    fn part(&mut self, _: Part) {}
}

fn main() {}
