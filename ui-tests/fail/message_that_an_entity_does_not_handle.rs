use casty::prelude::*;

#[message]
struct Add(u64);

#[message]
struct Other;

#[actor]
#[sharded]
#[derive(Default)]
struct Sum {
    total: u64,
}

#[actor]
impl Sum {
    #[handler]
    fn add(&mut self, Add(n): Add) {
        self.total += n;
    }
}

async fn send(system: &ActorSystem) -> casty::Result<()> {
    let sum = system.sharded::<Sum>().entity("s");
    sum.send(Other).await?;
    Ok(())
}

fn main() {}
