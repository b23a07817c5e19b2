use casty::prelude::*;

struct Greet;

#[actor]
struct Greeter;

#[actor]
impl Greeter {
    #[handler]
    async fn greet(&mut self, _: Greet) {}
}

fn main() {}
