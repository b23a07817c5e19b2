//! The first program: an actor that greets, and counts.
//!
//! `cargo run -p casty-examples --example greeter`

use casty::prelude::*;

/// A message is a struct or an enum. This one needs no answer.
#[message]
struct Greet {
    name: String,
}

/// This one is a question: `reply` is the type of its answer.
#[message(reply = u64)]
struct GetGreetingCount;

/// An actor is a struct, too. Nobody but the actor touches its fields, so there is nothing to lock.
#[actor]
#[derive(Default)]
struct Greeter {
    count: u64,
}

/// It has a handler for each message that it takes, and handles one message at a time.
#[actor]
impl Greeter {
    #[handler]
    fn greet(&mut self, Greet { name }: Greet) {
        println!("Hello, {name}!");
        self.count += 1;
    }

    #[handler]
    async fn greeting_count(&self, _: GetGreetingCount) -> u64 {
        self.count
    }
}

#[casty::main]
async fn main(system: ActorSystem) -> casty::Result<()> {
    // What we get is a reference: the actor itself runs by itself from here on.
    let greeter = system.spawn(Greeter::default).await?;

    // `send` hands a message over and goes on.
    greeter.send(Greet { name: "Alice".into() }).await?;
    greeter.send(Greet { name: "Bob".into() }).await?;
    // greeter.send("Carol").await?;  does not compile: a `Greeter` has no handler for it

    // `ask` waits for the answer. Messages keep their order, so both greetings are counted.
    let count = greeter.ask(GetGreetingCount).await?;
    println!("Total greetings: {count}");
    Ok(())
}
