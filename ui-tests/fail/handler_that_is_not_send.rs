use std::rc::Rc;

use casty::prelude::*;

#[message(reply = usize)]
struct Count;

#[actor]
struct Counter;

#[actor]
impl Counter {
    #[handler]
    async fn count(&mut self, _: Count) -> usize {
        let shared = Rc::new(1);
        tick().await;
        *shared
    }
}

async fn tick() {}

fn main() {}
