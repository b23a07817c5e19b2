use casty::prelude::*;

#[message]
struct Start;

#[actor]
struct Worker;

#[actor]
impl Worker {
    #[handler]
    fn on_start(&mut self, _: Start) {}
}

fn main() {}
