//! Virtual time, in tests with `#[casty::test(virtual_time)]`.
#![expect(clippy::disallowed_methods, reason = "the test's own time is tokio's")]

use std::time::Duration;

use tokio::time::Instant;

/// Moves virtual time on by `by`, with all that is due in between.
///
/// Without a call to it, time jumps to the next timer whenever nothing else is left to do, so that a test of a backoff of
/// an hour takes no time.
///
/// # Panics
/// Outside of a test with `#[casty::test(virtual_time)]`.
pub async fn advance(by: Duration) {
    // tokio's `advance` skips what is due in between; sleeping does not.
    tokio::time::sleep(by).await;
}

/// The virtual time.
pub fn now() -> Instant {
    Instant::now()
}
