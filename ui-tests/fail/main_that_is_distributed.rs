use casty::prelude::*;

#[casty::main(distributed)]
async fn main(system: ActorSystem) {
    drop(system);
}
