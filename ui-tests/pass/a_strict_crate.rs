//! Generated code has to live under what its user forbids.
#![forbid(unsafe_code, missing_docs)]
#![deny(
    warnings,
    unreachable_pub,
    unnameable_types,
    unused_qualifications,
    missing_debug_implementations,
    elided_lifetimes_in_paths,
    single_use_lifetimes,
    trivial_casts,
    variant_size_differences,
    clippy::all,
    clippy::pedantic
)]

use casty::prelude::*;

/// A public message.
#[message(reply = u64)]
#[derive(Debug)]
pub struct Add {
    /// How much.
    pub amount: u64,
}

/// A private one, of another size.
#[derive(Clone, Debug)]
#[message(local, retain)]
struct Remember([u64; 100]);

/// A public actor.
#[actor(name = "sum", mailbox = 8, overflow = DropOldest)]
#[supervised(strategy = Stop, children = RestForOne, max_restarts = 1, within = 1m)]
#[derive(Debug, Default)]
pub struct Sum {
    total: u64,
}

#[actor]
impl Sum {
    fn on_start(&mut self) {
        self.total = 1;
    }

    #[handler]
    fn add(&mut self, Add { amount }: Add) -> u64 {
        self.total += amount;
        self.total
    }

    #[handler]
    async fn remember(&mut self, Remember(numbers): Remember) {
        std::future::ready(()).await;
        self.total += numbers[0];
    }
}

/// A public entity.
#[actor(name = "counted")]
#[sharded(name = "counts", sync = quorum, strict = true)]
#[derive(Debug, Default)]
pub struct Counted {
    /// Its id.
    #[casty(id)]
    pub id: String,
    count: u64,
    #[casty(skip)]
    cache: Vec<u64>,
}

#[actor]
impl Counted {
    #[handler]
    fn add(&mut self, Add { amount }: Add) -> u64 {
        self.cache.push(amount);
        self.count += amount;
        self.count
    }
}

/// A private one of a kind.
#[actor]
#[singleton(state = custom)]
#[derive(Debug)]
struct Only;

#[actor]
impl Only {}

impl casty::State for Only {
    type Snapshot = ();

    fn get_state(&self) {}

    fn set_state(&mut self, (): ()) {}
}

/// Nothing is handled here.
#[actor]
#[derive(Debug)]
struct Idle;

#[actor]
impl Idle {}

#[casty::main]
async fn main(system: ActorSystem) -> casty::Result<()> {
    let sum = system.spawn(Sum::default).await?;
    sum.send(Remember([1; 100])).await?;
    assert_eq!(sum.ask(Add { amount: 2 }).await?, 4);
    system.spawn(|| Idle).await?;
    let _ = (Counted::default(), Only);
    Ok(())
}
