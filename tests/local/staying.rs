//! What keeps an idle entity from being put away: that which would be lost with its actor.

use std::time::Duration;

use casty::{EntityRef, Event, Reply, StopReason, prelude::*};

/// How long anything may take that takes a moment on an idle machine.
const BOUND: Duration = Duration::from_secs(20);

#[message]
struct Touch;

/// Answered never.
#[message(reply = ())]
struct Wait;

/// Put aside for ever.
#[message]
struct Keep;

#[message]
struct Nest;

#[actor]
#[sharded(name = "rooms", passivate_after = 40ms)]
#[derive(Default)]
struct Room {
    #[casty(skip)]
    waits: Vec<Reply<Wait>>,
}

#[actor]
struct Child;

#[actor]
impl Child {}

#[actor]
impl Room {
    #[handler]
    fn touch(&self, _: Touch) {}

    #[handler]
    fn wait(&mut self, _: Wait) -> Later<Wait> {
        let (reply, later) = Later::new();
        self.waits.push(reply);
        later
    }

    #[handler]
    fn keep(&mut self, message: Keep, ctx: &mut Context<Self>) -> Later<Keep> {
        ctx.stash(message)
    }

    #[handler]
    async fn nest(&mut self, _: Nest, ctx: &mut Context<Self>) -> casty::Result<()> {
        ctx.spawn(|| Child).await?;
        Ok(())
    }
}

/// While another comes and goes, the one that was made to stay does.
async fn stays(system: &ActorSystem) -> casty::Result<()> {
    let goes = system.sharded::<Room>().entity("goes");
    let mut events = system.events();
    for _ in 0..4 {
        goes.send(Touch).await?;
        let away = async {
            loop {
                if let Some(Event::Stopped { actor, reason: StopReason::Passivated }) = events.next().await {
                    return actor.to_string();
                }
            }
        };
        assert_eq!(tokio::time::timeout(BOUND, away).await?, "Room \"goes\"");
    }
    Ok(())
}

fn room(system: &ActorSystem) -> EntityRef<Room> {
    system.sharded::<Room>().entity("stays")
}

#[casty::test]
async fn an_entity_that_owes_an_answer_stays(system: ActorSystem) -> casty::Result<()> {
    let room = room(&system);
    let asked = tokio::spawn(async move { room.ask(Wait).timeout(BOUND).await });
    // It has been asked by then.
    stays(&system).await?;
    asked.abort();
    Ok(())
}

#[casty::test]
async fn an_entity_that_has_put_a_message_aside_stays(system: ActorSystem) -> casty::Result<()> {
    room(&system).send(Keep).await?;
    stays(&system).await
}

#[casty::test]
async fn an_entity_that_has_a_child_stays(system: ActorSystem) -> casty::Result<()> {
    room(&system).send(Nest).await?;
    stays(&system).await
}
