//! Actors that are killed while they run.

use crate::common::*;
use casty::prelude::*;
use std::time::{Duration, Instant};
const MS: Duration = Duration::from_millis(1);
#[actor]
struct Boss {
    log: Log,
}
#[message]
struct Work;
#[actor]
impl Boss {
    #[handler]
    async fn work(&mut self, _: Work, ctx: &mut Context<Self>) -> casty::Result<()> {
        let mut last = None;
        for _ in 0..3000 {
            last = Some(ctx.spawn(Puppet::new("kid", &Log::default())).await?);
        }
        self.log.note("asks");
        let _ = last.unwrap().ask(Wait(Duration::MAX)).timeout(Duration::MAX).await;
        self.log.note("goes on");
        std::thread::sleep(300 * MS);
        self.log.note("still runs");
        tokio::time::sleep(MS).await;
        Ok(())
    }
}
#[test]
fn an_actor_that_is_killed_ends_once_and_when_its_handler_has() {
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build().unwrap();
    rt.block_on(async {
        let system = ActorSystem::builder().shutdown_timeout(200 * MS).build();
        let log = Log::default();
        let l = log.clone();
        let boss = system.spawn(move || Boss { log: l.clone() }).await.unwrap();
        boss.send(Work).await.unwrap();
        let began = Instant::now();
        tokio::time::sleep(100 * MS).await;
        let mut events = system.events();
        let b = boss.clone();
        let l = log.clone();
        let ended = tokio::spawn(async move {
            b.stopped().await;
            l.note("stopped()")
        });
        system.shutdown().await;
        let _ = tokio::time::timeout(3000 * MS, ended).await;
        tokio::time::sleep(500 * MS).await;
        let mut stops = 0;
        while let Some(e) = events.next().await {
            if let Event::Stopped { actor, .. } = &e
                && actor.id() == boss.id()
            {
                stops += 1
            }
        }
        let log = log.take();
        assert!(stops <= 1 && log.last().unwrap() == "stopped()", "{stops} {log:?} {:?}", began.elapsed());
    });
    rt.shutdown_background();
}
