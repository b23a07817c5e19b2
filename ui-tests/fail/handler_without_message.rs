use casty::prelude::*;

#[actor]
struct Greeter;

#[actor]
impl Greeter {
    #[handler]
    fn greet(&mut self) {}

    #[handler]
    fn greet_with(&mut self, _ctx: &mut Context<Self>) {}
}

fn main() {}
