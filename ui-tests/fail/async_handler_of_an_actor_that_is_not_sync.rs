use std::cell::Cell;

use casty::prelude::*;

#[message(reply = u64)]
struct Count;

#[actor]
struct Counter {
    count: Cell<u64>,
}

#[actor]
impl Counter {
    #[handler]
    async fn count(&self, _: Count) -> u64 {
        tick().await;
        self.count.get()
    }
}

async fn tick() {}

fn main() {}
