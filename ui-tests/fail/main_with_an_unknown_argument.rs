use casty::prelude::*;

#[casty::main(distributed, port = 8001)]
async fn main(system: ActorSystem) -> casty::Result<()> {
    system.serve().await
}
