//! What a contestant must be able to do.

use std::future::Future;

use tokio::sync::oneshot::{self, Receiver};

use crate::work::{Add, Job, Shape};

/// A contestant: how its users spawn, send, ask and stop.
///
/// `place` says which half of the machine something belongs to, for a framework that pins its actors to threads; the
/// others leave that to tokio.
pub trait Framework: Clone + Send + Sync + 'static {
    /// A reference to an actor that holds a [`Tally`](crate::Tally).
    type Counter: Clone + Send + Sync + 'static;
    /// What the end of a counter is waited for with.
    type Life: Send + 'static;
    /// A reference to one side of a ping-pong pair.
    type Player: Send + Sync + 'static;
    /// What keeps a tree alive.
    type Tree: Send + 'static;

    /// Runs a scenario as a task on two fresh worker threads.
    fn run<R, Fut>(scenario: impl FnOnce(Self) -> Fut + Send + 'static) -> R
    where
        R: Send + 'static,
        Fut: Future<Output = R> + Send + 'static;

    /// Spawns a task that is no actor: a producer or an asker.
    fn spawn_task(&self, _place: usize, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }

    /// Spawns a task whose result can be waited for.
    fn task<R: Send + 'static>(&self, place: usize, task: impl Future<Output = R> + Send + 'static) -> Receiver<R> {
        let (done, result) = oneshot::channel();
        self.spawn_task(place, async { drop(done.send(task.await)) });
        result
    }

    /// Spawns a counter, which may still be starting when this returns.
    fn counter(&self, place: usize, job: &'static Job) -> impl Future<Output = Self::Counter> + Send;

    /// Sends something to add, without waiting for it to be handled.
    fn add(counter: &Self::Counter, add: Add) -> impl Future<Output = ()> + Send;

    /// Asks for the next number.
    fn next(counter: &Self::Counter) -> impl Future<Output = u64> + Send;

    /// Spawns a counter that will be stopped, in the place where the scenario runs.
    fn mortal(&self, job: &'static Job) -> impl Future<Output = (Self::Counter, Self::Life)> + Send;

    /// Has a counter stop, without waiting for it.
    fn stop(counter: Self::Counter) -> impl Future<Output = ()> + Send;

    /// Waits until a counter has stopped.
    fn stopped(life: Self::Life) -> impl Future<Output = ()> + Send;

    /// Spawns two players that know each other. The one who gets a ball with no hops left reports `reported`.
    fn pair(&self, place: usize, job: &'static Job, reported: u64) -> impl Future<Output = Self::Player> + Send;

    /// Sends a player its first ball.
    fn serve(player: &Self::Player, hops: u64) -> impl Future<Output = ()> + Send;

    /// Spawns the root of a tree and has it grow; it reports its total to `job`.
    fn tree(&self, shape: Shape, job: &'static Job) -> impl Future<Output = Self::Tree> + Send;
}

/// The result of a [`task`](Framework::task).
pub(crate) async fn joined<R>(task: Receiver<R>) -> R {
    task.await.expect("a task panicked")
}

/// Runs `scenario` as a task of a fresh tokio runtime of two workers.
pub(crate) fn on_tokio<R, Fut>(scenario: impl FnOnce() -> Fut + Send + 'static) -> R
where
    R: Send + 'static,
    Fut: Future<Output = R> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let result = runtime.block_on(async { tokio::spawn(async { scenario().await }).await.expect("the scenario panicked") });
    runtime.shutdown_background();
    result
}
