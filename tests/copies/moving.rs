//! What goes along when an entity moves, and what does not.

use std::time::Duration;

use casty::{prelude::*, testkit::Cluster};

use crate::homes::*;

#[message]
struct Note(u64);

#[message(reply = Vec<u64>)]
struct Noted;

/// Writes slowly, so that messages wait for it.
#[actor]
#[sharded(name = "clerks")]
#[derive(Default)]
struct Clerk {
    noted: Vec<u64>,
}

#[actor]
impl Clerk {
    #[handler]
    async fn note(&mut self, Note(number): Note) {
        tokio::time::sleep(Duration::from_millis(30)).await;
        self.noted.push(number);
    }

    #[handler]
    fn noted(&self, _: Noted) -> Vec<u64> {
        self.noted.clone()
    }

    #[handler]
    fn place(&self, _: Where, ctx: &Context<Self>) -> String {
        place(ctx.system())
    }
}

#[test]
fn what_waits_for_an_entity_goes_along_when_its_node_shuts_down() {
    let mut cluster = Cluster::of(2).seed(11).start();
    cluster.settle();
    let clerk = entity_on::<Clerk>(&mut cluster, 0);
    let system = cluster.system(0);
    let id = clerk.clone();
    cluster.on(0, |system| async move {
        let clerk = system.sharded::<Clerk>().entity(id);
        for number in 0..20 {
            clerk.send(Note(number)).await.unwrap();
        }
        system.shutdown().await;
    });
    let noted = cluster.on(1, |system| async move { system.sharded::<Clerk>().entity(clerk).ask(Noted).await.unwrap() });
    assert_eq!(noted, (0..20).collect::<Vec<_>>());
    assert_eq!(system.dead_letters(), 0);
}

#[test]
fn what_a_node_has_passed_on_is_answered_before_it_leaves() {
    for nodes in [2, 3] {
        let mut cluster = Cluster::of(nodes).seed(14).start();
        cluster.settle();
        let clerk = entity_on::<Clerk>(&mut cluster, 0);
        let noted = cluster.on(0, |system| async move {
            let clerk = system.sharded::<Clerk>().entity(clerk);
            (0..20).for_each(|number| clerk.try_send(Note(number)).unwrap());
            let goes = system.cluster().unwrap();
            tokio::join!(clerk.ask(Noted).timeout(Duration::from_secs(60)), async { goes.leave().await.unwrap() }).0
        });
        assert_eq!(noted.unwrap(), (0..20).collect::<Vec<_>>());
    }
}

#[message]
struct Nap;

/// Takes long to end.
#[actor]
#[derive(Default)]
struct Sleeper;

#[actor]
impl Sleeper {
    #[handler]
    async fn nap(&mut self, _: Nap) {
        tokio::time::sleep(Duration::from_secs(12)).await;
    }
}

#[test]
fn who_goes_is_given_nothing_more_while_its_actors_end() {
    let mut cluster = Cluster::of(3).seed(15).start();
    cluster.settle();
    entity_on::<Clerk>(&mut cluster, 1);
    cluster.settle();
    assert!(!cluster.served_slots(1).is_empty());
    drop(cluster.begin(1, |system| async move {
        system.spawn(Sleeper::default).await.unwrap().send(Nap).await.unwrap();
        system.shutdown().await;
    }));
    assert!(cluster.run_until(Duration::from_secs(5), |cluster| cluster.served_slots(1).is_empty()));
    let again = cluster.run_until(Duration::from_secs(10), |cluster| !cluster.served_slots(1).is_empty());
    assert!(!again, "it serves {:?} again", cluster.served_slots(1).len());
    assert!(cluster.is_running(1));
}

#[message]
struct Hold(u64);

#[message]
struct Open;

#[message]
struct Dawdle;

/// Puts aside what it is given until it is opened.
#[actor]
#[sharded(name = "drawers")]
#[derive(Default)]
struct Drawer {
    is_open: bool,
    held: Vec<u64>,
}

#[actor]
impl Drawer {
    #[handler]
    fn hold(&mut self, message: Hold, ctx: &mut Context<Self>) -> Later<Hold> {
        if !self.is_open {
            return ctx.stash(message);
        }
        self.held.push(message.0);
        Later::now(())
    }

    #[handler]
    fn open(&mut self, _: Open, ctx: &mut Context<Self>) {
        self.is_open = true;
        ctx.unstash_all();
    }

    #[handler]
    fn noted(&self, _: Noted) -> Vec<u64> {
        self.held.clone()
    }

    /// Takes longer than a move waits.
    #[handler]
    async fn dawdle(&mut self, _: Dawdle) {
        self.held.push(77);
        tokio::time::sleep(Duration::from_secs(20)).await;
        self.held.push(78);
    }

    #[handler]
    fn place(&self, _: Where, ctx: &Context<Self>) -> String {
        place(ctx.system())
    }
}

#[test]
fn what_an_entity_has_put_aside_goes_along_when_its_node_leaves() {
    let mut cluster = Cluster::of(2).seed(12).start();
    cluster.settle();
    let drawer = entity_on::<Drawer>(&mut cluster, 0);
    let id = drawer.clone();
    cluster.on(0, |system| async move {
        let drawer = system.sharded::<Drawer>().entity(id);
        for number in 0..5 {
            drawer.send(Hold(number)).await.unwrap();
        }
        assert_eq!(drawer.ask(Noted).await.unwrap(), []);
        system.cluster().unwrap().leave().await.unwrap();
    });
    let noted = cluster.on(1, |system| async move {
        let drawer = system.sharded::<Drawer>().entity(drawer);
        drawer.send(Open).await.unwrap();
        drawer.ask(Noted).await.unwrap()
    });
    assert_eq!(noted, [0, 1, 2, 3, 4]);
}

#[test]
fn a_handler_that_runs_on_and_on_is_dropped_when_its_entity_moves_and_its_changes_with_it() {
    let mut cluster = Cluster::of(2).seed(13).start();
    cluster.settle();
    let drawer = entity_on::<Drawer>(&mut cluster, 0);
    let id = drawer.clone();
    let asked = cluster.on(0, |system| async move {
        let drawer = system.sharded::<Drawer>().entity(id);
        drawer.send(Open).await.unwrap();
        drawer.send(Hold(1)).await.unwrap();
        let leave = async {
            // The handler has begun.
            tokio::task::yield_now().await;
            system.cluster().unwrap().leave().await.unwrap();
        };
        tokio::join!(drawer.ask(Dawdle).timeout(Duration::from_secs(60)), leave).0
    });
    assert!(asked.is_err(), "it was not handled to its end");
    let noted = cluster.on(1, |system| async move { system.sharded::<Drawer>().entity(drawer).ask(Noted).await.unwrap() });
    assert_eq!(noted, [1]);
}
