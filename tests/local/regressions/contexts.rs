//! What actors do through their context: timers, stash, watches, asks in circles.

use crate::common::*;
use casty::prelude::*;
use std::time::Duration;
const MS: Duration = Duration::from_millis(1);
const S: Duration = Duration::from_secs(1);

#[actor]
#[derive(Default)]
struct Nurse {
    deaths: u64,
    ticks: u64,
}
#[message(local)]
struct WatchIt(ActorRef<Puppet>);
#[message(reply = (u64, u64))]
struct Deaths;
#[message]
struct Nap(Duration);
#[message]
#[derive(Clone)]
struct Tick;
#[message]
struct Begin;
#[actor]
impl Nurse {
    #[handler]
    fn watch(&mut self, WatchIt(p): WatchIt, ctx: &mut Context<Self>) {
        ctx.watch(&p);
    }
    #[handler]
    fn died(&mut self, _: Terminated) {
        self.deaths += 1;
    }
    #[handler]
    async fn nap(&mut self, Nap(t): Nap) {
        tokio::time::sleep(t).await;
    }
    #[handler]
    fn begin(&mut self, _: Begin, ctx: &mut Context<Self>) {
        ctx.schedule_every(10 * MS, Tick);
    }
    #[handler]
    fn tick(&mut self, _: Tick) {
        self.ticks += 1;
    }
    #[handler]
    fn deaths(&self, _: Deaths) -> (u64, u64) {
        (self.deaths, self.ticks)
    }
}
#[casty::test(virtual_time)]
async fn a_bound_holds_though_deaths_were_told(system: ActorSystem) -> casty::Result<()> {
    let nurse = system.spawn(Nurse::default).mailbox(Mailbox::bounded(2, Overflow::Wait)).await?;
    for _ in 0..10 {
        let p = system.spawn(Puppet::new("p", &Log::default())).await?;
        nurse.ask(WatchIt(p.clone())).await?;
        p.stop().await?;
        p.stopped().await;
    }
    assert_eq!(nurse.ask(Deaths).await?.0, 10);
    nurse.send(Nap(S)).await?;
    tokio::time::sleep(MS).await;
    let taken = (0..100).take_while(|_| nurse.try_send(Tick).is_ok()).count();
    assert_eq!(taken, 2);
    Ok(())
}
#[test]
fn the_largest_bound_does_not_panic() {
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let ok = rt.block_on(async {
        let system = ActorSystem::new();
        let nurse = system.spawn(Nurse::default).mailbox(Mailbox::bounded(usize::MAX, Overflow::Wait)).await.unwrap();
        let p = system.spawn(Puppet::new("p", &Log::default())).await.unwrap();
        nurse.ask(WatchIt(p.clone())).await.unwrap();
        p.stop().await.unwrap();
        p.stopped().await;
        let r = nurse.ask(Deaths).timeout(S).await;
        let other = system.spawn(Puppet::new("q", &Log::default()));
        let other = tokio::time::timeout(2 * S, other).await.map(|r| r.is_ok());
        (format!("{r:?}"), other.is_ok())
    });
    rt.shutdown_background();
    assert!(ok.0 == "Ok((1, 0))" && ok.1, "{ok:?}");
}
#[casty::test(virtual_time)]
async fn a_death_is_told_whatever_the_mailbox_drops(system: ActorSystem) -> casty::Result<()> {
    let nurse = system.spawn(Nurse::default).mailbox(Mailbox::bounded(1, Overflow::DropOldest)).await?;
    let p = system.spawn(Puppet::new("p", &Log::default())).await?;
    nurse.ask(WatchIt(p.clone())).await?;
    nurse.send(Nap(S)).await?;
    tokio::time::sleep(MS).await;
    p.stop().await?;
    p.stopped().await;
    nurse.send(Tick).await?;
    tokio::time::sleep(2 * S).await;
    assert_eq!(nurse.ask(Deaths).await?.0, 1);
    Ok(())
}
#[casty::test(virtual_time)]
async fn a_timer_outlives_a_full_mailbox(system: ActorSystem) -> casty::Result<()> {
    let nurse = system.spawn(Nurse::default).mailbox(Mailbox::bounded(1, Overflow::Fail)).await?;
    nurse.ask(Begin).await?;
    nurse.send(Nap(S)).await?;
    tokio::time::sleep(3 * S).await;
    let ticks = nurse.ask(Deaths).await?.1;
    assert!(ticks > 100, "{ticks}");
    Ok(())
}

#[actor]
struct Hooky {
    to: Option<ActorRef<Nurse>>,
    log: Log,
    first: bool,
}
#[message]
struct Later1;
#[message]
struct FailNow;
#[actor]
impl Hooky {
    fn on_start(&mut self, ctx: &mut Context<Self>) {
        if let Some(to) = &self.to {
            ctx.then(to, Tick);
        }
        ctx.unstash_all();
    }
    #[handler]
    fn later(&mut self, m: Later1, ctx: &mut Context<Self>) -> Later<Later1> {
        if self.first {
            self.first = false;
            return ctx.stash(m);
        }
        self.log.note("unstashed");
        Later::now(())
    }
    #[handler]
    fn fail(&mut self, _: FailNow) -> casty::Result<()> {
        Err("oh".into())
    }
}
#[casty::test(virtual_time)]
async fn what_a_hook_promises_is_sent(system: ActorSystem) -> casty::Result<()> {
    let nurse = system.spawn(Nurse::default).await?;
    let to = nurse.clone();
    let log = Log::default();
    let _h = system.spawn(move || Hooky { to: Some(to.clone()), log: log.clone(), first: true }).await?;
    tokio::time::sleep(S).await;
    assert_eq!(nurse.ask(Deaths).await?.1, 1);
    Ok(())
}
#[casty::test(virtual_time)]
async fn a_new_instance_can_unstash_at_its_start(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let l = log.clone();
    let made = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let h = system
        .spawn(move || Hooky { to: None, log: l.clone(), first: made.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 })
        .await?;
    h.send(Later1).await?;
    h.send(FailNow).await?;
    tokio::time::sleep(60 * S).await;
    assert_eq!(log.take(), ["unstashed"]);
    Ok(())
}
#[casty::test(virtual_time)]
async fn a_period_may_be_as_long_as_can_be(system: ActorSystem) -> casty::Result<()> {
    #[actor]
    #[derive(Default)]
    struct Long;
    #[message]
    struct Go;
    #[actor]
    impl Long {
        #[handler]
        fn go(&mut self, _: Go, ctx: &mut Context<Self>) {
            ctx.schedule_once(Duration::MAX, Tock);
            ctx.schedule_every(Duration::MAX, Tock);
        }
        #[handler]
        fn tock(&mut self, _: Tock) {}
    }
    #[message]
    #[derive(Clone)]
    struct Tock;
    system.spawn(Long::default).await?.ask(Go).await?;
    Ok(())
}
#[casty::test(virtual_time)]
async fn durations_at_their_limits(_: ActorSystem) -> casty::Result<()> {
    let system = ActorSystem::builder().ask_timeout(Duration::MAX).shutdown_timeout(Duration::MAX).build();
    let p = system
        .spawn(Puppet::new("p", &Log::default()))
        .supervision(SupervisorConfig {
            within: Duration::MAX,
            backoff_multiplier: f64::NAN,
            backoff_max: MS,
            ..SupervisorConfig::DEFAULT
        })
        .await?;
    p.ask(Wait(MS)).await?;
    p.ask(Wait(MS)).timeout(Duration::MAX).await?;
    assert!(p.ask(Wait(MS)).timeout(Duration::ZERO).await.is_err());
    p.send(Fail("x")).await?;
    p.ask(Count).await?;
    system.shutdown().await;
    Ok(())
}

// a wait that is no circle
#[actor]
struct Front {
    back: ActorRef<Back>,
}
#[actor]
struct Back {
    front: Option<ActorRef<Front>>,
}
#[message(reply = u32)]
struct Slow;
#[message(reply = u32)]
struct Start;
#[message(reply = u32)]
struct Status;
#[message]
struct Report;
#[message(local)]
struct Meet(ActorRef<Front>);
#[actor]
impl Front {
    #[handler]
    async fn start(&mut self, _: Start) -> casty::Result<u32> {
        Ok(self.back.ask(Slow).await?)
    }
    #[handler]
    fn status(&self, _: Status) -> u32 {
        7
    }
}
#[actor]
impl Back {
    #[handler]
    fn meet(&mut self, Meet(f): Meet) {
        self.front = Some(f);
    }
    #[handler]
    fn slow(&mut self, _: Slow) -> Later<Slow> {
        let (reply, later) = Later::new();
        tokio::spawn(async move {
            tokio::time::sleep(100 * MS).await;
            reply.send(1)
        });
        later
    }
    #[handler]
    async fn report(&mut self, _: Report) -> casty::Result<()> {
        self.front.clone().unwrap().ask(Status).await?;
        Ok(())
    }
}
#[casty::test(virtual_time)]
async fn an_ask_that_will_be_answered_is_no_cycle(system: ActorSystem) -> casty::Result<()> {
    let back = system.spawn(|| Back { front: None }).await?;
    let b = back.clone();
    let front = system.spawn(move || Front { back: b.clone() }).await?;
    back.ask(Meet(front.clone())).await?;
    let (a, b) = tokio::join!(front.ask(Start), async {
        tokio::time::sleep(10 * MS).await;
        back.ask(Report).await
    });
    assert!(a.is_ok() && b.is_ok(), "{a:?} {b:?}");
    Ok(())
}
