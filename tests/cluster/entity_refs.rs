//! References to entities: they travel, and are good on every node.

use casty::{EntityRef, prelude::*};

use crate::common::*;

/// To pass on to whoever is known.
#[message(reply = u64)]
struct Ask(u64);

#[message]
struct Meet(EntityRef<Friend>);

#[message(reply = bool)]
struct MeetTaker(Recipient<Take>, u64);

#[message(reply = Option<EntityRef<Friend>>)]
struct Known;

#[message(reply = u64)]
struct Take(u64);

#[actor]
#[sharded(name = "friends", sync = 1)]
#[derive(Default)]
struct Friend {
    known: Option<EntityRef<Friend>>,
    taken: u64,
}

#[actor]
impl Friend {
    #[handler]
    fn meet(&mut self, Meet(other): Meet) {
        self.known = Some(other);
    }

    #[handler]
    fn known(&self, _: Known) -> Option<EntityRef<Self>> {
        self.known.clone()
    }

    #[handler]
    fn take(&mut self, Take(number): Take) -> u64 {
        self.taken += number;
        self.taken
    }

    #[handler]
    async fn pass_on(&self, Ask(number): Ask) -> casty::Result<u64> {
        Ok(self.known.as_ref().ok_or("nobody is known")?.ask(Take(number)).await?)
    }

    #[handler]
    async fn meet_taker(&self, MeetTaker(taker, number): MeetTaker) -> casty::Result<bool> {
        taker.send(Take(number)).await?;
        Ok(taker.ask(Take(0)).await? >= number)
    }
}

async fn they_meet(systems: &[ActorSystem]) {
    for (at, system) in systems.iter().enumerate() {
        let friends = system.sharded::<Friend>();
        for other in 0..6 {
            let (one, other) = (friends.entity(format!("one-{at}-{other}")), friends.entity(format!("other-{at}-{other}")));
            one.send(Meet(other.clone())).await.unwrap();
            assert_eq!(one.ask(Ask(3)).await.unwrap(), 3);
            assert_eq!(one.ask(Known).await.unwrap(), Some(other.clone()));
            let recipient: Recipient<Take> = other.recipient();
            assert!(one.ask(MeetTaker(recipient.clone(), 4)).await.unwrap());
            assert_eq!(recipient.ask(Take(1)).await.unwrap(), 8);
            assert_eq!(recipient, other.recipient());
            assert!(recipient.actor().is_none() && recipient.is_alive());
            assert_eq!(recipient.label(), other.label());
            recipient.try_send(Take(2)).unwrap();
            until("it is taken", async || other.ask(Take(0)).await.unwrap() == 10).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_to_an_entity_travels_in_messages_and_in_states() {
    let mut systems = cluster(3).await;
    they_meet(&systems).await;
    // What a state refers to is good where it comes to.
    let gone = systems.pop().unwrap();
    of(&gone).leave().await.unwrap();
    for other in 0..6 {
        let one = systems[0].sharded::<Friend>().entity(format!("one-2-{other}"));
        assert_eq!(one.ask(Ask(1)).await.unwrap(), 11);
    }
    end(systems).await;
}

#[casty::test]
async fn it_does_in_one_process_too(system: ActorSystem) {
    they_meet(&[system]).await;
}
