use casty::prelude::*;

#[actor]
#[sharded]
struct Cache<T: Send + 'static> {
    #[casty(id)]
    id: String,
    value: Option<T>,
}

#[actor]
impl<T: Send + 'static> Cache<T> {}

#[actor]
#[singleton]
struct Slots<const COUNT: usize>;

#[actor]
impl<const COUNT: usize> Slots<COUNT> {}

#[actor]
#[sharded]
struct Borrowed<'a> {
    name: &'a str,
}

#[actor]
impl<'a> Borrowed<'a> {}

fn sharded<A: casty::Entity>() {}

fn main() {
    sharded::<Cache<u64>>();
}
