//! Virtual time, in tests with `#[casty::test(virtual_time)]`.
#![expect(clippy::disallowed_methods, reason = "the test's own time is tokio's")]

use std::time::Duration;

use tokio::time::Instant;

/// Moves virtual time on by `by`, with all that is due in between.
///
/// Without a call to it, time jumps to the next timer whenever nothing else is left to do, so that a test of a backoff of
/// an hour takes no time.
///
/// In a test without virtual time it waits as long in earnest.
///
/// ```
/// use std::time::Duration;
/// use casty::prelude::*;
///
/// #[casty::test(virtual_time)]
/// async fn an_hour_takes_no_time(_: ActorSystem) {
///     let began = casty::testkit::now();
///     casty::testkit::advance(Duration::from_secs(3600)).await;
///     assert!(began.elapsed() >= Duration::from_secs(3600));
/// }
/// ```
///
/// # Panics
/// Outside of a tokio runtime.
pub async fn advance(by: Duration) {
    // tokio's `advance` skips what is due in between; sleeping does not.
    tokio::time::sleep(by).await;
}

/// The virtual time, or the real one in a test without it.
pub fn now() -> Instant {
    Instant::now()
}
