use casty::prelude::*;

#[casty::main(bind = "0.0.0.0:8001", insecure)]
async fn main(system: ActorSystem) -> casty::Result<()> {
    system.serve().await
}
