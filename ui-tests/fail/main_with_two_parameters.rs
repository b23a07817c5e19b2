use casty::prelude::*;

#[casty::main]
async fn main(system: ActorSystem, count: u64) {
    drop(system);
    println!("{count}");
}
