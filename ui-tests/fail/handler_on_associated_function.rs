use casty::prelude::*;

#[message]
struct Greet;

#[actor]
struct Greeter;

#[actor]
impl Greeter {
    #[handler]
    fn greet(_: Greet) {}
}

#[casty::main]
async fn main(system: ActorSystem) -> casty::Result<()> {
    let greeter = system.spawn(|| Greeter).await?;
    greeter.send(Greet).await?;
    Ok(())
}
