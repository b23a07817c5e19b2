use casty::prelude::*;

#[casty::main(distributed, distributed)]
async fn main(system: ActorSystem) -> casty::Result<()> {
    system.serve().await
}
