//! Asks end: with an answer, or with an error that says what is true.

use std::time::Duration;

use casty::prelude::*;

use crate::common::*;

const MS: Duration = Duration::from_millis(1);

#[casty::test]
async fn a_panic_is_told_to_the_asker_with_its_text(system: ActorSystem) -> casty::Result<()> {
    let puppet = system.spawn(Puppet::new("p", &Log::default())).await?;
    let error = puppet.ask(Panic("boom")).await.unwrap_err();
    assert!(matches!(&error, AskError::Failed { failure, .. } if failure.is_panic()), "{error}");
    assert!(error.to_string().contains("boom") && error.may_have_been_handled(), "{error}");
    Ok(())
}

#[casty::test]
async fn a_failure_is_told_to_the_asker(system: ActorSystem) -> casty::Result<()> {
    let puppet = system.spawn(Puppet::new("p", &Log::default())).await?;
    let error = puppet.ask(Fail("no luck")).await.unwrap_err();
    assert!(matches!(&error, AskError::Failed { message: "Fail", failure, .. } if !failure.is_panic()), "{error}");
    Ok(())
}

#[casty::test(virtual_time)]
async fn an_ask_gives_up_after_five_seconds_unless_told_otherwise(system: ActorSystem) -> casty::Result<()> {
    let puppet = system.spawn(Puppet::new("p", &Log::default())).await?;
    let began = casty::testkit::now();
    let error = puppet.ask(Wait(3600 * 1000 * MS)).await.unwrap_err();
    assert!(matches!(error, AskError::Timeout { .. }), "{error}");
    let took = began.elapsed();
    assert!(took >= 5000 * MS && took <= 5500 * MS, "{took:?}");
    Ok(())
}

#[casty::test(virtual_time)]
async fn a_timeout_of_ones_own_is_kept_to_the_millisecond(system: ActorSystem) -> casty::Result<()> {
    let puppet = system.spawn(Puppet::new("p", &Log::default())).await?;
    let began = casty::testkit::now();
    let error = puppet.ask(Wait(1000 * MS)).timeout(30 * MS).await.unwrap_err();
    assert!(matches!(error, AskError::Timeout { after, .. } if after == 30 * MS), "{error}");
    assert!(began.elapsed() <= 32 * MS, "{:?}", began.elapsed());
    Ok(())
}

#[casty::test(virtual_time)]
async fn the_systems_own_default_is_used(_: ActorSystem) -> casty::Result<()> {
    let system = ActorSystem::builder().ask_timeout(100 * MS).build();
    let puppet = system.spawn(Puppet::new("p", &Log::default())).await?;
    let error = puppet.ask(Wait(200 * MS)).await.unwrap_err();
    assert!(matches!(error, AskError::Timeout { after, .. } if after == 100 * MS), "{error}");
    system.shutdown().await;
    Ok(())
}

#[casty::test]
async fn a_stopped_actor_refuses_and_says_that_nothing_was_handled(system: ActorSystem) -> casty::Result<()> {
    let puppet = system.spawn(Puppet::new("p", &Log::default())).await?;
    puppet.stop().await?;
    puppet.stopped().await;
    let error = puppet.ask(Count).await.unwrap_err();
    assert!(matches!(error, AskError::Stopped { message: "Count", .. }) && !error.may_have_been_handled(), "{error}");
    assert!(matches!(puppet.send(Note("a")).await, Err(SendError::Stopped { .. })));
    assert!(matches!(puppet.try_send(Note("b")), Err(TrySendError::Stopped { message: Note("b"), .. })));
    Ok(())
}

/// Asks whomever it was given, itself if nobody.
#[actor]
#[derive(Default)]
struct Relay {
    next: Option<ActorRef<Self>>,
}

#[message(local)]
struct Next(ActorRef<Relay>);

#[message(reply = u32)]
struct Around(u32);

#[actor]
impl Relay {
    #[handler]
    fn next(&mut self, Next(next): Next) {
        self.next = Some(next);
    }

    #[handler]
    async fn around(&mut self, Around(n): Around, ctx: &Context<Self>) -> casty::Result<u32> {
        let next = self.next.clone().unwrap_or_else(|| ctx.me());
        if n == 0 {
            return Ok(0);
        }
        // Others get their turn, so that the way is not one stack of calls.
        tokio::task::yield_now().await;
        Ok(1 + next.ask(Around(n - 1)).await?)
    }
}

fn is_cycle(error: &AskError) -> bool {
    let AskError::Failed { failure, .. } = error else { return false };
    match failure.downcast_ref::<AskError>() {
        Some(AskError::Cycle { .. }) => true,
        Some(inner) => is_cycle(inner),
        None => false,
    }
}

#[casty::test(virtual_time)]
async fn an_ask_to_oneself_fails_at_once(system: ActorSystem) -> casty::Result<()> {
    let relay = system.spawn(Relay::default).await?;
    let began = casty::testkit::now();
    let error = relay.ask(Around(1)).await.unwrap_err();
    assert!(is_cycle(&error), "{error}");
    assert!(began.elapsed() < 100 * MS);
    Ok(())
}

#[casty::test(virtual_time)]
async fn a_circle_of_asks_fails_at_once(system: ActorSystem) -> casty::Result<()> {
    let mut relays = Vec::new();
    for _ in 0..20 {
        relays.push(system.spawn(Relay::default).await?);
    }
    for (i, relay) in relays.iter().enumerate() {
        relay.send(Next(relays[(i + 1) % 20].clone())).await?;
    }
    let began = casty::testkit::now();
    assert_eq!(relays[0].ask(Around(19)).await?, 19, "a long way is no circle");
    let error = relays[0].ask(Around(20)).await.unwrap_err();
    assert!(is_cycle(&error), "{error}");
    assert!(began.elapsed() < 100 * MS);
    Ok(())
}

#[message(reply = u32)]
struct Forget;

#[message(reply = u32)]
struct Instant(u32);

#[actor]
struct Lazy;

#[actor]
impl Lazy {
    #[handler]
    fn forget(&mut self, _: Forget) -> Later<Forget> {
        let (_reply, later) = Later::new();
        later
    }

    #[handler]
    fn instant(&mut self, Instant(n): Instant) -> casty::Result<Later<Instant>> {
        if n == 0 { Err("zero".into()) } else { Ok(Later::now(n)) }
    }
}

#[casty::test]
async fn a_reply_that_is_dropped_is_no_timeout(system: ActorSystem) -> casty::Result<()> {
    let lazy = system.spawn(|| Lazy).await?;
    assert!(matches!(lazy.ask(Forget).await, Err(AskError::NotAnswered { .. })));
    assert_eq!(lazy.ask(Instant(7)).await?, 7);
    assert!(matches!(lazy.ask(Instant(0)).await, Err(AskError::Failed { .. })));
    Ok(())
}

#[casty::test]
async fn an_ask_that_is_dropped_harms_nobody(system: ActorSystem) -> casty::Result<()> {
    let puppet = system.spawn(Puppet::new("p", &Log::default())).await?;
    for _ in 0..10 {
        let asked = tokio::time::timeout(MS, puppet.ask(Wait(2 * MS))).await;
        assert!(asked.is_err());
    }
    assert_eq!(puppet.ask(Count).await?, 0);
    Ok(())
}
