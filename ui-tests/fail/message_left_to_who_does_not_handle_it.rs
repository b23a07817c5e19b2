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

#[actor]
#[sharded(name = "guests")]
#[derive(Default)]
struct Guest;

#[actor]
impl Guest {
    #[handler]
    fn greet(&mut self, _: Greet) {}
}

#[actor]
struct Host {
    greeter: ActorRef<Greeter>,
}

#[actor]
impl Host {
    #[handler]
    fn greet(&mut self, _: Greet, ctx: &mut Context<Self>) {
        let guest = ctx.system().sharded::<Guest>().entity("g");
        ctx.then(&self.greeter, Part);
        ctx.then(&guest, Part);
    }

    #[handler]
    fn part(&mut self, _: Part, ctx: &mut Context<Self>) -> Later<Part> {
        ctx.forward(&self.greeter, Part)
    }
}

fn main() {}
