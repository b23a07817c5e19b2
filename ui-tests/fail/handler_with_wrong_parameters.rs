use casty::prelude::*;

#[message]
struct Owned;

#[message]
struct Borrowed;

#[message]
struct Surplus;

#[message]
struct Generic;

#[message]
struct Dangerous;

#[message]
struct Arguments;

#[actor]
struct Greeter;

#[actor]
impl Greeter {
    #[handler]
    fn by_value(self, _: Owned) {}

    #[handler]
    fn borrowed(&mut self, _: &Borrowed) {}

    #[handler]
    fn surplus(&mut self, _: Surplus, count: u64) {}

    #[handler]
    fn generic<T>(&mut self, _: Generic) {}

    #[handler]
    unsafe fn dangerous(&mut self, _: Dangerous) {}

    #[handler(Owned)]
    fn with_arguments(&mut self, _: Arguments) {}
}

fn main() {}
