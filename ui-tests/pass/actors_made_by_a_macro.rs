#![deny(warnings)]

use casty::prelude::*;

macro_rules! counter {
    ($actor:ident, $message:ident($amount:ty), $reply:ty) => {
        #[derive(Clone)]
        #[message(reply = $reply, retain)]
        pub struct $message($amount);

        #[actor]
        #[derive(Default)]
        pub struct $actor($reply);

        #[actor]
        impl $actor {
            #[handler]
            fn add(&mut self, $message(amount): $message) -> $reply {
                self.0 += <$reply>::from(amount);
                self.0
            }

            #[handler]
            async fn later(&mut self, message: Later<$message>, _: &mut Context<Self>) -> casty::Result<()> {
                self.on_start().await;
                self.add(message.0);
                Ok(())
            }

            async fn on_start(&mut self) {}

            fn pre_restart(&mut self, _: &Failure) -> casty::Result<()> {
                Ok(())
            }

            fn on_child_failure(&mut self) -> Option<Directive> {
                None
            }
        }
    };
}

#[derive(Clone)]
#[message(local, retain)]
pub struct Later<M>(M);

counter!(Small, AddSmall(u8), u16);

mod large {
    use super::*;

    counter!(Large, AddLarge(u32), u64);
}

macro_rules! handles {
    ($actor:ty: $($name:ident($message:ty)),*) => {
        #[actor]
        impl $actor {
            $(
                #[handler]
                fn $name(&mut self, _: $message) {}
            )*
        }
    };
}

#[message]
struct One;

#[message]
struct Two;

#[actor]
struct Both;

handles!(Both: one(One), two(crate::Two));

#[casty::main]
async fn main(system: ActorSystem) -> casty::Result<()> {
    let small = system.spawn(Small::default).await?;
    assert_eq!(small.ask(AddSmall(3)).await?, 3);
    let large = system.spawn(large::Large::default).await?;
    large.stop().await?;
    let both = system.spawn(|| Both).await?;
    both.ask(One).await?;
    both.ask(Two).await?;
    Ok(())
}
