#![deny(warnings)]

use casty::prelude::*;

#[message(reply = u8)]
struct Which;

#[message(reply = u8)]
struct Other;

#[actor]
struct Chooser;

#[actor]
impl Chooser {
    #[cfg(any(unix, windows))]
    #[handler]
    fn which(&self, _: Which) -> u8 {
        1
    }

    #[handler]
    #[cfg(not(any(unix, windows)))]
    fn which(&self, _: Missing) -> u8 {
        2
    }

    #[cfg(not(any(unix, windows)))]
    fn on_start(&mut self) -> Missing {}

    #[cfg(any(unix, windows))]
    #[cfg(not(target_os = "none"))]
    #[handler]
    async fn other(&self, _: Other) -> u8 {
        3
    }
}

#[casty::main]
async fn main(system: ActorSystem) -> casty::Result<()> {
    let chooser = system.spawn(|| Chooser).await?;
    assert_eq!((chooser.ask(Which).await?, chooser.ask(Other).await?), (1, 3));
    Ok(())
}
