//! Entities that are to be awake without a message.

use std::time::Duration;

use casty::{Event, prelude::*, testkit::Cluster};

/// Ends.
#[message]
struct Rest;

/// Ends, and can never start again.
#[message]
struct Break;

#[actor]
#[singleton(name = "keepers")]
#[derive(Default)]
struct Keeper {
    broken: bool,
}

#[actor]
impl Keeper {
    fn on_start(&mut self) -> casty::Result<()> {
        if self.broken { Err("broken".into()) } else { Ok(()) }
    }

    #[handler]
    fn rest(&mut self, _: Rest, ctx: &mut Context<Self>) {
        ctx.stop();
    }

    #[handler]
    fn end(&mut self, _: Break, ctx: &mut Context<Self>) {
        self.broken = true;
        ctx.stop();
    }
}

/// How often the singleton is made within that time.
async fn made(events: &mut casty::Events, within: Duration) -> usize {
    let mut made = 0;
    let count = async {
        while let Some(event) = events.next().await {
            made += usize::from(matches!(&event, Event::Activated { actor, .. } if actor.kind() == "Keeper"));
        }
    };
    let over = tokio::time::timeout(within, count).await;
    assert!(over.is_err(), "the events have ended");
    made
}

#[test]
fn a_singleton_that_ends_by_itself_is_made_again_without_a_message() {
    let mut cluster = Cluster::of(1).seed(1).start();
    cluster.settle();
    let made = cluster.on(0, |system| async move {
        let mut events = system.events();
        system.singleton::<Keeper>().send(Rest).await.unwrap();
        made(&mut events, Duration::from_secs(5)).await
    });
    assert_eq!(made, 1);
}

#[test]
fn a_singleton_that_cannot_start_is_tried_again_now_and_then() {
    let mut cluster = Cluster::of(1).seed(1).start();
    cluster.settle();
    let made = cluster.on(0, |system| async move {
        let mut events = system.events();
        system.singleton::<Keeper>().send(Break).await.unwrap();
        made(&mut events, Duration::from_secs(10)).await
    });
    assert!((5..=10).contains(&made), "{made}");
}

#[test]
fn a_singleton_is_not_made_again_while_its_system_ends() {
    let mut cluster = Cluster::of(1).seed(1).start();
    cluster.settle();
    let made = cluster.on(0, |system| async move {
        let mut events = system.events();
        system.shutdown().await;
        let mut made = 0;
        while let Some(event) = events.next().await {
            made += usize::from(matches!(event, Event::Activated { .. }));
        }
        made
    });
    assert_eq!(made, 0);
}
