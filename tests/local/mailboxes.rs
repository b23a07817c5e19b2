//! Bounds, and what happens at them.

use std::time::Duration;

use casty::prelude::*;

use crate::common::*;

const MS: Duration = Duration::from_millis(1);

/// A puppet that is busy for 50 ms, with a mailbox for two.
async fn busy(system: &ActorSystem, log: &Log, overflow: Overflow) -> casty::Result<ActorRef<Puppet>> {
    let puppet = system.spawn(Puppet::new("p", log)).mailbox(Mailbox::bounded(2, overflow)).await?;
    puppet.send(Wait(50 * MS)).await?;
    tokio::time::sleep(10 * MS).await;
    puppet.send(Note("one")).await?;
    puppet.send(Note("two")).await?;
    log.take();
    Ok(puppet)
}

#[casty::test(virtual_time)]
async fn a_full_mailbox_makes_its_senders_wait(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let puppet = busy(&system, &log, Overflow::Wait).await?;
    assert!(matches!(puppet.try_send(Note("never")), Err(TrySendError::Full { message: Note("never"), .. })));
    let began = casty::testkit::now();
    puppet.send(Note("three")).await?;
    assert!(began.elapsed() >= 30 * MS);
    assert_eq!(puppet.ask(Count).await?, 3);
    assert_eq!(log.take(), ["waited p", "one", "two", "three"]);
    Ok(())
}

#[casty::test(virtual_time)]
async fn waiting_for_room_ends_with_the_actor(system: ActorSystem) -> casty::Result<()> {
    let puppet = busy(&system, &Log::default(), Overflow::Wait).await?;
    let waiting = tokio::spawn({
        let puppet = puppet.clone();
        async move { (puppet.send(Note("three")).await, puppet.ask(Count).await) }
    });
    tokio::time::sleep(MS).await;
    puppet.stop().await?;
    let (sent, asked) = waiting.await.expect("it does not panic");
    assert!(matches!(sent, Err(SendError::Stopped { .. })), "{sent:?}");
    assert!(matches!(asked, Err(AskError::Stopped { .. })), "{asked:?}");
    Ok(())
}

#[casty::test(virtual_time)]
async fn waiting_for_room_counts_against_an_asks_time(system: ActorSystem) -> casty::Result<()> {
    let puppet = busy(&system, &Log::default(), Overflow::Wait).await?;
    let asked = puppet.ask(Count).timeout(5 * MS).await;
    assert!(matches!(asked, Err(AskError::Timeout { .. })), "{asked:?}");
    Ok(())
}

#[casty::test(virtual_time)]
async fn a_full_mailbox_that_fails_refuses(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let puppet = busy(&system, &log, Overflow::Fail).await?;
    assert!(matches!(puppet.send(Note("three")).await, Err(SendError::Full { .. })));
    assert!(matches!(puppet.ask(Count).await, Err(AskError::MailboxFull { .. })));
    tokio::time::sleep(100 * MS).await;
    assert_eq!((log.take(), system.dead_letters()), (vec!["waited p".into(), "one".into(), "two".into()], 0));
    Ok(())
}

#[casty::test(virtual_time)]
async fn a_full_mailbox_drops_the_newest(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let puppet = busy(&system, &log, Overflow::DropNewest).await?;
    let mut events = system.events();
    puppet.send(Note("three")).await?;
    assert!(matches!(puppet.ask(Count).await, Err(AskError::MailboxFull { .. })));
    assert!(matches!(events.next().await, Some(Event::DeadLetter { message: "Note", .. })));
    tokio::time::sleep(100 * MS).await;
    assert_eq!(log.take(), ["waited p", "one", "two"]);
    Ok(())
}

#[casty::test(virtual_time)]
async fn a_full_mailbox_drops_the_oldest(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let puppet = busy(&system, &log, Overflow::DropOldest).await?;
    puppet.send(Note("three")).await?;
    assert_eq!(puppet.ask(Count).await?, 1);
    assert_eq!(log.take(), ["waited p", "three"]);
    assert_eq!(system.dead_letters(), 2);
    Ok(())
}

#[casty::test(virtual_time)]
async fn a_stop_does_not_wait_behind_a_full_mailbox(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let puppet = busy(&system, &log, Overflow::Wait).await?;
    puppet.stop().await?;
    puppet.stopped().await;
    assert_eq!(log.take(), ["waited p", "stop p"]);
    assert_eq!(system.dead_letters(), 2, "what was sent and not handled is counted");
    Ok(())
}

#[casty::test]
async fn a_mailbox_that_grows_large_is_told_of(system: ActorSystem) -> casty::Result<()> {
    let puppet = system.spawn(Puppet::new("p", &Log::default())).await?;
    let mut events = system.events();
    for _ in 0..100_001 {
        puppet.try_send(Count)?;
    }
    let event = events.next().await;
    assert!(matches!(event, Some(Event::MailboxLarge { len: 100_001, .. })), "{event:?}");
    Ok(())
}

#[actor(mailbox = 1, overflow = Wait)]
struct Full;

#[message]
struct FillYourself;

#[actor]
impl Full {
    #[handler]
    async fn fill(&mut self, _: FillYourself, ctx: &Context<Self>) -> casty::Result<()> {
        ctx.me().send(FillYourself).await?;
        Ok(ctx.me().send(FillYourself).await?)
    }
}

#[casty::test]
async fn an_actor_does_not_wait_for_room_in_its_own_mailbox(system: ActorSystem) -> casty::Result<()> {
    let full = system.spawn(|| Full).supervision(SupervisorConfig::stop()).await?;
    let mut events = system.events();
    full.send(FillYourself).await?;
    let Some(Event::Failed { failure, .. }) = events.next().await else { panic!("it fails") };
    assert!(matches!(failure.downcast_ref(), Some(SendError::Cycle { .. })), "{failure}");
    Ok(())
}
