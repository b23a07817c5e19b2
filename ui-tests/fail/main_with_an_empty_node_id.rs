use casty::prelude::*;

#[casty::main(distributed, node_id = "")]
async fn main(system: ActorSystem) -> casty::Result<()> {
    system.serve().await
}
