use casty::prelude::*;

struct Handle(u32);

#[message]
struct Attach {
    name: String,
    handle: Handle,
}

#[actor]
struct Device;

#[actor]
impl Device {
    #[handler]
    fn attach(&mut self, Attach { name, handle }: Attach) {
        println!("{name} {}", handle.0);
    }
}

#[casty::main]
async fn main(system: ActorSystem) -> casty::Result<()> {
    let device = system.spawn(|| Device).await?;
    device.send(Attach { name: "a".into(), handle: Handle(1) }).await?;
    Ok(())
}
