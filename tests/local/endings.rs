//! How actors end, and what becomes of what they had not come to.

use std::time::Duration;

use casty::prelude::*;

use crate::common::*;

const MS: Duration = Duration::from_millis(1);

#[casty::test(virtual_time)]
async fn a_stop_comes_after_the_message_in_hand(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let puppet = system.spawn(Puppet::new("p", &log)).await?;
    puppet.send(Wait(10 * MS)).await?;
    tokio::time::sleep(MS).await;
    puppet.send(Note("never")).await?;
    let (asked, ()) = tokio::join!(puppet.ask(Count), async {
        puppet.stop().await.expect("a stop is always taken");
        assert!(!puppet.is_alive());
    });
    assert!(matches!(asked, Err(AskError::Stopped { .. })), "{asked:?}");
    puppet.stopped().await;
    assert_eq!(log.take(), ["start p", "waited p", "stop p"]);
    assert_eq!(system.dead_letters(), 1);
    Ok(())
}

#[casty::test]
async fn an_actor_can_stop_itself_inside_a_handler(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let puppet = system.spawn(Puppet::new("p", &log)).await?;
    puppet.ask(StopYourself).await?;
    puppet.stopped().await;
    puppet.stopped().await;
    assert_eq!(log.take(), ["start p", "stop p"]);
    assert!(puppet.stop().await.is_ok(), "stopping what has stopped is no error");
    Ok(())
}

#[actor]
struct Sulky;

#[message]
struct Poke;

#[actor]
impl Sulky {
    fn on_stop(&mut self) {
        panic!("not yet");
    }

    #[handler]
    fn poke(&mut self, _: Poke) {}
}

#[casty::test]
async fn a_panic_in_on_stop_does_not_hold_up_the_end(system: ActorSystem) -> casty::Result<()> {
    let sulky = system.spawn(|| Sulky).name("sulky").await?;
    let mut events = system.events();
    sulky.stop().await?;
    sulky.stopped().await;
    assert!(system.lookup::<Sulky>("sulky").await?.is_none());
    let event = events.next().await;
    assert!(matches!(&event, Some(Event::HookFailed { hook: "on_stop", failure, .. }) if failure.is_panic()), "{event:?}");
    Ok(())
}

#[casty::test(virtual_time)]
async fn children_end_before_their_parent_the_last_first(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let parent = system.spawn(Puppet::new("parent", &log)).await?;
    for name in ["one", "two", "three"] {
        let child = parent.ask(Adopt(name, SupervisorConfig::DEFAULT)).await?;
        child.send(Wait(5 * MS)).await?;
    }
    log.take();
    parent.stop().await?;
    parent.stopped().await;
    let log = log.take();
    let stops: Vec<_> = log.iter().filter(|line| line.starts_with("stop")).collect();
    assert_eq!(stops, ["stop three", "stop two", "stop one", "stop parent"]);
    Ok(())
}

#[casty::test(virtual_time)]
async fn a_parent_can_end_while_its_child_backs_off(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let parent = system.spawn(Puppet::new("parent", &log)).await?;
    let hour = Duration::from_secs(3600);
    let slow = SupervisorConfig { backoff_initial: hour, backoff_max: hour, ..SupervisorConfig::DEFAULT };
    let child = parent.ask(Adopt("child", slow)).await?;
    child.send(Fail("oh")).await?;
    child.send(Note("never")).await?;
    tokio::time::sleep(MS).await;
    let began = casty::testkit::now();
    parent.stop().await?;
    parent.stopped().await;
    assert!(began.elapsed() < 10 * MS, "the backoff is not waited for");
    child.stopped().await;
    assert_eq!(log.take(), ["start parent", "start child", "stop child", "stop parent"]);
    Ok(())
}

#[casty::test]
async fn a_message_to_a_parent_is_handled_while_its_child_backs_off(system: ActorSystem) -> casty::Result<()> {
    let parent = system.spawn(Puppet::new("parent", &Log::default())).await?;
    let child = parent.ask(Adopt("child", SupervisorConfig::DEFAULT)).await?;
    child.send(Fail("oh")).await?;
    let began = std::time::Instant::now();
    parent.ask(Count).await?;
    assert!(began.elapsed() < 90 * MS);
    Ok(())
}

#[actor]
struct Explosive;

impl Drop for Explosive {
    fn drop(&mut self) {
        panic!("in drop");
    }
}

#[actor]
impl Explosive {
    #[handler]
    fn poke(&mut self, _: Poke) {}
}

#[casty::test]
async fn a_state_that_panics_when_dropped_ends_all_the_same(system: ActorSystem) -> casty::Result<()> {
    let explosive = system.spawn(|| Explosive).name("e").await?;
    explosive.stop().await?;
    explosive.stopped().await;
    assert!(system.lookup::<Explosive>("e").await?.is_none());
    Ok(())
}
