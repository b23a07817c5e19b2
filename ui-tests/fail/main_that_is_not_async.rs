use casty::prelude::*;

#[casty::main]
fn main(system: ActorSystem) -> casty::Result<()> {
    drop(system);
    Ok(())
}
