//! The end of a system comes, whatever its actors do.

use std::time::{Duration, Instant};

use casty::prelude::*;

use crate::common::*;

const MS: Duration = Duration::from_millis(1);

#[casty::test(virtual_time)]
async fn everything_ends_in_order_and_nothing_new_starts(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let parent = system.spawn(Puppet::new("parent", &log)).await?;
    parent.ask(Adopt("child", SupervisorConfig::DEFAULT)).await?;
    parent.send(Wait(10 * MS)).await?;
    let mut events = system.events();
    tokio::time::sleep(MS).await;
    tokio::join!(system.shutdown(), system.shutdown());
    assert_eq!(log.take(), ["start parent", "start child", "waited parent", "stop child", "stop parent"]);
    let error = system.spawn(Puppet::new("late", &log)).await.unwrap_err();
    assert!(matches!(error, SpawnError::ShuttingDown { .. }), "{error}");
    assert!(matches!(parent.ask(Count).await, Err(AskError::Stopped { .. })));
    while events.next().await.is_some() {}
    Ok(())
}

#[casty::test(virtual_time)]
async fn a_handler_that_never_ends_does_not_hold_it_up(_: ActorSystem) -> casty::Result<()> {
    let system = ActorSystem::builder().shutdown_timeout(Duration::from_secs(2)).build();
    let log = Log::default();
    let stuck = system.spawn(Puppet::new("stuck", &log)).await?;
    let child = stuck.ask(Adopt("child", SupervisorConfig::DEFAULT)).await?;
    let asked = tokio::spawn({
        let stuck = stuck.clone();
        async move { stuck.ask(Wait(Duration::MAX)).await }
    });
    tokio::time::sleep(MS).await;
    let mut events = system.events();
    let began = casty::testkit::now();
    system.shutdown().await;
    assert!(began.elapsed() < Duration::from_secs(3));
    assert!(!stuck.is_alive() && !child.is_alive());
    stuck.stopped().await;
    child.stopped().await;
    let event = events.next().await;
    assert!(matches!(&event, Some(Event::Killed { actor, .. }) if actor.id() == stuck.id()), "{event:?}");
    assert!(asked.await?.is_err(), "who asked it is told");
    Ok(())
}

#[casty::test(virtual_time)]
async fn a_child_that_never_ends_does_not_hold_up_its_parents_end(_: ActorSystem) -> casty::Result<()> {
    let system = ActorSystem::builder().shutdown_timeout(Duration::from_secs(2)).build();
    let log = Log::default();
    let parent = system.spawn(Puppet::new("parent", &log)).await?;
    let child = parent.ask(Adopt("child", SupervisorConfig::DEFAULT)).await?;
    child.send(Wait(Duration::MAX)).await?;
    tokio::time::sleep(MS).await;
    parent.stop().await?;
    parent.stopped().await;
    assert_eq!(log.take(), ["start parent", "start child", "stop parent"]);
    system.shutdown().await;
    Ok(())
}

#[actor]
struct Blocker;

#[message]
struct Block(u64);

#[actor]
impl Blocker {
    #[handler]
    fn block(&mut self, Block(ms): Block) {
        std::thread::sleep(Duration::from_millis(ms));
    }
}

#[test]
fn a_handler_that_blocks_its_thread_does_not_hold_it_up() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let began = Instant::now();
    runtime.block_on(async {
        let system = ActorSystem::builder().shutdown_timeout(100 * MS).build();
        let blocker = system.spawn(|| Blocker).await.unwrap();
        blocker.send(Block(3_000)).await.unwrap();
        tokio::time::sleep(20 * MS).await;
        let mut events = system.events();
        system.shutdown().await;
        assert!(matches!(events.next().await, Some(Event::Killed { .. })));
    });
    assert!(began.elapsed() < Duration::from_secs(2));
    runtime.shutdown_background();
}

#[casty::test]
async fn serving_ends_with_the_system(system: ActorSystem) -> casty::Result<()> {
    let serving = tokio::spawn({
        let system = system.clone();
        async move { system.serve().await.is_ok() }
    });
    tokio::task::yield_now().await;
    system.shutdown().await;
    assert!(serving.await?);
    Ok(())
}

#[actor]
struct Closer;

#[message]
struct CloseAll;

#[actor]
impl Closer {
    #[handler]
    async fn close(&mut self, _: CloseAll, ctx: &Context<Self>) {
        ctx.system().shutdown().await;
    }
}

#[casty::test(virtual_time)]
async fn an_actor_can_shut_its_system_down(system: ActorSystem) -> casty::Result<()> {
    let closer = system.spawn(|| Closer).await?;
    let mut events = system.events();
    let began = casty::testkit::now();
    closer.send(CloseAll).await?;
    while events.next().await.is_some() {}
    system.shutdown().await;
    assert!(began.elapsed() < Duration::from_secs(1), "it does not wait for itself");
    assert!(system.events().next().await.is_none(), "a stream of what has ended ends");
    Ok(())
}

#[casty::test(virtual_time)]
async fn a_shutdown_whose_caller_gives_up_goes_on(system: ActorSystem) -> casty::Result<()> {
    let puppet = system.spawn(Puppet::new("p", &Log::default())).await?;
    puppet.send(Wait(100 * MS)).await?;
    tokio::time::sleep(MS).await;
    assert!(tokio::time::timeout(MS, system.shutdown()).await.is_err());
    system.shutdown().await;
    puppet.stopped().await;
    Ok(())
}

#[casty::test(virtual_time)]
async fn an_ask_whose_answer_is_forgotten_ends_after_a_shutdown_too(system: ActorSystem) -> casty::Result<()> {
    #[message(reply = u32, local)]
    struct Promise(std::sync::Arc<std::sync::Mutex<Option<Reply<Self>>>>);

    #[actor]
    struct Promiser;

    #[actor]
    impl Promiser {
        #[handler]
        fn promise(&mut self, Promise(kept): Promise) -> Later<Promise> {
            let (reply, later) = Later::new();
            *kept.lock().unwrap() = Some(reply);
            later
        }
    }

    let kept = std::sync::Arc::default();
    let promiser = system.spawn(|| Promiser).await?;
    let asking = tokio::spawn({
        let (promiser, kept) = (promiser.clone(), std::sync::Arc::clone(&kept));
        async move { promiser.ask(Promise(kept)).await }
    });
    tokio::time::sleep(MS).await;
    system.shutdown().await;
    assert!(matches!(asking.await?, Err(AskError::Timeout { .. })));
    drop(kept);
    Ok(())
}

#[casty::test(virtual_time)]
async fn the_longest_times_are_no_fault(system: ActorSystem) -> casty::Result<()> {
    let config = SupervisorConfig { backoff_initial: Duration::MAX, backoff_max: Duration::MAX, ..SupervisorConfig::DEFAULT };
    let puppet = system.spawn(Puppet::new("p", &Log::default())).supervision(config).await?;
    assert_eq!(puppet.ask(Count).timeout(Duration::MAX).await?, 0);
    puppet.send(Fail("oh")).await?;
    tokio::time::sleep(MS).await;
    puppet.stop().await?;
    puppet.stopped().await;
    Ok(())
}
