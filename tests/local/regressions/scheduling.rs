//! Actors that were forgotten, or waited for the wrong thing.

use casty::prelude::*;
use std::{
    future::Future,
    time::{Duration, Instant},
};

fn run<F: Future<Output = casty::Result<()>>>(threads: usize, test: impl FnOnce(ActorSystem) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap();
    let result = runtime.block_on(async {
        let system = ActorSystem::new();
        let result = test(system.clone()).await;
        if result.is_ok() {
            system.shutdown().await;
        }
        result
    });
    runtime.shutdown_background();
    result.unwrap();
}

// ---- NEXT overwritten: a job lost
#[actor]
#[derive(Default)]
struct Sink {
    got: u64,
}
#[message]
struct Hit;
#[message(reply = u64)]
struct Hits;
#[actor]
impl Sink {
    #[handler]
    fn hit(&mut self, _: Hit) {
        self.got += 1;
    }
    #[handler]
    fn hits(&self, _: Hits) -> u64 {
        self.got
    }
}

#[actor]
struct Router {
    sinks: Vec<ActorRef<Sink>>,
}
#[message(reply = ())]
struct Route(usize);
#[actor]
impl Router {
    #[handler]
    fn route(&mut self, Route(n): Route) -> casty::Result<()> {
        self.sinks[n].try_send(Hit).map_err(|e| e.to_string())?;
        Ok(())
    }
}

#[actor]
struct Client {
    router: ActorRef<Router>,
}
#[message]
struct Go;
#[actor]
impl Client {
    #[handler]
    async fn go(&mut self, _: Go) -> casty::Result<()> {
        self.router.ask(Route(0)).await?;
        self.router.ask(Route(1)).await?;
        Ok(())
    }
}

#[test]
fn whom_a_quick_handler_sends_to_gets_its_turn() {
    run(2, |system| async move {
        let mut sinks = Vec::new();
        for _ in 0..2 {
            sinks.push(system.spawn(Sink::default).await?);
        }
        let given = sinks.clone();
        let router = system.spawn(move || Router { sinks: given.clone() }).await?;
        let client = system.spawn(move || Client { router: router.clone() }).await?;
        for _ in 0..200 {
            client.send(Go).await?;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        for sink in &sinks {
            let hits = sink.ask(Hits).timeout(Duration::from_secs(2)).await;
            assert!(matches!(hits, Ok(200)), "{hits:?}");
        }
        Ok(())
    });
}

// ---- sit(): message lost between the name and the seat
#[test]
fn an_actor_found_by_name_while_it_is_made_gets_its_mail() {
    run(3, |system| async move {
        let finder = system.clone();
        let found = std::thread::spawn(move || {
            let began = Instant::now();
            let mut stuck = 0;
            let mut n = 0u64;
            futures_executor::block_on(async {
                while began.elapsed() < Duration::from_secs(20) {
                    let name = format!("s-{n}");
                    let sink: ActorRef<Sink> = loop {
                        if let Some(sink) = finder.lookup(&name).await.unwrap() {
                            break sink;
                        }
                        if began.elapsed() > Duration::from_secs(20) {
                            return;
                        }
                    };
                    if n.is_multiple_of(2) {
                        if sink.ask(Hits).timeout(Duration::from_secs(1)).await.is_err() {
                            stuck += 1;
                            break;
                        }
                        sink.stop();
                    } else {
                        sink.stop();
                        let t = Instant::now();
                        while t.elapsed() < Duration::from_secs(1) && finder.lookup::<Sink>(&name).await.unwrap().is_some() {}
                        if finder.lookup::<Sink>(&name).await.unwrap().is_some() {
                            stuck += 1;
                            break;
                        }
                    }
                    n += 1;
                }
            });
            (stuck, n)
        });
        let spawner = system.clone();
        let made = tokio::spawn(async move {
            let mut n = 0u64;
            loop {
                let Ok(s) = spawner.spawn(Sink::default).name(format!("s-{n}")).await else { return };
                let t = Instant::now();
                while s.is_alive() {
                    tokio::task::yield_now().await;
                    if t.elapsed() > Duration::from_secs(3) {
                        return;
                    }
                }
                n += 1;
            }
        });
        let (stuck, n) = tokio::task::spawn_blocking(move || found.join().unwrap()).await?;
        made.abort();
        assert_eq!(stuck, 0, "after {n}");
        Ok(())
    });
}

// ---- a quick handler's NEXT hidden behind a blocking message of the same turn
#[actor]
struct Pusher {
    sink: ActorRef<Sink>,
}
#[message]
struct Push {
    then_block: bool,
}
#[message]
struct BlockMs(u64);
#[actor]
impl Pusher {
    #[handler]
    fn push(&mut self, Push { then_block }: Push, ctx: &Context<Self>) -> casty::Result<()> {
        self.sink.try_send(Hit).map_err(|e| e.to_string())?;
        if then_block {
            ctx.me().try_send(BlockMs(1500)).map_err(|e| e.to_string())?;
        }
        Ok(())
    }
    #[handler]
    fn block(&mut self, BlockMs(ms): BlockMs) {
        std::thread::sleep(Duration::from_millis(ms));
    }
}
#[test]
fn an_actor_does_not_wait_behind_a_later_message_of_its_sender() {
    run(2, |system| async move {
        let sink = system.spawn(Sink::default).await?;
        let s = sink.clone();
        let pusher = system.spawn(move || Pusher { sink: s.clone() }).await?;
        for _ in 0..50 {
            pusher.send(Push { then_block: false }).await?;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        pusher.send(Push { then_block: true }).await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
        let began = Instant::now();
        sink.ask(Hits).await?;
        assert!(began.elapsed() < Duration::from_millis(800), "{:?}", began.elapsed());
        Ok(())
    });
}

// ---- handler run on a foreign thread
#[actor]
#[derive(Default)]
struct Sleeper;
#[message(reply = u32)]
struct Nap;
#[message(reply = u32)]
struct SpawnTask;
#[actor]
impl Sleeper {
    #[handler]
    async fn nap(&mut self, _: Nap) -> u32 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        1
    }
    #[handler]
    fn spawn_task(&mut self, _: SpawnTask) -> u32 {
        tokio::spawn(async {});
        2
    }
}
#[test]
fn a_handler_runs_in_its_systems_runtime_whoever_asks() {
    run(2, |system| async move {
        let sleeper = system.spawn(Sleeper::default).await?;
        let s = sleeper.clone();
        let asked =
            std::thread::spawn(move || futures_executor::block_on(async move { (s.ask(Nap).await, s.ask(SpawnTask).await) }));
        let (a, b) = tokio::task::spawn_blocking(move || asked.join().unwrap()).await?;
        assert!(matches!((&a, &b), (Ok(1), Ok(2))), "{a:?} {b:?}");
        Ok(())
    });
}
#[test]
fn a_handler_outlives_the_runtime_of_who_asked() {
    run(2, |system| async move {
        #[actor]
        #[derive(Default)]
        struct Long;
        #[message(reply = u32)]
        struct LongNap;
        #[actor]
        impl Long {
            #[handler]
            async fn nap(&mut self, _: LongNap) -> u32 {
                tokio::time::sleep(Duration::from_millis(300)).await;
                1
            }
        }
        let long = system.spawn(Long::default).await?;
        let s = long.clone();
        tokio::task::spawn_blocking(move || {
            std::thread::spawn(move || {
                let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let r = other.block_on(async { s.ask(LongNap).timeout(Duration::from_millis(20)).await });
                eprintln!("{r:?}");
            })
            .join()
            .unwrap()
        })
        .await?;
        let r = long.ask(LongNap).timeout(Duration::from_secs(3)).await;
        assert!(matches!(r, Ok(1)), "{r:?}");
        Ok(())
    });
}

// ---- timeouts of a blocking handler
#[test]
fn a_timeout_is_kept_when_the_handler_blocks_its_thread() {
    run(2, |system| async move {
        #[actor]
        #[derive(Default)]
        struct Blk;
        #[message(reply = u32)]
        struct Blk1;
        #[actor]
        impl Blk {
            #[handler]
            fn blk(&mut self, _: Blk1) -> u32 {
                std::thread::sleep(Duration::from_secs(2));
                1
            }
        }
        let b = system.spawn(Blk::default).await?;
        let began = Instant::now();
        let r = b.ask(Blk1).timeout(Duration::from_millis(50)).await;
        assert!(
            matches!(r, Err(AskError::Timeout { .. })) && began.elapsed() < Duration::from_millis(500),
            "{r:?} {:?}",
            began.elapsed()
        );
        Ok(())
    });
}

// ---- slow factory while shutdown completes
#[test]
fn a_spawn_ends_though_the_system_shut_down_meanwhile() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build().unwrap();
    let ok = runtime.block_on(async {
        let system = ActorSystem::new();
        let s = system.clone();
        let spawned = tokio::spawn(async move {
            let log = crate::common::Log::default();
            let make = crate::common::Puppet::new("late", &log);
            s.spawn(move || {
                std::thread::sleep(Duration::from_millis(300));
                make()
            })
            .await
            .map(|a| a.is_alive())
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        system.shutdown().await;
        tokio::time::timeout(Duration::from_secs(3), spawned).await.map(|r| format!("{:?}", r))
    });
    runtime.shutdown_background();
    assert!(ok.is_ok(), "the spawn waits for ever");
}
