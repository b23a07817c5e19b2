use casty::prelude::*;

struct Greet;

#[message]
struct Part;

#[actor]
struct Greeter;

#[actor]
impl Greeter {
    #[handler]
    fn greet(&mut self, _: Greet) {}

    #[handler]
    async fn part(&mut self, _: Part) {}
}

#[casty::main]
async fn main(system: ActorSystem) -> casty::Result<()> {
    let greeter = system.spawn(|| Greeter).await?;
    greeter.send(Part).await?;
    Ok(())
}
