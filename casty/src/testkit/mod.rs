//! Help for tests of actors: probes, time that a test moves itself, clusters in one process. With the feature `testkit`.
//!
//! ```
//! use casty::prelude::*;
//! use casty::testkit::TestProbe;
//! use std::time::Duration;
//!
//! #[message]
//! struct Ping;
//!
//! #[casty::test(virtual_time)]
//! async fn nobody_pings(system: ActorSystem) {
//!     let mut probe = TestProbe::<Ping>::new(&system).await;
//!     probe.expect_nothing(Duration::from_secs(3600)).await; // takes no time
//! }
//! ```

mod cluster;
mod probe;
mod time;

pub use cluster::{Cluster, ClusterBuilder, Inspection, Running, SeenCopies, SeenMember, configurations, served_slots};
pub use probe::TestProbe;
pub use time::{advance, now};
