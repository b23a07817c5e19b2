use casty::prelude::*;

#[message(local)]
struct Watch(ActorRef<Watcher>);

#[actor]
struct Watcher;

#[actor]
impl Watcher {
    #[handler]
    fn watch(&mut self, Watch(other): Watch, ctx: &mut Context<Self>) {
        ctx.watch(&other);
    }
}

fn main() {}
