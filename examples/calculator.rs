//! Questions and answers: plain ones, domain errors, failures, late answers, timeouts.
//!
//! `cargo run -p casty-examples --example calculator`

use std::time::{Duration, Instant};

use casty::prelude::*;

#[message(reply = i64)]
struct Add(i64, i64);

#[message(reply = i64)]
struct Multiply(i64, i64);

/// A division can go wrong in a way that its asker understands. That is an answer like any other.
#[message(reply = Result<i64, String>)]
struct Divide(i64, i64);

/// A text that is no number is nobody's answer here: it is a failure of the actor.
#[message(reply = i64)]
struct Parse(String);

/// Takes long to answer.
#[message(reply = u64)]
struct Factorial(u64);

#[actor]
#[derive(Default)]
struct Calculator;

#[actor]
impl Calculator {
    #[handler]
    fn add(&self, Add(a, b): Add) -> i64 {
        a + b
    }

    #[handler]
    fn multiply(&self, Multiply(a, b): Multiply) -> i64 {
        a * b
    }

    #[handler]
    fn divide(&self, Divide(a, b): Divide) -> Result<i64, String> {
        a.checked_div(b).ok_or_else(|| format!("{a} cannot be divided by {b}"))
    }

    /// With `casty::Result` a handler can fail, and `?` works on every error. The supervisor restarts the actor.
    #[handler]
    fn parse(&mut self, Parse(text): Parse) -> casty::Result<i64> {
        Ok(text.parse()?)
    }

    /// The answer comes later, from elsewhere; meanwhile the actor handles other messages.
    #[handler]
    fn factorial(&mut self, Factorial(n): Factorial) -> Later<Factorial> {
        let (reply, later) = Later::new();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(200)).await;
            reply.send((1..=n).product());
        });
        later
    }
}

#[casty::main]
async fn main(system: ActorSystem) -> casty::Result<()> {
    let calculator = system.spawn(Calculator::default).await?;

    println!("2 + 3 = {}", calculator.ask(Add(2, 3)).await?);
    println!("4 * 5 = {}", calculator.ask(Multiply(4, 5)).await?);

    for (a, b) in [(7, 2), (7, 0)] {
        match calculator.ask(Divide(a, b)).await? {
            Ok(quotient) => println!("{a} / {b} = {quotient}"),
            Err(error) => println!("{a} / {b}: {error}"),
        }
    }

    // Two late answers overlap, and a quick question does not wait for either.
    let started = Instant::now();
    let (five, six, sum) = tokio::join!(calculator.ask(Factorial(5)), calculator.ask(Factorial(6)), calculator.ask(Add(1, 1)));
    println!("1 + 1 = {}, 5! = {}, 6! = {} after {} ms", sum?, five?, six?, started.elapsed().as_millis());

    // An answer is waited for 5 seconds, or as long as one likes.
    match calculator.ask(Factorial(20)).timeout(Duration::from_millis(50)).await {
        Err(AskError::Timeout { .. }) => println!("20! takes more than 50 ms"),
        other => println!("20!: {other:?}"),
    }

    // Code that only divides need not know who does it.
    let divide: Recipient<Divide> = calculator.recipient::<Divide>();
    println!("9 / 3 = {:?}", divide.ask(Divide(9, 3)).await?);

    // A failure reaches the asker at once. The actor is back after its first backoff, 100 ms.
    println!("\"12\" is {}", calculator.ask(Parse("12".into())).await?);
    match calculator.ask(Parse("twelve".into())).await {
        Err(AskError::Failed { .. }) => println!("\"twelve\" made the calculator fail; it starts anew"),
        other => println!("\"twelve\": {other:?}"),
    }
    println!("and \"12\" again is {}", calculator.ask(Parse("12".into())).await?);
    Ok(())
}
