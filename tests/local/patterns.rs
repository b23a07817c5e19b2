//! Timers, the stash, forwarding, late answers.

use std::time::Duration;

use casty::{prelude::*, testkit::TestProbe};

const MS: Duration = Duration::from_millis(1);

#[message(reply = u32)]
struct Get(u32);

#[message(reply = u32)]
struct Open;

#[message]
struct Close;

#[message]
struct Break;

#[derive(Clone)]
#[message]
struct Tick;

#[message(reply = u32)]
struct Ticks;

/// Answers only while it is open.
#[actor]
#[derive(Default)]
#[supervised(backoff_initial = 1ms)]
struct Door {
    open: bool,
    ticks: u32,
    other: Option<ActorRef<Self>>,
}

#[message(local)]
struct Other(ActorRef<Door>);

#[message(reply = u32, local)]
struct Elsewhere(u32);

#[message(local)]
struct Timers(Duration);

#[actor]
impl Door {
    #[handler]
    fn get(&mut self, Get(n): Get, ctx: &mut Context<Self>) -> Later<Get> {
        if self.open { Later::now(n) } else { ctx.stash(Get(n)) }
    }

    #[handler]
    fn open(&mut self, _: Open, ctx: &mut Context<Self>) -> u32 {
        self.open = true;
        ctx.unstash_all();
        7
    }

    #[handler]
    fn close(&mut self, _: Close) {
        self.open = false;
    }

    #[handler]
    fn fail(&mut self, _: Break) -> casty::Result<()> {
        Err("broken".into())
    }

    #[handler]
    fn other(&mut self, Other(other): Other) {
        self.other = Some(other);
    }

    #[handler]
    fn elsewhere(&mut self, Elsewhere(n): Elsewhere, ctx: &Context<Self>) -> casty::Result<Later<Elsewhere>> {
        match &self.other {
            Some(other) => Ok(ctx.forward(other, Elsewhere(n + 1))),
            None => Ok(Later::now(n)),
        }
    }

    #[handler]
    fn timers(&mut self, Timers(period): Timers, ctx: &mut Context<Self>) {
        ctx.schedule_every(period, Tick);
        ctx.schedule_once(period / 2, Tick);
        ctx.schedule_once(period / 4, Tick).cancel();
    }

    #[handler]
    fn tick(&mut self, _: Tick) {
        self.ticks += 1;
    }

    #[handler]
    fn ticks(&self, _: Ticks) -> u32 {
        self.ticks
    }
}

#[casty::test(virtual_time)]
async fn stashed_asks_are_answered_in_order_ahead_of_the_mailbox(system: ActorSystem) -> casty::Result<()> {
    let door = system.spawn(Door::default).await?;
    let (a, b, opened, c) = tokio::join!(door.ask(Get(1)), door.ask(Get(2)), door.ask(Open), door.ask(Get(3)));
    assert_eq!((a?, b?, opened?, c?), (1, 2, 7, 3));
    Ok(())
}

#[casty::test(virtual_time)]
async fn the_stash_survives_a_restart(system: ActorSystem) -> casty::Result<()> {
    let door = system.spawn(Door::default).await?;
    let asked = tokio::spawn({
        let door = door.clone();
        async move { door.ask(Get(5)).await }
    });
    tokio::time::sleep(MS).await;
    door.send(Break).await?;
    door.ask(Open).await?;
    assert_eq!(asked.await??, 5);
    Ok(())
}

#[casty::test(virtual_time)]
async fn what_is_stashed_at_the_end_is_refused(system: ActorSystem) -> casty::Result<()> {
    let door = system.spawn(Door::default).await?;
    let asked = tokio::spawn({
        let door = door.clone();
        async move { door.ask(Get(5)).await }
    });
    tokio::time::sleep(MS).await;
    door.send(Get(6)).await?;
    door.stop().await?;
    let asked = asked.await?;
    assert!(matches!(asked, Err(AskError::Stopped { .. })), "{asked:?}");
    door.stopped().await;
    assert_eq!(system.dead_letters(), 1);
    Ok(())
}

#[casty::test(virtual_time)]
async fn a_forwarded_ask_is_answered_by_the_other(system: ActorSystem) -> casty::Result<()> {
    let (one, two) = (system.spawn(Door::default).await?, system.spawn(Door::default).await?);
    one.send(Other(two.clone())).await?;
    assert_eq!(one.ask(Elsewhere(1)).await?, 2);
    two.stop().await?;
    let asked = one.ask(Elsewhere(1)).await;
    assert!(matches!(asked, Err(AskError::NotAnswered { .. })), "the first has handled it: {asked:?}");
    one.send(Elsewhere(1)).await?;
    one.ask(Ticks).await?;
    assert_eq!(system.dead_letters(), 1, "a forwarded send that finds nobody is a dead letter");
    Ok(())
}

#[casty::test(virtual_time)]
async fn timers_tick_and_end_at_a_restart(system: ActorSystem) -> casty::Result<()> {
    let door = system.spawn(Door::default).await?;
    door.send(Timers(100 * MS)).await?;
    casty::testkit::advance(1001 * MS).await;
    assert_eq!(door.ask(Ticks).await?, 11);
    door.send(Break).await?;
    casty::testkit::advance(1000 * MS).await;
    assert_eq!(door.ask(Ticks).await?, 0);
    Ok(())
}

#[actor]
struct Careful {
    tell: Recipient<Said>,
}

#[message(local)]
#[derive(Debug, PartialEq)]
struct Said(&'static str);

#[message(reply = (), local)]
struct Do(bool, ActorRef<Careful>);

#[actor]
impl Careful {
    #[handler]
    fn act(&mut self, Do(well, other): Do, ctx: &mut Context<Self>) -> casty::Result<()> {
        ctx.then(&other, Said("then"));
        self.tell.try_send(Said("now")).map_err(|error| error.to_string())?;
        if well { Ok(()) } else { Err("not well".into()) }
    }

    #[handler]
    fn said(&mut self, said: Said) -> casty::Result<()> {
        Ok(self.tell.try_send(said).map_err(|error| error.to_string())?)
    }
}

#[casty::test(virtual_time)]
async fn then_sends_only_after_a_handler_that_ended_well(system: ActorSystem) -> casty::Result<()> {
    let mut probe = TestProbe::<Said>::new(&system).await;
    let tell = probe.recipient();
    let careful = system.spawn(move || Careful { tell: tell.clone() }).await?;
    careful.ask(Do(true, careful.clone())).await?;
    assert_eq!(probe.expect().await, Said("now"));
    assert_eq!(probe.expect().await, Said("then"));
    assert!(careful.ask(Do(false, careful.clone())).await.is_err());
    assert_eq!(probe.expect().await, Said("now"));
    probe.expect_nothing(Duration::from_secs(1)).await;
    Ok(())
}

#[casty::test(virtual_time)]
async fn a_probe_answers(system: ActorSystem) -> casty::Result<()> {
    let mut probe = TestProbe::<Get>::new(&system).await;
    let recipient = probe.recipient();
    let (asked, ()) = tokio::join!(recipient.ask(Get(4)), probe.answer(|Get(n)| n * 2));
    assert_eq!(asked?, 8);
    Ok(())
}
