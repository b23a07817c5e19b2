use casty::prelude::*;

#[actor]
#[sharded]
#[derive(Default)]
enum Light {
    #[default]
    Red,
    Green {
        #[casty(skip)]
        seconds: u64,
    },
}

#[actor]
impl Light {}

fn sharded<A: casty::Entity>() {}

fn main() {
    sharded::<Light>();
}
