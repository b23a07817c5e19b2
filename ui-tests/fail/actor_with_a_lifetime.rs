use casty::prelude::*;

#[message]
struct Greet;

#[actor]
struct Borrower<'a> {
    name: &'a str,
}

#[actor]
impl<'a> Borrower<'a> {
    #[handler]
    fn greet(&mut self, _: Greet) {
        println!("{}", self.name);
    }
}

fn main() {}
