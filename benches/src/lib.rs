//! The same scenarios on casty, on bare tokio channels, and on kameo, ractor and actix.
//!
//! A scenario ([`Scenario`]) is written once, over the trait [`Framework`]; each contestant implements that trait in a
//! file of its own, the way a good user of it would. The binary `compare` runs them and prints the table.

pub mod contestants;
mod framework;
pub mod idle;
mod scenario;
mod work;

pub use contestants::Contestant;
pub use framework::Framework;
pub use scenario::{Metric, Report, Scenario, Size, measure};
pub use work::{Add, Gather, Job, Shape, Tally};

#[cfg(feature = "mimalloc")]
/// The allocator under test; binaries declare it as their global one, as it is or wrapped.
pub type Allocator = mimalloc::MiMalloc;
#[cfg(feature = "mimalloc")]
/// The allocator's value.
pub const ALLOCATOR: Allocator = mimalloc::MiMalloc;

#[cfg(not(feature = "mimalloc"))]
/// The allocator under test; binaries declare it as their global one, as it is or wrapped.
pub type Allocator = std::alloc::System;
#[cfg(not(feature = "mimalloc"))]
/// The allocator's value.
pub const ALLOCATOR: Allocator = std::alloc::System;

/// What the table calls the allocator.
pub const ALLOCATOR_NAME: &str = if cfg!(feature = "mimalloc") { "mimalloc" } else { "the system's malloc" };

/// Makes the process fail as soon as anything in it panics, in whatever thread or actor a framework would catch that.
pub fn fail_on_any_panic() {
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("{panic}");
        std::process::exit(101);
    }));
}
