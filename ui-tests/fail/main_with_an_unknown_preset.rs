use casty::prelude::*;

#[casty::main(distributed, raft = quick)]
async fn main(system: ActorSystem) -> casty::Result<()> {
    system.serve().await
}
