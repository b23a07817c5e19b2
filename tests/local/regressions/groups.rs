//! Panics beside handlers, and children that restart together under load.

use crate::common::*;
use casty::prelude::*;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
const MS: Duration = Duration::from_millis(1);
const S: Duration = Duration::from_secs(1);

#[actor]
#[derive(Default)]
struct Careless;
#[message]
struct Go;
#[actor]
impl Careless {
    #[handler]
    fn bomb(&mut self, b: Bomb) {
        std::mem::forget(b);
    }
    #[handler]
    fn go(&mut self, _: Go, ctx: &mut Context<Self>) {
        let me = ctx.me();
        ctx.then(&me, Bomb);
        panic!("handler");
    }
}
#[casty::test]
async fn a_panic_in_a_drop_harms_no_other_actor(system: ActorSystem) -> casty::Result<()> {
    let c = system.spawn(Careless::default).await?;
    let other = system.spawn(Puppet::new("other", &Log::default())).await?;
    c.send(Go).await?;
    tokio::time::sleep(10 * MS).await;
    other.send(Note("x")).await?;
    let r = other.ask(Count).timeout(S).await;
    assert!(matches!(r, Ok(1)), "{r:?}");
    let r = c.ask(Go).timeout(S).await;
    assert!(!matches!(r, Err(AskError::Timeout { .. })), "{r:?}");
    Ok(())
}

struct Guard;
impl Drop for Guard {
    fn drop(&mut self) {
        panic!("guard dropped")
    }
}
#[actor]
#[derive(Default)]
struct Holder;
#[actor]
impl Holder {
    #[handler]
    async fn go(&mut self, _: Go) {
        let _g = Guard;
        std::future::pending::<()>().await
    }
}
#[casty::test(virtual_time)]
async fn a_killed_handler_that_panics_does_not_break_the_shutdown(_: ActorSystem) -> casty::Result<()> {
    let system = ActorSystem::builder().shutdown_timeout(2 * S).build();
    let h = system.spawn(Holder::default).await?;
    h.send(Go).await?;
    tokio::time::sleep(MS).await;
    let s = system.clone();
    let down = tokio::spawn(async move { s.shutdown().await }).await;
    let again = tokio::time::timeout(60 * S, system.shutdown()).await;
    let ended = tokio::time::timeout(60 * S, h.stopped()).await;
    assert!(down.is_ok() && again.is_ok() && ended.is_ok(), "{down:?} {again:?} {ended:?}");
    Ok(())
}

// chaos
#[actor]
struct Boss {
    stat: Arc<Stat>,
}
#[derive(Default)]
struct Stat {
    dead: AtomicU64,
    watched: AtomicU64,
}
#[message(local, reply = Vec<ActorRef<Kid>>)]
struct Make(u32);
#[message(local)]
struct Poke(u32);
#[actor]
#[supervised(max_restarts = 1000000, backoff_initial = 10us, backoff_max = 100us)]
struct Kid {
    n: u64,
}
#[message(reply = u64)]
struct Do(u64);
#[actor]
impl Kid {
    fn on_start(&mut self) {}
    fn on_stop(&mut self) {}
    #[handler]
    async fn act(&mut self, Do(n): Do, ctx: &mut Context<Self>) -> casty::Result<u64> {
        self.n += 1;
        match n % 211 {
            3 => return Err("x".into()),
            5 => panic!("y"),
            7 => tokio::task::yield_now().await,
            11 => ctx.stop(),
            13 => tokio::time::sleep(MS).await,
            _ => {}
        }
        Ok(n)
    }
}
#[actor]
impl Boss {
    #[handler]
    async fn make(&mut self, Make(n): Make, ctx: &mut Context<Self>) -> casty::Result<Vec<ActorRef<Kid>>> {
        let mut v = vec![];
        for _ in 0..n {
            let k = ctx.spawn(|| Kid { n: 0 }).await?;
            ctx.watch(&k);
            self.stat.watched.fetch_add(1, Relaxed);
            v.push(k);
        }
        Ok(v)
    }
    #[handler]
    fn dead(&mut self, _: Terminated) {
        self.stat.dead.fetch_add(1, Relaxed);
    }
    #[handler]
    fn poke(&mut self, Poke(n): Poke, ctx: &mut Context<Self>) {
        let kids = ctx.children();
        if let Some(k) = kids.get(n as usize % kids.len().max(1)) {
            if n % 3 == 0 {
                ctx.stop_child(k);
            } else {
                ctx.restart_child(k);
            }
        }
    }
}
fn chaos(children: Children) {
    let prev = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build().unwrap();
    let r: Result<(), String> = rt.block_on(async {
        let system = ActorSystem::new();
        let stat = Arc::new(Stat::default());
        let mut tasks = vec![];
        for t in 0..3u64 {
            let (system, stat) = (system.clone(), stat.clone());
            tasks.push(tokio::spawn(async move {
                let st = stat.clone();
                let boss = system
                    .spawn(move || Boss { stat: st.clone() })
                    .supervision(SupervisorConfig { children, ..SupervisorConfig::DEFAULT })
                    .await
                    .unwrap();
                let began = Instant::now();
                let mut x = t * 7919 + 17;
                let mut count = [0u64; 4];
                while began.elapsed() < 3 * S {
                    let mut kids = boss.ask(Make(4)).await.map_err(|e| format!("make {e}"))?;
                    while began.elapsed() < 3 * S && !kids.is_empty() {
                        let mut asks = vec![];
                        for k in &kids {
                            for _ in 0..5 {
                                x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                                asks.push((k.clone(), x >> 33));
                            }
                        }
                        if x % 50 == 0 {
                            boss.send(Poke((x >> 40) as u32)).await.map_err(|e| e.to_string())?;
                        }
                        let rs = futures_util::future::join_all(asks.iter().map(|(k, n)| k.ask(Do(*n)))).await;
                        for r in rs {
                            match r {
                                Ok(_) => count[0] += 1,
                                Err(AskError::Failed { .. }) => count[1] += 1,
                                Err(AskError::Stopped { .. }) => count[2] += 1,
                                Err(e) => return Err(format!("{t} {children:?} {e} {count:?}")),
                            }
                        }
                        kids.retain(|k| k.is_alive());
                    }
                }
                boss.stop().await.unwrap();
                tokio::time::timeout(10 * S, boss.stopped()).await.map_err(|_| "boss does not stop".to_string())?;
                Ok::<_, String>(count)
            }));
        }
        for t in tasks {
            let c = t.await.unwrap()?;
            eprintln!("{c:?}");
        }
        tokio::time::timeout(20 * S, system.shutdown()).await.map_err(|_| "shutdown hangs".to_string())?;
        Ok(())
    });
    rt.shutdown_background();
    std::panic::set_hook(prev);
    r.unwrap();
}
#[test]
fn chaos_one_for_one() {
    chaos(Children::OneForOne)
}
#[test]
fn chaos_one_for_all() {
    chaos(Children::OneForAll)
}
#[test]
fn chaos_rest_for_one() {
    chaos(Children::RestForOne)
}
