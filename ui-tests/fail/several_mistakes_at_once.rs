use casty::prelude::*;

#[message(replay = u64)]
struct Greet;

#[actor(mailbox = 0)]
#[supervised(within = 0s)]
#[derive(Default)]
struct Greeter {
    greeted: u64,
}

#[actor]
impl Greeter {
    #[handler]
    fn greet(&mut self, _: Greet, _: u64) {}

    #[handler]
    fn nothing(&self) {}

    fn on_start(self) {}

    #[handler]
    async fn fine(&mut self, _: Fine) -> u64 {
        self.greeted
    }
}

#[message(reply = u64)]
struct Fine;

#[casty::main]
async fn main(system: ActorSystem) -> casty::Result<()> {
    let greeter = system.spawn(Greeter::default).await?;
    greeter.send(Greet).await?;
    println!("{}", greeter.ask(Fine).await?);
    Ok(())
}
