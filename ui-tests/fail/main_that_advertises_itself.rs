use casty::prelude::*;

#[casty::main(distributed, advertise = "node1:8001")]
async fn main(system: ActorSystem) -> casty::Result<()> {
    system.serve().await
}
