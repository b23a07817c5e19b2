//! Ends that did not come, or came in silence.

use crate::common::*;
use casty::prelude::*;
use std::time::Duration;
const MS: Duration = Duration::from_millis(1);
const S: Duration = Duration::from_secs(1);

#[casty::test(virtual_time)]
async fn a_shutdown_that_is_given_up_ends_all_the_same(_: ActorSystem) -> casty::Result<()> {
    let system = ActorSystem::builder().shutdown_timeout(2 * S).build();
    let puppet = system.spawn(Puppet::new("p", &Log::default())).await?;
    puppet.send(Wait(S)).await?;
    tokio::time::sleep(MS).await;
    assert!(tokio::time::timeout(10 * MS, system.shutdown()).await.is_err());
    let again = tokio::time::timeout(60 * S, system.shutdown()).await;
    assert!(again.is_ok(), "the second shutdown waits for ever");
    Ok(())
}

#[actor]
struct Closer {
    log: Log,
}
#[message]
struct ShutDown;
#[actor]
impl Closer {
    fn on_stop(&mut self) {
        self.log.note("stop closer");
    }
    #[handler]
    async fn shut_down(&mut self, _: ShutDown, ctx: &Context<Self>) {
        ctx.system().shutdown().await;
        self.log.note("shut down");
    }
}
#[casty::test(virtual_time)]
async fn a_system_can_be_shut_down_from_within(_: ActorSystem) -> casty::Result<()> {
    let system = ActorSystem::new();
    let log = Log::default();
    let l = log.clone();
    let closer = system.spawn(move || Closer { log: l.clone() }).await?;
    closer.send(ShutDown).await?;
    tokio::time::sleep(MS).await;
    let began = casty::testkit::now();
    let end = tokio::time::timeout(600 * S, system.shutdown()).await;
    assert!(end.is_ok());
    assert!(began.elapsed() < S, "{:?} {:?}", began.elapsed(), log.take());
    assert_eq!(log.take().len(), 2);
    Ok(())
}

#[actor]
struct Parent {
    log: Log,
}
#[message(local, reply = ActorRef<Closer>)]
struct Bear;
#[actor]
impl Parent {
    #[handler]
    async fn bear(&mut self, _: Bear, ctx: &Context<Self>) -> casty::Result<ActorRef<Closer>> {
        let l = self.log.clone();
        Ok(ctx.spawn(move || Closer { log: l.clone() }).await?)
    }
}
#[casty::test(virtual_time)]
async fn a_system_can_be_shut_down_from_within_a_child(_: ActorSystem) -> casty::Result<()> {
    let system = ActorSystem::new();
    let log = Log::default();
    let l = log.clone();
    let parent = system.spawn(move || Parent { log: l.clone() }).await?;
    let closer = parent.ask(Bear).await?;
    closer.send(ShutDown).await?;
    tokio::time::sleep(MS).await;
    let end = tokio::time::timeout(600 * S, system.shutdown()).await;
    assert!(end.is_ok(), "{:?}", log.take());
    Ok(())
}

// --- message whose Drop panics, left in the mailbox
#[actor]
struct Bombed;
#[message]
struct Slow;
#[actor]
impl Bombed {
    #[handler]
    fn bomb(&mut self, b: Bomb) {
        std::mem::forget(b);
    }
    #[handler]
    async fn slow(&mut self, _: Slow) {
        tokio::time::sleep(20 * MS).await;
    }
}
#[casty::test(virtual_time)]
async fn a_message_that_panics_when_dropped_does_not_hold_up_the_end(_: ActorSystem) -> casty::Result<()> {
    let system = ActorSystem::builder().shutdown_timeout(2 * S).build();
    let b = system.spawn(|| Bombed).name("b").await?;
    b.send(Slow).await?;
    tokio::time::sleep(MS).await;
    b.send(Bomb).await?;
    b.stop().await?;
    let end = tokio::time::timeout(60 * S, b.stopped()).await;
    assert!(end.is_ok(), "stopped() waits for ever");
    assert!(system.lookup::<Bombed>("b").await?.is_none());
    Ok(())
}

// --- a task that panics with a Reply
#[message(reply = u32)]
struct Late;
#[actor]
struct Lazy;
#[actor]
impl Lazy {
    #[handler]
    fn late(&mut self, _: Late) -> Later<Late> {
        let (reply, later) = Later::new();
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            if true {
                panic!("the task panics")
            }
            reply.send(1)
        });
        later
    }
}
#[casty::test(virtual_time)]
async fn a_reply_that_a_panic_drops_is_no_timeout(system: ActorSystem) -> casty::Result<()> {
    let lazy = system.spawn(|| Lazy).await?;
    let began = casty::testkit::now();
    let r = lazy.ask(Late).await;
    assert!(matches!(r, Err(AskError::NotAnswered { .. })), "{r:?} after {:?}", began.elapsed());
    Ok(())
}
#[casty::test(virtual_time)]
async fn a_reply_that_a_panic_drops_without_limit(system: ActorSystem) -> casty::Result<()> {
    let lazy = system.spawn(|| Lazy).await?;
    let r = tokio::time::timeout(1_000_000 * S, lazy.ask(Late).timeout(Duration::MAX)).await;
    assert!(r.is_ok(), "waits for ever");
    Ok(())
}

// --- a handler that catches a panic
#[message(reply = u32)]
struct Catches;
#[actor]
struct Catcher {
    replies: Vec<Reply<Catches>>,
}
#[message]
struct BadBatch;
#[actor]
impl Catcher {
    #[handler]
    fn keep(&mut self, _: Catches) -> Later<Catches> {
        let (r, l) = Later::new();
        self.replies.push(r);
        l
    }
    #[handler]
    fn bad(&mut self, _: BadBatch) {
        let replies = std::mem::take(&mut self.replies);
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _r = replies;
            panic!("in a library")
        }));
    }
}
#[casty::test(virtual_time)]
async fn a_reply_dropped_in_a_caught_panic_is_no_timeout(system: ActorSystem) -> casty::Result<()> {
    let c = system.spawn(|| Catcher { replies: vec![] }).await?;
    let (r, _) = tokio::join!(c.ask(Catches), async {
        tokio::time::sleep(MS).await;
        c.send(BadBatch).await
    });
    assert!(matches!(r, Err(AskError::NotAnswered { .. })), "{r:?}");
    Ok(())
}

#[casty::test(virtual_time)]
async fn events_of_an_ended_system_end(_: ActorSystem) -> casty::Result<()> {
    let system = ActorSystem::new();
    system.shutdown().await;
    let mut events = system.events();
    let e = tokio::time::timeout(60 * S, events.next()).await;
    assert!(matches!(e, Ok(None)), "{e:?}");
    Ok(())
}

#[test]
fn systems_that_have_ended_leave_no_tasks() {
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    rt.block_on(async {
        let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        for _ in 0..50 {
            let s = ActorSystem::new();
            s.spawn(Puppet::new("x", &Log::default())).await.unwrap().ask(Count).await.unwrap();
            s.shutdown().await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let after = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        assert!(after < before + 5, "{before} -> {after}");
    });
}
#[test]
fn systems_that_were_dropped_leave_no_tasks() {
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    rt.block_on(async {
        let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        for _ in 0..50 {
            let _s = ActorSystem::new();
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let after = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        assert!(after < before + 5, "{before} -> {after}");
    });
}
