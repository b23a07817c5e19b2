use std::rc::Rc;

use casty::prelude::*;

#[actor]
struct Counter {
    count: Rc<u64>,
}

#[actor]
impl Counter {}

fn main() {}
