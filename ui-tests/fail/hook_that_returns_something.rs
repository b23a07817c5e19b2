use casty::prelude::*;

#[actor]
struct Worker;

#[actor]
impl Worker {
    fn on_start(&mut self) -> bool {
        true
    }

    async fn on_stop(&mut self) -> u8 {
        1
    }

    fn on_child_failure(&mut self) -> Option<u8> {
        None
    }
}

fn main() {}
