//! What an activation that has ended leaves behind.

use std::{sync::Arc, time::Duration};

use super::{
    EntityConfig, EntityId, Home, Sharded,
    home::{Key, Post},
    region::Region,
    regions::Regions,
};
use crate::{
    cluster::slot_of_hash,
    prelude::*,
    reply::{Outputs, Pass, Refusal, Wait},
};

/// A home where nothing is ever kept, and whose lease holds.
struct Slow(Arc<Pass>);

impl Home for Slow {
    fn kind(&self, _: &EntityConfig) -> Option<u16> {
        Some(0)
    }

    fn has(&self, _: &Key) -> u64 {
        1
    }

    fn wake(&self, _: &Key, _: u64, _: &Arc<Outputs>) -> Option<()> {
        Some(())
    }

    fn state(&self, _: &Key) -> Option<Arc<[u8]>> {
        None
    }

    fn keep(&self, _: &Key, _: u64, _: Option<&[u8]>, _: &Arc<Outputs>) -> Option<Wait> {
        Some(Wait::Pending(1))
    }

    fn has_backups(&self, _: &Key) -> bool {
        true
    }

    fn pass(&self) -> &Arc<Pass> {
        &self.0
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn post(&self, post: Post) {
        post.answer.refuse(Refusal::Stopped);
    }
}

#[message(reply = u64)]
struct Add;

#[message]
struct Leave;

#[actor]
#[sharded(name = "leaving")]
#[derive(Default)]
struct Leaving {
    count: u64,
}

#[actor]
impl Leaving {
    #[handler]
    fn add(&mut self, _: Add) -> u64 {
        self.count += 1;
        self.count
    }

    #[handler]
    fn leave(&mut self, _: Leave, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

#[tokio::test]
async fn what_an_activation_that_ended_by_itself_holds_is_ended_with_its_slot() {
    let system = ActorSystem::new();
    let region = Region::<Leaving>::new(&system, Arc::new(Slow(Pass::always(system.host()))), Arc::new(|_| Leaving::default()));
    let id = EntityId::from("x");
    let entity = Sharded::new(system.clone(), region.clone()).entity("x");
    let held = tokio::spawn({
        let entity = entity.clone();
        async move { entity.ask(Add).await }
    });
    while region.awake(&id).is_none() {
        tokio::task::yield_now().await;
    }
    let actor = region.awake(&id).unwrap();
    entity.try_send(Leave).unwrap();
    AnyRef::of(actor).stopped().await;
    while region.awake(&id).is_some() {
        tokio::task::yield_now().await;
    }
    assert!(!held.is_finished(), "its answer is not held");

    Regions::erase(&region).end_slot(slot_of_hash(region.hash(&id)), true);
    let ended = tokio::time::timeout(Duration::from_secs(2), held).await.expect("it is not held any more").unwrap();
    let error = ended.unwrap_err();
    assert!(matches!(error, AskError::NotReplicated { .. }), "{error:?}");
}
