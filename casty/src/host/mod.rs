//! The world outside: time and tasks, as the runtime takes them.
//!
//! Everything else in this crate asks the host for them, so that a simulated one can take its place. Sockets, disks and
//! randomness will come through here too; nothing local needs them.
#![expect(clippy::disallowed_methods, reason = "this is the one place that reaches for the real ones")]

use std::{
    future::Future,
    time::{Duration, Instant},
};

use tokio::{
    runtime::{EnterGuard, Handle, RuntimeFlavor},
    task::JoinHandle,
    time::{Sleep, Timeout},
};

/// A handle to the tokio runtime that a system lives in.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    runtime: Handle,
}

impl Host {
    /// The runtime that the caller is in.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[track_caller]
    pub(crate) fn current() -> Self {
        let Ok(runtime) = Handle::try_current() else {
            panic!("an ActorSystem needs a tokio runtime: make it within #[casty::main], #[tokio::main] or Runtime::block_on");
        };
        Self { runtime }
    }

    /// How many threads run tasks.
    pub(crate) fn workers(&self) -> usize {
        match self.runtime.runtime_flavor() {
            RuntimeFlavor::CurrentThread => 1,
            _ => self.runtime.metrics().num_workers(),
        }
    }

    /// Whether the caller is within this runtime. Not for a hot path: it counts references that all threads share.
    pub(crate) fn is_here(&self) -> bool {
        Handle::try_current().is_ok_and(|current| current.id() == self.runtime.id())
    }

    /// While the guard lives, the caller is within this runtime.
    pub(crate) fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    pub(crate) fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.runtime.spawn(task)
    }

    pub(crate) fn now(&self) -> tokio::time::Instant {
        tokio::time::Instant::now()
    }

    pub(crate) fn sleep(&self, time: Duration) -> Sleep {
        let _inside = self.enter();
        tokio::time::sleep(time)
    }

    pub(crate) fn timeout<F: Future>(&self, limit: Duration, task: F) -> Timeout<F> {
        let _inside = self.enter();
        tokio::time::timeout(limit, task)
    }

    /// For measuring how long code runs, which virtual time cannot tell.
    pub(crate) fn stopwatch(&self) -> Instant {
        Instant::now()
    }
}
