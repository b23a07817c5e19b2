//! Actors that cannot start, at first and at a restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use casty::prelude::*;

use crate::common::*;

/// Fails to start when its plan says so.
#[actor]
#[supervised(backoff_initial = 10ms, max_restarts = 3)]
struct Starter {
    fails: bool,
    log: Log,
}

#[message(local)]
struct Break;

#[message(reply = ())]
struct Ping;

#[actor]
impl Starter {
    fn on_start(&mut self) -> casty::Result<()> {
        self.log.note("start");
        if self.fails { Err("no start".into()) } else { Ok(()) }
    }

    fn on_stop(&mut self) {
        self.log.note("stop");
    }

    #[handler]
    fn fail(&mut self, _: Break) -> casty::Result<()> {
        Err("broken".into())
    }

    #[handler]
    fn ping(&self, _: Ping) {}
}

/// A factory whose instances fail to start when `fails(n)` says so of the nth.
fn starter(log: &Log, fails: fn(u32) -> bool) -> impl Fn() -> Starter + Send + Sync + 'static {
    let (log, made) = (log.clone(), AtomicU32::new(0));
    move || Starter { fails: fails(made.fetch_add(1, SeqCst)), log: log.clone() }
}

#[casty::test]
async fn an_on_start_that_fails_makes_no_actor(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let error = system.spawn(starter(&log, |_| true)).name("s").await.unwrap_err();
    assert!(matches!(&error, SpawnError::Failed { kind: "Starter", failure } if failure.to_string() == "no start"), "{error}");
    assert_eq!(log.take(), ["start"], "what never started is not stopped");
    assert!(system.lookup::<Starter>("s").await?.is_none());
    Ok(())
}

#[casty::test(virtual_time)]
async fn an_on_start_that_fails_at_a_restart_counts_as_a_failure(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let actor = system.spawn(starter(&log, |n| n == 1)).await?;
    actor.send(Break).await?;
    actor.ask(Ping).await?;
    assert_eq!(log.take(), ["start", "stop", "start", "start"]);
    Ok(())
}

#[casty::test(virtual_time)]
async fn an_on_start_that_fails_each_time_ends_the_actor(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let actor = system.spawn(starter(&log, |n| n > 0)).await?;
    let mut events = system.events();
    actor.send(Break).await?;
    actor.stopped().await;
    // The first instance was stopped; the three that never started were not.
    assert_eq!(log.take(), ["start", "stop", "start", "start", "start"]);
    let mut failures = 0;
    loop {
        match events.next().await {
            Some(Event::Failed { .. }) => failures += 1,
            Some(Event::Stopped { reason: StopReason::Failed(failure), .. }) => {
                assert_eq!(failure.to_string(), "no start");
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(failures, 4);
    Ok(())
}

#[casty::test]
async fn a_factory_that_panics_makes_no_actor(system: ActorSystem) -> casty::Result<()> {
    let error = system.spawn(|| -> Starter { panic!("no factory") }).await.unwrap_err();
    assert!(error.to_string().contains("no factory"), "{error}");
    Ok(())
}

#[casty::test(virtual_time)]
async fn a_factory_that_panics_at_a_restart_counts_as_a_failure(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let made = Arc::new(AtomicU32::new(0));
    let actor = system
        .spawn({
            let (log, made) = (log.clone(), made.clone());
            move || match made.fetch_add(1, SeqCst) {
                1 => panic!("not this time"),
                _ => Starter { fails: false, log: log.clone() },
            }
        })
        .await?;
    actor.send(Break).await?;
    actor.ask(Ping).await?;
    assert_eq!((made.load(SeqCst), log.take()), (3, vec!["start".into(), "stop".into(), "start".into()]));
    Ok(())
}
