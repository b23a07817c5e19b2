//! Death watch over nodes.

use std::sync::{Arc, Mutex};

use casty::prelude::*;

use crate::common::*;

#[message(local)]
struct Watch(ActorRef<Puppet>);

/// Notes who is gone, and why.
#[actor]
struct Watcher {
    seen: Arc<Mutex<Vec<String>>>,
}

#[actor]
impl Watcher {
    #[handler]
    fn watch(&mut self, Watch(puppet): Watch, ctx: &mut Context<Self>) {
        ctx.watch(&puppet);
    }

    #[handler]
    fn terminated(&mut self, Terminated { actor, reason }: Terminated) {
        self.seen.lock().unwrap().push(format!("{}: {reason:?}", actor.name().unwrap_or("?")));
    }
}

async fn watch(system: &ActorSystem, names: &[&str]) -> Arc<Mutex<Vec<String>>> {
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let notes = seen.clone();
    let watcher = system.spawn(move || Watcher { seen: notes.clone() }).await.unwrap();
    for name in names {
        let puppet = system.lookup::<Puppet>(name).await.unwrap().unwrap();
        watcher.ask(Watch(puppet)).await.unwrap();
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_an_actor_of_another_node_is_told_with_its_reason() {
    let systems = cluster(2).await;
    let puppet = systems[0].spawn(Puppet::on(&systems[0])).name("puppet").await.unwrap();
    let seen = watch(&systems[1], &["puppet"]).await;
    puppet.stop().await.unwrap();
    until("the watcher is told", async || !seen.lock().unwrap().is_empty()).await;
    assert_eq!(*seen.lock().unwrap(), ["puppet: Stopped"]);
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_goes_ends_all_its_actors_for_their_watchers_once() {
    let mut systems = cluster(3).await;
    for name in ["one", "two", "three"] {
        systems[2].spawn(Puppet::on(&systems[2])).name(name).await.unwrap();
    }
    let seen = watch(&systems[0], &["one", "two", "three"]).await;
    systems.pop().unwrap().shutdown().await;
    until("all are told", async || seen.lock().unwrap().len() >= 3).await;
    let mut names: Vec<_> = seen.lock().unwrap().iter().filter_map(|it| Some(it.split_once(':')?.0.to_owned())).collect();
    names.sort();
    assert_eq!(names, ["one", "three", "two"]);
    end(systems).await;
    assert_eq!(seen.lock().unwrap().len(), 3, "once each");
}
