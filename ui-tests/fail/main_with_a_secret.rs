use casty::prelude::*;

#[casty::main(distributed, secret = "hunter2")]
async fn main(system: ActorSystem) -> casty::Result<()> {
    system.serve().await
}
