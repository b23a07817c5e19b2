//! Help for tests of actors: probes, and time that a test moves itself.

mod probe;
mod time;

pub use probe::TestProbe;
pub use time::{advance, now};
