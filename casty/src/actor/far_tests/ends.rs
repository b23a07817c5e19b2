//! Names, and the ends of actors.

use std::sync::atomic::Ordering::SeqCst;

use super::*;
use crate::{AnyRef, AskError, LookupError, SendError, SpawnError, Terminated};

#[casty::test]
async fn a_stopped_actor_is_said_to_have_stopped() {
    let Pair { sum, home, here, there, .. } = Pair::new().await;
    assert!(sum.is_alive());
    sum.stop().await.unwrap();
    sum.stopped().await;
    assert!(!home.is_alive() && !sum.is_alive());
    assert!(matches!(sum.ask(Add(1)).await, Err(AskError::Stopped { .. })));
    assert!(matches!(sum.send(Add(1)).await, Err(SendError::Stopped(_))));
    sum.stop().await.unwrap();
    sum.stopped().await;
    // One that nobody told of it asks the other node.
    let late = carried(&home, &here);
    assert!(matches!(late.ask(Add(1)).await, Err(AskError::Stopped { .. })));
    assert!(matches!(late.send(Add(1)).confirmed().await, Err(SendError::Stopped(_))));
    let letters = there.dead_letters();
    late.send(Add(1)).await.unwrap(); // it is on its way
    soon(|| async { there.dead_letters() == letters + 1 }).await;
    // At home it is gone, and reads all the same.
    let back = carried(&sum, &there);
    assert!(back == home && back == sum && !back.is_alive());
    back.stopped().await;
}

#[message(local)]
struct Observe(AnyRef, bool);

#[message(local, reply = Vec<String>)]
struct Told;

#[actor]
#[derive(Default)]
struct Watcher(Vec<String>);

#[actor]
impl Watcher {
    #[handler]
    fn observe(&mut self, Observe(actor, watch): Observe, ctx: &mut Context<Self>) {
        if watch { ctx.watch(&actor) } else { ctx.unwatch(&actor) }
    }

    #[handler]
    fn terminated(&mut self, Terminated { actor, reason }: Terminated) {
        assert!(!actor.is_alive());
        self.0.push(format!("{}: {reason}", actor.label()));
    }

    #[handler]
    fn told(&self, _: Told) -> Vec<String> {
        self.0.clone()
    }
}

#[casty::test]
async fn a_watcher_is_told_once() {
    let Pair { net, sum, home, here, there } = Pair::new().await;
    let watcher = here.spawn(Watcher::default).await.unwrap();
    let other = carried(&home, &here);
    for actor in [&sum, &other, &sum] {
        watcher.ask(Observe(actor.into(), true)).await.unwrap();
    }
    home.stop().await.unwrap();
    soon(|| async { !watcher.ask(Told).await.unwrap().is_empty() }).await;
    assert_eq!(watcher.ask(Told).await.unwrap(), [format!("Sum {} on two: stopped", home.id())]);
    // One that is known to have ended is told of at once.
    watcher.ask(Observe((&sum).into(), true)).await.unwrap();
    assert_eq!(watcher.ask(Told).await.unwrap().len(), 2);
    let second = carried(&there.spawn(Sum::default).await.unwrap(), &here);
    let third = carried(&there.spawn(Sum::default).await.unwrap(), &here);
    watcher.ask(Observe((&second).into(), true)).await.unwrap();
    watcher.ask(Observe((&third).into(), true)).await.unwrap();
    watcher.ask(Observe((&third).into(), false)).await.unwrap();
    net.lose("two");
    second.stopped().await;
    assert_eq!(watcher.ask(Told).await.unwrap()[2..], [format!("Sum {} on two: its node was lost", second.id())]);
    assert!(!second.is_alive() && third.is_alive());
}

#[casty::test]
async fn a_name_is_one_actors_in_the_whole_cluster() {
    let Pair { net, here, there, .. } = Pair::new().await;
    let first = there.spawn(Sum::default).name("main").await.unwrap();
    let Err(SpawnError::NameTaken { by, .. }) = here.spawn(Sum::default).name("main").await else { panic!("it is taken") };
    assert_eq!((by.to_string(), by.node().unwrap().as_str()), ("Sum \"main\" on two".to_owned(), "two"));
    let found = here.lookup::<Sum>("main").await.unwrap().unwrap();
    assert!(found == first && found.ask(Add(2)).await.unwrap() == 2);
    assert_eq!(found.name(), Some("main"));
    let wrong = here.lookup::<Keeper>("main").await;
    assert!(matches!(wrong, Err(LookupError::WrongType { found, .. }) if &*found == "Sum"));
    assert!(here.lookup::<Sum>("nobody").await.unwrap().is_none());
    found.stop().await.unwrap();
    found.stopped().await;
    assert!(here.lookup::<Sum>("main").await.unwrap().is_none());
    here.spawn(Watcher::default).name("main").await.unwrap();
    assert!(there.lookup::<Watcher>("main").await.unwrap().is_some());
    net.cut.store(true, SeqCst);
    let unavailable = here.spawn(Sum::default).name("other").await;
    assert!(matches!(unavailable, Err(SpawnError::Unavailable { .. })));
    assert!(here.lookup::<Sum>("other").await.unwrap().is_none());
}

#[casty::test]
async fn a_child_is_found_through_its_root() {
    let Pair { here, there, .. } = Pair::new().await;
    there.spawn(Boss::default).name("boss").await.unwrap();
    let child = here.lookup::<Sum>("boss/sum").await.unwrap().unwrap();
    assert_eq!((child.ask(Add(1)).await.unwrap(), child.name()), (1, Some("boss/sum")));
    assert!(here.lookup::<Sum>("boss/other").await.unwrap().is_none());
}

#[actor]
#[derive(Default)]
struct Boss;

#[actor]
impl Boss {
    async fn on_start(&mut self, ctx: &mut Context<Self>) -> casty::Result<()> {
        ctx.spawn(Sum::default).name("sum").await?;
        Ok(())
    }
}
