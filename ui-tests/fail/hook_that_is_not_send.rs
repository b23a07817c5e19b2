use std::rc::Rc;

use casty::prelude::*;

#[actor]
struct Counter;

#[actor]
impl Counter {
    async fn on_start(&mut self) {
        let shared = Rc::new(1);
        tick().await;
        println!("{shared}");
    }
}

async fn tick() {}

fn main() {}
