//! Waits of supervision that had no end.

use crate::common::*;
use casty::prelude::*;
use std::time::Duration;
const MS: Duration = Duration::from_millis(1);
const S: Duration = Duration::from_secs(1);
const FAST: SupervisorConfig = SupervisorConfig { backoff_initial: MS, ..SupervisorConfig::DEFAULT };

// --- a sync on_child_failure that panics
#[actor]
struct BadJudge {
    log: Log,
    panics: bool,
}
#[actor]
impl BadJudge {
    fn on_start(&mut self) {
        self.log.note("judge starts");
    }
    fn on_child_failure(&mut self, _child: &AnyRef, _failure: &Failure) -> Option<Directive> {
        if self.panics {
            panic!("no judgement")
        }
        None
    }
    #[handler]
    async fn adopt(&mut self, Adopt(name, supervision): Adopt, ctx: &mut Context<Self>) -> casty::Result<ActorRef<Puppet>> {
        Ok(ctx.spawn(Puppet::new(name, &self.log)).supervision(supervision).await?)
    }
}
#[casty::test(virtual_time)]
async fn a_panic_in_on_child_failure_is_the_parents_failure(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let l = log.clone();
    let judge = system.spawn(move || BadJudge { log: l.clone(), panics: true }).supervision(FAST).await?;
    let child = judge.ask(Adopt("a", FAST)).await?;
    child.send(Fail("oh")).await?;
    tokio::time::sleep(60 * S).await;
    let alive = (judge.is_alive(), child.is_alive());
    let ended = tokio::time::timeout(60 * S, child.stopped()).await.is_ok();
    assert!(ended && alive == (true, false), "{alive:?} {ended} {:?}", log.take());
    Ok(())
}

// --- on_child_failure says Restart to a child whose own strategy is Stop, in a group
#[actor]
#[supervised(children = OneForAll)]
struct Lenient {
    log: Log,
}
#[actor]
impl Lenient {
    fn on_child_failure(&mut self) -> Option<Directive> {
        Some(Directive::Restart)
    }
    #[handler]
    async fn adopt(&mut self, Adopt(name, supervision): Adopt, ctx: &mut Context<Self>) -> casty::Result<ActorRef<Puppet>> {
        Ok(ctx.spawn(Puppet::new(name, &self.log)).supervision(supervision).await?)
    }
}
#[casty::test(virtual_time)]
async fn a_parents_word_counts_in_a_group_too(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let l = log.clone();
    let parent = system.spawn(move || Lenient { log: l.clone() }).await?;
    let a = parent.ask(Adopt("a", SupervisorConfig::stop())).await?;
    let _b = parent.ask(Adopt("b", FAST)).await?;
    a.send(Fail("oh")).await?;
    tokio::time::sleep(10 * S).await;
    assert!(a.is_alive(), "{:?}", log.take());
    Ok(())
}

// --- parent waits for room in a child that waits for the parent's verdict
#[actor]
struct Feeder;
#[message(local)]
struct Feed(ActorRef<Puppet>);
#[message(local, reply = ActorRef<Puppet>)]
struct Small(Log);
#[actor]
impl Feeder {
    fn on_child_failure(&mut self) -> Option<Directive> {
        None
    }
    #[handler]
    async fn small(&mut self, Small(log): Small, ctx: &mut Context<Self>) -> casty::Result<ActorRef<Puppet>> {
        Ok(ctx.spawn(Puppet::new("small", &log)).mailbox(Mailbox::bounded(1, Overflow::Wait)).supervision(FAST).await?)
    }
    #[handler]
    async fn feed(&mut self, Feed(to): Feed) -> casty::Result<()> {
        to.send(Fail("oh")).await?;
        for _ in 0..10 {
            to.send(Note("x")).await?;
        }
        Ok(())
    }
}
#[casty::test(virtual_time)]
async fn a_parent_that_feeds_a_failing_child_does_not_wait_for_ever(_: ActorSystem) -> casty::Result<()> {
    let system = ActorSystem::new();
    let log = Log::default();
    let feeder = system.spawn(|| Feeder).await?;
    let small = feeder.ask(Small(log.clone())).await?;
    let fed = tokio::time::timeout(3600 * S, feeder.ask(Feed(small)).timeout(Duration::MAX)).await;
    assert!(fed.is_ok(), "waits for ever: {:?}", log.take());
    Ok(())
}

// --- group restart: a sibling that feeds the failed one
#[actor]
struct Source {
    to: ActorRef<Puppet>,
}
#[message]
struct Flood;
#[actor]
impl Source {
    #[handler]
    async fn flood(&mut self, _: Flood) -> casty::Result<()> {
        self.to.send(Fail("oh")).await?;
        for _ in 0..10 {
            self.to.send(Note("x")).await?;
        }
        Ok(())
    }
}
#[actor]
#[supervised(children = RestForOne)]
struct Pipeline {
    log: Log,
}
#[message(local, reply = (ActorRef<Puppet>, ActorRef<Source>))]
struct Build;
#[actor]
impl Pipeline {
    #[handler]
    async fn build(&mut self, _: Build, ctx: &mut Context<Self>) -> casty::Result<(ActorRef<Puppet>, ActorRef<Source>)> {
        let sink =
            ctx.spawn(Puppet::new("sink", &self.log)).mailbox(Mailbox::bounded(1, Overflow::Wait)).supervision(FAST).await?;
        let to = sink.clone();
        let source = ctx.spawn(move || Source { to: to.clone() }).supervision(FAST).await?;
        Ok((sink, source))
    }
}
#[casty::test(virtual_time)]
async fn a_pipeline_whose_sink_fails_comes_back(_: ActorSystem) -> casty::Result<()> {
    let system = ActorSystem::new();
    let log = Log::default();
    let l = log.clone();
    let pipeline = system.spawn(move || Pipeline { log: l.clone() }).await?;
    let (sink, source) = pipeline.ask(Build).await?;
    source.send(Flood).await?;
    tokio::time::sleep(3600 * S).await;
    let r = sink.ask(Count).timeout(3600 * S).await;
    assert!(r.is_ok(), "{r:?} {:?}", log.take());
    Ok(())
}
// a sibling in a handler that does not end
#[casty::test(virtual_time)]
async fn a_sibling_that_never_ends_does_not_hold_up_its_group(_: ActorSystem) -> casty::Result<()> {
    let system = ActorSystem::builder().shutdown_timeout(2 * S).build();
    let log = Log::default();
    let parent = system
        .spawn(Puppet::new("parent", &log))
        .supervision(SupervisorConfig { children: Children::OneForAll, ..SupervisorConfig::DEFAULT })
        .await?;
    let a = parent.ask(Adopt("a", FAST)).await?;
    let b = parent.ask(Adopt("b", FAST)).await?;
    b.send(Wait(Duration::MAX)).await?;
    a.send(Fail("oh")).await?;
    tokio::time::sleep(3600 * S).await;
    let r = a.ask(Count).await;
    assert!(r.is_ok(), "{r:?} {:?}", log.take());
    Ok(())
}

// --- a child's on_start sends to its parent's full mailbox
#[actor]
struct Eager {
    boss: ActorRef<Hirer>,
}
#[message]
struct Hello;
#[message]
struct Hire;
#[actor]
impl Eager {
    async fn on_start(&mut self) -> casty::Result<()> {
        for _ in 0..3 {
            self.boss.send(Hello).await?;
        }
        Ok(())
    }
}
#[actor]
struct Hirer;
#[actor]
impl Hirer {
    #[handler]
    fn hello(&mut self, _: Hello) {}
    #[handler]
    async fn hire(&mut self, _: Hire, ctx: &mut Context<Self>) -> casty::Result<()> {
        let boss = ctx.me();
        ctx.spawn(move || Eager { boss: boss.clone() }).await?;
        Ok(())
    }
}
#[casty::test(virtual_time)]
async fn a_child_that_greets_its_full_parent_is_no_deadlock(_: ActorSystem) -> casty::Result<()> {
    let system = ActorSystem::new();
    let boss = system.spawn(|| Hirer).mailbox(Mailbox::bounded(1, Overflow::Wait)).await?;
    let r = tokio::time::timeout(3600 * S, boss.ask(Hire).timeout(Duration::MAX)).await;
    assert!(r.is_ok(), "waits for ever");
    Ok(())
}

// --- child spawned from a task while the parent backs off, then fails
#[actor]
struct Detached {
    log: Log,
}
#[message(local)]
struct SpawnLater(Duration);
#[message]
struct FailNow;
#[actor]
impl Detached {
    fn on_child_failure(&mut self) -> Option<Directive> {
        None
    }
    fn on_stop(&mut self) {}
    #[handler]
    fn fail(&mut self, _: FailNow) -> casty::Result<()> {
        Err("oh".into())
    }
    #[handler]
    fn later(&mut self, SpawnLater(d): SpawnLater, ctx: &Context<Self>) {
        let spawn = ctx.spawn(Puppet::new("c", &self.log)).name("c").supervision(FAST);
        tokio::spawn(async move {
            tokio::time::sleep(d).await;
            drop(spawn.await)
        });
    }
}
#[casty::test(virtual_time)]
async fn a_child_that_fails_while_its_parent_backs_off_comes_back(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let l = log.clone();
    let parent = system
        .spawn(move || Detached { log: l.clone() })
        .name("p")
        .supervision(SupervisorConfig { backoff_initial: S, ..FAST })
        .await?;
    parent.send(SpawnLater(100 * MS)).await?;
    parent.send(FailNow).await?;
    tokio::time::sleep(200 * MS).await;
    let child = system.lookup::<Puppet>("p/c").await?.expect("it is there");
    child.send(Fail("x")).await?;
    tokio::time::sleep(60 * S).await;
    assert!(parent.is_alive());
    let r = child.ask(Count).await;
    assert!(matches!(r, Ok(_) | Err(AskError::Stopped { .. })), "{r:?} alive {}", child.is_alive());
    Ok(())
}
// the same with a child that a hook spawns: pre_restart/on_stop
#[actor]
struct Hooked {
    log: Log,
}
#[actor]
impl Hooked {
    fn on_child_failure(&mut self) -> Option<Directive> {
        None
    }
    async fn on_stop(&mut self, ctx: &mut Context<Self>) {
        drop(ctx.spawn(Puppet::new("c", &self.log)).name("c").supervision(FAST).await);
    }
    #[handler]
    fn fail(&mut self, _: FailNow) -> casty::Result<()> {
        Err("oh".into())
    }
}
#[casty::test(virtual_time)]
async fn a_child_that_a_farewell_spawned_does_not_outlive_the_instance(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let l = log.clone();
    let parent = system.spawn(move || Hooked { log: l.clone() }).name("p").supervision(FAST).await?;
    parent.send(FailNow).await?;
    tokio::time::sleep(S).await;
    assert!(system.lookup::<Puppet>("p/c").await?.is_none(), "{:?}", log.take());
    Ok(())
}

#[casty::test(virtual_time)]
async fn a_backoff_may_be_as_long_as_can_be(system: ActorSystem) -> casty::Result<()> {
    let p = system
        .spawn(Puppet::new("p", &Log::default()))
        .supervision(SupervisorConfig { backoff_initial: Duration::MAX, backoff_max: Duration::MAX, ..FAST })
        .await?;
    p.send(Fail("oh")).await?;
    tokio::time::sleep(S).await;
    assert!(p.is_alive());
    Ok(())
}

// restart_child of one that backs off
#[actor]
struct Hurry {
    log: Log,
}
#[message(local, reply = bool)]
struct Renew(AnyRef);
#[actor]
impl Hurry {
    #[handler]
    async fn adopt(&mut self, Adopt(name, supervision): Adopt, ctx: &mut Context<Self>) -> casty::Result<ActorRef<Puppet>> {
        Ok(ctx.spawn(Puppet::new(name, &self.log)).supervision(supervision).await?)
    }
    #[handler]
    fn renew(&mut self, Renew(child): Renew, ctx: &mut Context<Self>) -> bool {
        ctx.restart_child(&child)
    }
}
#[casty::test(virtual_time)]
async fn a_restart_by_the_parent_ends_a_backoff(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let l = log.clone();
    let parent = system.spawn(move || Hurry { log: l.clone() }).await?;
    let hour = 3600 * S;
    let child = parent.ask(Adopt("c", SupervisorConfig { backoff_initial: hour, backoff_max: hour, ..FAST })).await?;
    child.send(Fail("oh")).await?;
    tokio::time::sleep(MS).await;
    assert!(parent.ask(Renew((&child).into())).await?);
    let r = child.ask(Count).await;
    assert!(r.is_ok(), "{r:?}");
    Ok(())
}
