//! Death watch.

use casty::{prelude::*, testkit::TestProbe};

use crate::common::*;

#[actor]
struct Watcher {
    tell: Recipient<Told>,
}

#[message(local)]
#[derive(Debug, PartialEq)]
struct Told(Option<String>, String);

#[message(local)]
struct Watch(ActorRef<Puppet>);

#[message(local)]
struct Unwatch(ActorRef<Puppet>);

#[message]
struct Break;

#[actor]
impl Watcher {
    #[handler]
    fn watch(&mut self, Watch(puppet): Watch, ctx: &mut Context<Self>) {
        ctx.watch(&puppet);
    }

    #[handler]
    fn unwatch(&mut self, Unwatch(puppet): Unwatch, ctx: &mut Context<Self>) {
        ctx.unwatch(&puppet);
    }

    #[handler]
    fn fail(&mut self, _: Break) -> casty::Result<()> {
        Err("broken".into())
    }

    #[handler]
    async fn terminated(&mut self, Terminated { actor, reason }: Terminated) -> casty::Result<()> {
        Ok(self.tell.send(Told(actor.name().map(Into::into), reason.to_string())).await?)
    }
}

async fn watcher(system: &ActorSystem) -> casty::Result<(ActorRef<Watcher>, TestProbe<Told>)> {
    let probe = TestProbe::new(system).await;
    let tell = probe.recipient();
    Ok((system.spawn(move || Watcher { tell: tell.clone() }).await?, probe))
}

#[casty::test(virtual_time)]
async fn a_watcher_is_told_once_and_why(system: ActorSystem) -> casty::Result<()> {
    let (watcher, mut probe) = watcher(&system).await?;
    let puppet = system.spawn(Puppet::new("p", &Log::default())).name("p").supervision(SupervisorConfig::stop()).await?;
    watcher.send(Watch(puppet.clone())).await?;
    watcher.ask(Watch(puppet.clone())).await?;
    puppet.send(Fail("oh")).await?;
    assert_eq!(probe.expect().await, Told(Some("p".into()), "failed: oh".into()));
    probe.expect_nothing(std::time::Duration::from_secs(1)).await;
    Ok(())
}

#[casty::test(virtual_time)]
async fn an_actor_that_has_ended_already_is_told_of_at_once(system: ActorSystem) -> casty::Result<()> {
    let (watcher, mut probe) = watcher(&system).await?;
    let puppet = system.spawn(Puppet::new("p", &Log::default())).await?;
    puppet.stop().await?;
    puppet.stopped().await;
    watcher.send(Watch(puppet)).await?;
    assert_eq!(probe.expect().await, Told(None, "stopped".into()));
    Ok(())
}

#[casty::test(virtual_time)]
async fn a_restart_of_the_watched_is_no_end(system: ActorSystem) -> casty::Result<()> {
    let (watcher, mut probe) = watcher(&system).await?;
    let puppet = system.spawn(Puppet::new("p", &Log::default())).await?;
    watcher.ask(Watch(puppet.clone())).await?;
    puppet.send(Fail("oh")).await?;
    probe.expect_nothing(std::time::Duration::from_secs(1)).await;
    Ok(())
}

#[casty::test(virtual_time)]
async fn watching_survives_a_restart_of_the_watcher(system: ActorSystem) -> casty::Result<()> {
    let (watcher, mut probe) = watcher(&system).await?;
    let puppet = system.spawn(Puppet::new("p", &Log::default())).await?;
    watcher.ask(Watch(puppet.clone())).await?;
    watcher.send(Break).await?;
    puppet.stop().await?;
    assert_eq!(probe.expect().await.1, "stopped");
    Ok(())
}

#[casty::test(virtual_time)]
async fn unwatching_ends_it(system: ActorSystem) -> casty::Result<()> {
    let (watcher, mut probe) = watcher(&system).await?;
    let puppet = system.spawn(Puppet::new("p", &Log::default())).await?;
    watcher.ask(Watch(puppet.clone())).await?;
    watcher.ask(Unwatch(puppet.clone())).await?;
    puppet.stop().await?;
    probe.expect_nothing(std::time::Duration::from_secs(1)).await;
    Ok(())
}

#[casty::test(virtual_time)]
async fn watchers_have_been_told_when_stopped_returns(system: ActorSystem) -> casty::Result<()> {
    for _ in 0..100 {
        let (watcher, mut probe) = watcher(&system).await?;
        let puppet = system.spawn(Puppet::new("p", &Log::default())).await?;
        watcher.ask(Watch(puppet.clone())).await?;
        puppet.stop().await?;
        puppet.stopped().await;
        // An ask comes behind what the watcher was told.
        watcher.ask(Unwatch(puppet)).await?;
        assert_eq!(probe.expect().await.1, "stopped");
    }
    Ok(())
}

/// Watches all it is given, behind a mailbox of one.
#[actor]
struct Crowded {
    tell: Recipient<Told>,
}

#[message(local)]
struct WatchAll(Vec<ActorRef<Puppet>>);

#[message(local)]
struct Hold(std::time::Duration);

#[actor]
impl Crowded {
    #[handler]
    fn watch_all(&mut self, WatchAll(all): WatchAll, ctx: &mut Context<Self>) {
        for actor in &all {
            ctx.watch(actor);
        }
    }

    #[handler]
    async fn hold(&mut self, Hold(time): Hold) {
        tokio::time::sleep(time).await;
    }

    #[handler]
    async fn terminated(&mut self, Terminated { reason, .. }: Terminated) -> casty::Result<()> {
        Ok(self.tell.send(Told(None, reason.to_string())).await?)
    }
}

#[casty::test(virtual_time)]
async fn a_bound_neither_drops_what_watchers_are_told_nor_grows_with_it(system: ActorSystem) -> casty::Result<()> {
    for overflow in [Overflow::Wait, Overflow::DropOldest, Overflow::DropNewest, Overflow::Fail] {
        let mut probe = TestProbe::<Told>::new(&system).await;
        let tell = probe.recipient();
        let crowded = system.spawn(move || Crowded { tell: tell.clone() }).mailbox(Mailbox::bounded(1, overflow)).await?;
        let mut puppets = Vec::new();
        for _ in 0..10 {
            puppets.push(system.spawn(Puppet::new("p", &Log::default())).await?);
        }
        crowded.ask(WatchAll(puppets.clone())).await?;
        crowded.send(Hold(std::time::Duration::from_secs(1))).await?;
        tokio::task::yield_now().await;
        for puppet in &puppets {
            puppet.stop().await?;
            puppet.stopped().await;
        }
        // More than fits, while all the news wait.
        for _ in 0..3 {
            drop(crowded.try_send(Hold(std::time::Duration::ZERO)));
        }
        for _ in 0..10 {
            assert_eq!(probe.expect().await.1, "stopped", "{overflow:?}");
        }
        // The bound is what it was.
        crowded.ask(Hold(std::time::Duration::ZERO)).await?;
        crowded.send(Hold(std::time::Duration::from_secs(1))).await?;
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        crowded.try_send(Hold(std::time::Duration::ZERO))?;
        let second = crowded.try_send(Hold(std::time::Duration::ZERO));
        assert_eq!(second.is_err(), matches!(overflow, Overflow::Wait | Overflow::Fail), "{overflow:?}");
        crowded.stop().await?;
        crowded.stopped().await;
    }
    Ok(())
}
