//! casty's own paths, one at a time: `cargo bench -p casty-benches`.
//!
//! Each is driven from a task on one of two workers, as an application would; the figure is the time for one.

use std::future::Future;
use std::hint::black_box;
use std::time::{Duration, Instant};

use casty::prelude::*;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Runtime;

#[actor]
#[derive(Default)]
struct Counter {
    sum: u64,
}

#[message]
struct Add(u64);

#[message(reply = u64)]
struct Total;

#[message(reply = u64)]
struct TotalLater;

#[message]
struct Fail;

#[actor]
impl Counter {
    #[handler]
    fn add(&mut self, Add(value): Add) {
        self.sum += value;
    }

    #[handler]
    fn total(&self, _: Total) -> u64 {
        self.sum
    }

    #[handler]
    async fn total_later(&mut self, _: TotalLater) -> u64 {
        tokio::task::yield_now().await;
        self.sum
    }

    #[handler]
    fn fail(&mut self, _: Fail) -> casty::Result<()> {
        Err("on purpose".into())
    }
}

/// Passes every question on.
#[actor]
struct Desk {
    counter: ActorRef<Counter>,
}

#[actor]
impl Desk {
    #[handler]
    fn total(&mut self, question: Total, ctx: &mut Context<Self>) -> Later<Total> {
        ctx.forward(&self.counter, question)
    }
}

/// Measures `path`, which does its work as often as it is told and returns when all of it is handled.
fn path<Fut>(criterion: &mut Criterion, name: &str, path: impl Fn(ActorSystem, u64) -> Fut)
where
    Fut: Future<Output = Duration> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime: Runtime = runtime.expect("a runtime");
    let system = runtime.block_on(async { ActorSystem::new() });
    let mut group = criterion.benchmark_group("local");
    group.throughput(Throughput::Elements(1));
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|times| {
            let work = path(system.clone(), times);
            runtime.block_on(async { tokio::spawn(work).await.expect("the path panicked") })
        });
    });
    group.finish();
    runtime.block_on(system.shutdown());
}

async fn counter(system: &ActorSystem) -> ActorRef<Counter> {
    system.spawn(Counter::default).await.expect("the actor starts")
}

/// Waits until `counter` has handled everything, and ends it.
async fn finish(counter: ActorRef<Counter>, expected: u64, start: Instant) -> Duration {
    assert_eq!(counter.ask(Total).timeout(Duration::from_secs(60)).await.expect("an answer"), expected);
    let elapsed = start.elapsed();
    counter.stop().await.expect("the actor lives");
    counter.stopped().await;
    elapsed
}

fn sends(criterion: &mut Criterion) {
    path(criterion, "send", |system, times| async move {
        let counter = counter(&system).await;
        let start = Instant::now();
        for _ in 0..times {
            counter.send(Add(1)).await.expect("the actor lives");
        }
        finish(counter, times, start).await
    });
    path(criterion, "try_send", |system, times| async move {
        let counter = counter(&system).await;
        let start = Instant::now();
        for _ in 0..times {
            counter.try_send(Add(1)).expect("the actor lives");
        }
        finish(counter, times, start).await
    });
    path(criterion, "send, 1,024 at most in the mailbox", |system, times| async move {
        let bounded = system.spawn(Counter::default).mailbox(Mailbox::bounded(1024, Overflow::Wait));
        let counter = bounded.await.expect("the actor starts");
        let start = Instant::now();
        for _ in 0..times {
            counter.send(Add(1)).await.expect("the actor lives");
        }
        finish(counter, times, start).await
    });
}

fn asks(criterion: &mut Criterion) {
    path(criterion, "ask", |system, times| async move {
        let counter = counter(&system).await;
        let start = Instant::now();
        for _ in 0..times {
            black_box(counter.ask(Total).await.expect("an answer"));
        }
        finish(counter, 0, start).await
    });
    path(criterion, "ask, async handler that yields", |system, times| async move {
        let counter = counter(&system).await;
        let start = Instant::now();
        for _ in 0..times {
            black_box(counter.ask(TotalLater).await.expect("an answer"));
        }
        finish(counter, 0, start).await
    });
    path(criterion, "ask, forwarded", |system, times| async move {
        let counter = counter(&system).await;
        let behind = counter.clone();
        let desk = system.spawn(move || Desk { counter: behind.clone() }).await.expect("the actor starts");
        let start = Instant::now();
        for _ in 0..times {
            black_box(desk.ask(Total).await.expect("an answer"));
        }
        let elapsed = finish(counter, 0, start).await;
        desk.stop().await.expect("the actor lives");
        elapsed
    });
}

fn lives(criterion: &mut Criterion) {
    path(criterion, "spawn, stop, stopped", |system, times| async move {
        let start = Instant::now();
        for _ in 0..times {
            let counter = counter(&system).await;
            counter.stop().await.expect("the actor lives");
            counter.stopped().await;
        }
        start.elapsed()
    });
    path(criterion, "fail, restart without backoff, ask", |system, times| async move {
        let spawn = system.spawn(Counter::default).supervision(SupervisorConfig::always());
        let counter = spawn.await.expect("the actor starts");
        let start = Instant::now();
        for _ in 0..times {
            counter.send(Fail).await.expect("the actor lives");
            black_box(counter.ask(Total).await.expect("an answer"));
        }
        finish(counter, 0, start).await
    });
}

criterion_group!(local, sends, asks, lives);
criterion_main!(local);
