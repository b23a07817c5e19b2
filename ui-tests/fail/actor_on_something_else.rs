use casty::prelude::*;

#[actor]
fn greet() {}

#[actor]
struct Greeter;

#[actor]
impl Greeter {}

trait Greets {
    fn greet(&self);
}

#[actor]
impl Greets for Greeter {
    fn greet(&self) {}
}

fn main() {}
