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
