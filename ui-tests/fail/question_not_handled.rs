use casty::prelude::*;

#[message]
struct Greet;

#[message(reply = u64)]
struct GetCount;

#[actor]
struct Greeter;

#[actor]
impl Greeter {
    #[handler]
    fn greet(&mut self, _: Greet) {}
}

#[casty::main]
async fn main(system: ActorSystem) -> casty::Result<()> {
    let greeter = system.spawn(|| Greeter).await?;
    let count = greeter.ask(GetCount).await?;
    println!("{count}");
    Ok(())
}
