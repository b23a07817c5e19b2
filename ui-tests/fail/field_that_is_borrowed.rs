use casty::prelude::*;

#[message(reply = Option<&'static str>)]
struct Greet {
    name: &'static str,
    greetings: Vec<&'static str>,
    count: u64,
}

#[actor]
struct Greeter;

#[actor]
impl Greeter {
    #[handler]
    fn greet(&self, Greet { name, greetings, count }: Greet) -> Option<&'static str> {
        println!("{name} {count}");
        greetings.first().copied()
    }
}

fn main() {}
