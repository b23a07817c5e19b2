use casty::prelude::*;

#[message]
struct Greet;

#[message]
struct Part;

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
    greeter.send(Greet).await?;
    greeter.send(Part).await?;
    Ok(())
}
