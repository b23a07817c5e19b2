//! What follows from a failure.

use std::time::Duration;

use casty::prelude::*;

use crate::common::*;

const MS: Duration = Duration::from_millis(1);
const FAST: SupervisorConfig = SupervisorConfig { backoff_initial: MS, ..SupervisorConfig::DEFAULT };

/// The lines of `log` that begin with a word.
fn only(log: &Log, word: &str) -> Vec<String> {
    log.take().into_iter().filter(|line| line.starts_with(word)).collect()
}

async fn settle() {
    tokio::time::sleep(Duration::from_secs(5)).await;
}

#[casty::test(virtual_time)]
async fn the_mailbox_survives_and_the_state_starts_anew(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let puppet = system.spawn(Puppet::new("p", &log)).await?;
    puppet.send(Note("a")).await?;
    puppet.send(Fail("oh")).await?;
    puppet.send(Note("b")).await?;
    assert_eq!(puppet.ask(Count).await?, 1);
    assert_eq!(log.take(), ["start p", "a", "stop p", "start p", "b"]);
    Ok(())
}

#[casty::test(virtual_time)]
async fn over_its_limit_an_actor_stops_and_its_on_stop_runs(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let puppet = system.spawn(Puppet::new("p", &log)).supervision(SupervisorConfig { max_restarts: 2, ..FAST }).await?;
    for _ in 0..3 {
        puppet.send(Fail("oh")).await?;
    }
    puppet.stopped().await;
    assert_eq!(log.take(), ["start p", "stop p", "start p", "stop p", "start p", "stop p"]);
    Ok(())
}

#[casty::test(virtual_time)]
async fn failures_that_lie_apart_do_not_add_up(system: ActorSystem) -> casty::Result<()> {
    let config = SupervisorConfig { max_restarts: 1, within: Duration::from_secs(10), ..FAST };
    let puppet = system.spawn(Puppet::new("p", &Log::default())).supervision(config).await?;
    for _ in 0..5 {
        puppet.send(Fail("oh")).await?;
        tokio::time::sleep(Duration::from_secs(11)).await;
    }
    assert_eq!(puppet.ask(Count).await?, 0);
    Ok(())
}

#[casty::test(virtual_time)]
async fn each_restart_waits_longer(system: ActorSystem) -> casty::Result<()> {
    let config = SupervisorConfig { backoff_initial: 100 * MS, ..SupervisorConfig::DEFAULT };
    let puppet = system.spawn(Puppet::new("p", &Log::default())).supervision(config).await?;
    for wait in [100, 200, 400] {
        let began = casty::testkit::now();
        puppet.send(Fail("oh")).await?;
        puppet.ask(Count).await?;
        let took = began.elapsed();
        assert!(took >= wait * MS && took < (wait + 20) * MS, "{took:?}");
    }
    Ok(())
}

/// A parent whose policy for its children is given when it is spawned.
async fn parent(system: &ActorSystem, log: &Log, children: Children) -> casty::Result<ActorRef<Puppet>> {
    let config = SupervisorConfig { children, ..SupervisorConfig::DEFAULT };
    Ok(system.spawn(Puppet::new("parent", log)).supervision(config).await?)
}

#[casty::test(virtual_time)]
async fn one_for_all_restarts_all_in_order(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let parent = parent(&system, &log, Children::OneForAll).await?;
    let a = parent.ask(Adopt("a", FAST)).await?;
    let b = parent.ask(Adopt("b", FAST)).await?;
    let c = parent.ask(Adopt("c", FAST)).await?;
    for actor in [&a, &b, &c] {
        actor.send(Note("x")).await?;
        assert_eq!(actor.ask(Count).await?, 1);
    }
    log.take();
    b.send(Fail("oh")).await?;
    b.send(Note("kept")).await?;
    settle().await;
    let mut log = log.take();
    log.retain(|line| line != "kept");
    assert_eq!(log, ["stop c", "stop b", "stop a", "start a", "start b", "start c"]);
    assert_eq!((a.ask(Count).await?, b.ask(Count).await?, c.ask(Count).await?), (0, 1, 0));
    Ok(())
}

#[casty::test(virtual_time)]
async fn rest_for_one_restarts_those_spawned_later(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let parent = parent(&system, &log, Children::RestForOne).await?;
    let _a = parent.ask(Adopt("a", FAST)).await?;
    let b = parent.ask(Adopt("b", FAST)).await?;
    let _c = parent.ask(Adopt("c", FAST)).await?;
    log.take();
    b.send(Fail("oh")).await?;
    settle().await;
    assert_eq!(log.take(), ["stop c", "stop b", "start b", "start c"]);
    Ok(())
}

#[casty::test(virtual_time)]
async fn a_temporary_sibling_is_not_brought_back(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let parent = parent(&system, &log, Children::OneForAll).await?;
    let a = parent.ask(Adopt("a", FAST)).await?;
    let b = parent.ask(Adopt("b", SupervisorConfig::stop())).await?;
    a.send(Fail("oh")).await?;
    b.stopped().await;
    settle().await;
    assert_eq!(only(&log, "start"), ["start parent", "start a", "start b", "start a"]);
    Ok(())
}

#[casty::test(virtual_time)]
async fn siblings_that_fail_together_all_come_back(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let parent = parent(&system, &log, Children::OneForAll).await?;
    let mut children = Vec::new();
    for name in ["a", "b", "c", "d"] {
        children.push(parent.ask(Adopt(name, SupervisorConfig { max_restarts: 10, ..FAST })).await?);
    }
    for child in &children {
        child.send(Fail("oh")).await?;
    }
    settle().await;
    for child in &children {
        assert_eq!(child.ask(Count).await?, 0);
    }
    let log = log.take();
    for name in ["a", "b", "c", "d"] {
        let (starts, stops) = (format!("start {name}"), format!("stop {name}"));
        let count = |what: &String| log.iter().filter(|line| *line == what).count();
        assert_eq!(count(&starts), count(&stops) + 1, "an instance starts when the one before has ended: {log:?}");
    }
    Ok(())
}

/// Decides about its children itself.
#[actor]
struct Judge {
    log: Log,
    says: Option<Directive>,
}

#[actor]
impl Judge {
    fn on_start(&mut self) {
        self.log.note("judge starts");
    }

    async fn on_child_failure(&mut self, child: &AnyRef, failure: &Failure, _ctx: &mut Context<Self>) -> Option<Directive> {
        self.log.note(format!("judged {}: {failure}", child.label().kind()));
        self.says
    }

    #[handler]
    async fn adopt(&mut self, Adopt(name, supervision): Adopt, ctx: &mut Context<Self>) -> casty::Result<ActorRef<Puppet>> {
        Ok(ctx.spawn(Puppet::new(name, &self.log)).supervision(supervision).await?)
    }
}

async fn judge(system: &ActorSystem, log: &Log, says: Option<Directive>) -> casty::Result<ActorRef<Judge>> {
    let log = log.clone();
    let config = SupervisorConfig { backoff_initial: MS, ..SupervisorConfig::DEFAULT };
    Ok(system.spawn(move || Judge { log: log.clone(), says }).supervision(config).await?)
}

#[casty::test(virtual_time)]
async fn a_parent_can_overrule_its_child(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let child = judge(&system, &log, Some(Directive::Stop)).await?.ask(Adopt("a", FAST)).await?;
    child.send(Fail("oh")).await?;
    child.stopped().await;
    assert_eq!(log.take(), ["judge starts", "start a", "judged Puppet: oh", "stop a"]);
    Ok(())
}

#[casty::test(virtual_time)]
async fn a_parent_without_an_opinion_leaves_it_to_the_child(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let child = judge(&system, &log, None).await?.ask(Adopt("a", FAST)).await?;
    child.send(Fail("oh")).await?;
    assert_eq!(child.ask(Count).await?, 0);
    assert_eq!(log.take(), ["judge starts", "start a", "judged Puppet: oh", "stop a", "start a"]);
    Ok(())
}

#[casty::test(virtual_time)]
async fn an_escalated_failure_is_the_parents(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let parent = judge(&system, &log, None).await?;
    let child = parent.ask(Adopt("a", SupervisorConfig::escalate())).await?;
    child.send(Fail("oh")).await?;
    child.stopped().await;
    settle().await;
    assert!(parent.is_alive());
    assert_eq!(log.take(), ["judge starts", "start a", "judged Puppet: oh", "stop a", "judge starts"]);
    Ok(())
}

#[casty::test(virtual_time)]
async fn escalation_goes_up_to_the_top_and_is_told(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let top = system.spawn(Puppet::new("top", &log)).supervision(SupervisorConfig::escalate()).await?;
    let middle = top.ask(Adopt("middle", SupervisorConfig::escalate())).await?;
    let low = middle.ask(Adopt("low", SupervisorConfig::escalate())).await?;
    let mut events = system.events();
    low.send(Fail("oh")).await?;
    top.stopped().await;
    assert_eq!(only(&log, "stop"), ["stop low", "stop middle", "stop top"]);
    let escalated = loop {
        match events.next().await {
            Some(Event::Escalated { actor, failure }) => break (actor.id(), failure.to_string()),
            Some(_) => {}
            None => panic!("no escalation was told"),
        }
    };
    assert_eq!(escalated, (top.id(), "oh".into()));
    Ok(())
}

#[casty::test(virtual_time)]
async fn a_child_can_be_restarted_by_its_parent(system: ActorSystem) -> casty::Result<()> {
    #[actor]
    struct Parent(Log);

    #[message(local)]
    struct Renew(AnyRef);

    #[actor]
    impl Parent {
        #[handler]
        async fn adopt(&mut self, Adopt(name, supervision): Adopt, ctx: &mut Context<Self>) -> casty::Result<ActorRef<Puppet>> {
            Ok(ctx.spawn(Puppet::new(name, &self.0)).supervision(supervision).await?)
        }

        #[handler]
        fn renew(&mut self, Renew(child): Renew, ctx: &mut Context<Self>) {
            assert!(ctx.restart_child(&child));
            assert!(!ctx.restart_child(&ctx.me()), "only children are restarted");
        }
    }

    let log = Log::default();
    let parent = system
        .spawn({
            let log = log.clone();
            move || Parent(log.clone())
        })
        .await?;
    let child = parent.ask(Adopt("a", SupervisorConfig::stop())).await?;
    child.ask(Note("x")).await?;
    parent.ask(Renew((&child).into())).await?;
    let count = child.ask(Count).await?;
    assert_eq!(log.take(), ["start a", "x", "stop a", "start a"]);
    assert_eq!(count, 0);
    Ok(())
}

#[casty::test(virtual_time)]
async fn children_end_when_their_parent_restarts(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let parent = system.spawn(Puppet::new("parent", &log)).name("parent").await?;
    let child = parent.ask(Adopt("child", FAST)).await?;
    parent.send(Fail("oh")).await?;
    parent.ask(Count).await?;
    assert!(!child.is_alive());
    assert_eq!(log.take(), ["start parent", "start child", "stop child", "stop parent", "start parent"]);
    parent.ask(Adopt("child", FAST)).await?;
    Ok(())
}
