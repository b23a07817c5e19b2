#![deny(warnings)]

use casty::prelude::*;

#[supervised(max_restarts = 1)]
#[derive(Default)]
#[actor(name = "first")]
struct First;

#[casty::actor]
impl First {}

#[derive(Default)]
#[casty::actor]
#[casty::supervised]
struct Second;

#[actor]
impl Second {}

#[casty::supervised(within = 1.5h, backoff_multiplier = 3, backoff_initial = 10us, backoff_max = 10us)]
#[actor]
#[derive(Default)]
struct Third(#[allow(dead_code)] u8);

#[allow(clippy::needless_pass_by_ref_mut)]
#[actor]
impl Third {
    #[doc(hidden)]
    #[casty::handler]
    #[inline]
    fn first(&mut self, _: Message) {}
}

#[derive(Debug)]
#[message(local)]
#[derive(Clone)]
struct Message;

fn main() {
    let _ = (First, Second, Third(1), Message.clone());
}
