use casty::prelude::*;

#[actor]
struct Greeter;

impl Greeter {
    fn new() -> Self {
        Self
    }
}

fn main() {
    Greeter::new();
}
