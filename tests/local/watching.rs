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
#[allow(clippy::needless_pass_by_ref_mut)]
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
