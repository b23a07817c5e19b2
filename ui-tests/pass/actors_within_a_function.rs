#![deny(warnings)]

use casty::prelude::*;

#[casty::main]
async fn main(system: ActorSystem) -> casty::Result<()> {
    struct Local(u8);

    #[message(reply = u8)]
    struct Get;

    #[message(local)]
    struct Set(Local);

    #[actor]
    #[derive(Default)]
    struct Cell {
        value: u8,
    }

    #[actor]
    impl Cell {
        #[handler]
        async fn get(&self, _: Get) -> u8 {
            self.value
        }

        #[handler]
        fn set(&mut self, Set(Local(value)): Set) {
            self.value = value;
        }
    }

    let cell = system.spawn(Cell::default).await?;
    cell.send(Set(Local(3))).await?;
    assert_eq!(cell.ask(Get).await?, 3);
    Ok(())
}
