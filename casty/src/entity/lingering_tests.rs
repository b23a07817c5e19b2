//! What an activation that has ended leaves behind.

use std::{future::IntoFuture as _, pin::pin, sync::Arc, task::Poll};

use futures_util::poll;

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

    fn most(&self) -> usize {
        usize::MAX
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

    fn is_waiting(&self, _: u64) -> bool {
        false
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
    let mut held = pin!(entity.ask(Add).into_future());
    while region.awake(&id).is_none() {
        assert!(poll!(&mut held).is_pending());
        tokio::task::yield_now().await;
    }
    let actor = AnyRef::of(region.awake(&id).unwrap());
    entity.try_send(Leave).unwrap();
    actor.stopped().await;
    while region.awake(&id).is_some() {
        tokio::task::yield_now().await;
    }
    assert!(poll!(&mut held).is_pending(), "its answer is not held");

    Regions::erase(&region).end_slot(slot_of_hash(region.hash(&id)), true);
    let Poll::Ready(Err(error)) = poll!(&mut held) else { panic!("it is held still") };
    assert!(matches!(error, AskError::NotReplicated { .. }), "{error:?}");
}
