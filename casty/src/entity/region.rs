//! The entities of one type on one node: those that are awake, and the states of those that are not.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use tokio::{sync::oneshot, time::Instant};

use super::{
    Entity, EntityId,
    kept::{Keep, Kept},
};
use crate::{
    ActorSystem, Failure,
    actor::{self, ActorId, AnyCell, AnyRef, Cell, CellParts, Context, Core, Factory, Refused, Unsent},
    reply::Refusal,
    sync::lock,
    system::WeakSystem,
};

const SHARDS: usize = 64;
/// Idle ones are looked for so often, or more often if they are to be put away sooner.
const SWEEP: Duration = Duration::from_secs(30);

/// Makes new entities.
pub(crate) type Maker<A> = Arc<dyn Fn(&EntityId) -> A + Send + Sync>;

pub(crate) struct Region<A: Entity> {
    shards: Box<[Mutex<Shard<A>>]>,
    hasher: RandomState,
    make: Maker<A>,
    begun: Instant,
}

type Shard<A> = HashMap<EntityId, Entry<A>, RandomState>;

enum Entry<A: Entity> {
    Awake(Awake<A>),
    Asleep(Box<[u8]>),
}

struct Awake<A: Entity> {
    cell: Arc<Cell<A>>,
    kept: Kept,
    /// When it was last needed, in milliseconds since the region began.
    needed: u64,
}

impl<A: Entity> Region<A> {
    pub(crate) fn new(system: &ActorSystem, make: Maker<A>) -> Arc<Self> {
        let hasher = RandomState::new();
        let shards = (0..SHARDS).map(|_| Mutex::new(HashMap::with_hasher(hasher.clone()))).collect();
        let region = Arc::new(Self { shards, hasher, make, begun: system.host().now() });
        if !A::ENTITY.singleton {
            system.host().spawn(sweep(system.downgrade(), Arc::downgrade(&region)));
        }
        region
    }

    fn shard(&self, id: &EntityId) -> &Mutex<Shard<A>> {
        // The map takes the upper bits, and the lower ones.
        let hash = self.hasher.hash_one(id) >> 32;
        &self.shards[usize::try_from(hash).unwrap_or(0) % SHARDS]
    }

    /// The actor of this id, made if there is none.
    pub(super) fn cell(self: &Arc<Self>, system: &ActorSystem, id: &EntityId) -> Result<Arc<Cell<A>>, Refusal> {
        let needed = self.elapsed(system);
        let mut found = lock(self.shard(id));
        loop {
            let state = match found.get_mut(id) {
                Some(Entry::Awake(awake)) => {
                    awake.needed = needed;
                    return Ok(awake.cell.clone());
                }
                Some(Entry::Asleep(state)) => Some(state.clone()),
                None => None,
            };
            drop(found);
            if system.is_closing() {
                return Err(Refusal::Stopped);
            }
            if system.links().is_some() {
                return Err(Refusal::unreachable("entities live in a system without a cluster only, in this version of casty"));
            }
            // What makes it is the user's, and may need others of this shard.
            let kept = Kept::of(state.clone());
            let factory = self.factory(id, &kept);
            let instance = {
                let _inside = system.host().enter();
                catch_unwind(AssertUnwindSafe(&factory))
            };
            let instance = instance.map_err(|payload| {
                let failure = Failure::from_panic(&*payload);
                Refusal::unreachable(format!("its actor could not be made: {failure}"))
            })?;
            found = lock(self.shard(id));
            // Another may have been quicker, and be asleep again.
            let as_before = match (found.get(id), &state) {
                (None, None) => true,
                (Some(Entry::Asleep(now)), Some(before)) => now == before,
                _ => false,
            };
            if as_before {
                let cell = self.wake(system, id, &kept, (instance, Box::new(factory)));
                let awake = Entry::Awake(Awake { cell: cell.clone(), kept, needed });
                let asleep = found.insert(id.clone(), awake);
                drop(found);
                drop(asleep);
                return Ok(cell);
            }
        }
    }

    /// Makes instances: one now, and one at each restart.
    fn factory(&self, id: &EntityId, kept: &Kept) -> impl Fn() -> A + Send + Sync + 'static + use<A> {
        let (make, id, kept) = (self.make.clone(), id.clone(), kept.clone());
        move || {
            let mut instance = make(&id);
            instance.__identify(&id);
            if let Err(failure) = kept.put_into(&mut instance) {
                // Caught where instances are made: a failure of this entity's.
                std::panic::panic_any(failure.to_string());
            }
            instance
        }
    }

    /// The one that is awake, if it is.
    pub(super) fn awake(&self, id: &EntityId) -> Option<Arc<Cell<A>>> {
        match lock(self.shard(id)).get(id)? {
            Entry::Awake(awake) => Some(awake.cell.clone()),
            Entry::Asleep(_) => None,
        }
    }

    fn elapsed(&self, system: &ActorSystem) -> u64 {
        let elapsed = system.host().now().saturating_duration_since(self.begun);
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }

    /// Makes the actor. Its hooks run later, and before its first message.
    fn wake(
        self: &Arc<Self>,
        system: &ActorSystem,
        id: &EntityId,
        kept: &Kept,
        (instance, factory): (A, Factory<A>),
    ) -> Arc<Cell<A>> {
        let cell = system.settle(|place| {
            Cell::new(CellParts {
                id: place,
                birth: 0,
                name: None,
                system: system.clone(),
                parent: None,
                mailbox: A::MAILBOX.unwrap_or_else(|| system.mailbox()),
                supervision: None,
            })
        });
        cell.is_entity(id.clone());
        let mut ctx = Context::new(cell.clone());
        ctx.is_entity(id.clone(), Box::new(Keep::new(kept.clone())));
        let core = Core::new(instance, ctx, factory);
        let (region, whose) = (Arc::downgrade(self), id.clone());
        let any: Arc<dyn AnyCell> = cell.clone();
        let tell = move |ended: actor::Terminated| {
            if let Some(region) = region.upgrade() {
                region.ended(&whose, ended.actor.id());
            }
        };
        actor::watch(&any, ActorId::outside(), Box::new(tell));
        if A::HOOKS.on_start {
            let (started, _) = oneshot::channel();
            cell.begin(Box::pin(actor::start(core, started)));
        } else {
            cell.sit(core);
        }
        cell
    }

    /// Its state is all that there is of it from now on.
    fn ended(&self, id: &EntityId, actor: ActorId) {
        let mut shard = lock(self.shard(id));
        let Some(Entry::Awake(awake)) = shard.get(id) else { return };
        if awake.cell.id() != actor {
            return;
        }
        let gone = match awake.kept.take() {
            Some(state) => shard.insert(id.clone(), Entry::Asleep(state)),
            None => shard.remove(id),
        };
        drop(shard);
        drop(gone);
    }

    /// Gives the message to the actor that follows this one, which takes nothing any more.
    pub(super) async fn after(
        self: Arc<Self>,
        system: ActorSystem,
        id: EntityId,
        mut ended: Arc<Cell<A>>,
        mut item: A::Item,
    ) -> Result<(), Unsent> {
        use crate::actor::Item as _;
        loop {
            let (before, limit) = (AnyRef::of(ended), system.shutdown_timeout());
            let over = system.host().timeout(limit, before.stopped()).await;
            let over = over
                .map_err(|_| Refusal::unreachable(format!("it is being put away, and its on_stop has not ended for {limit:?}")));
            let cell = match over.and_then(|()| self.cell(&system, &id)) {
                Ok(cell) => cell,
                Err(why) => {
                    item.refuse(why.clone());
                    return Err(Unsent::Far(why));
                }
            };
            match cell.push(item) {
                Ok(_) => return Ok(()),
                Err(Refused::Stopped(again)) => (ended, item) = (cell, again),
                Err(other) => {
                    return match cell.refused(other) {
                        Unsent::Waits(for_room) => for_room.await,
                        unsent => Err(unsent),
                    };
                }
            }
        }
    }

    /// Puts those away that nobody has needed for so long.
    fn put_away(&self, system: &ActorSystem, after: Duration) {
        let before = self.elapsed(system).saturating_sub(u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        for shard in &self.shards {
            let shard = lock(shard);
            let idle = shard.values().filter_map(|entry| match entry {
                Entry::Awake(awake) if awake.needed <= before => Some(awake.cell.clone()),
                _ => None,
            });
            let idle: Vec<_> = idle.collect();
            drop(shard);
            for cell in idle {
                cell.put_away();
            }
        }
    }
}

async fn sweep<A: Entity>(system: WeakSystem, region: Weak<Region<A>>) {
    let after = A::ENTITY.passivate_after;
    loop {
        let Some(here) = system.upgrade() else { return };
        let host = here.host().clone();
        drop(here);
        host.sleep(SWEEP.min(after / 4).max(Duration::from_millis(1))).await;
        let (Some(system), Some(region)) = (system.upgrade(), region.upgrade()) else { return };
        if system.is_closing() {
            return;
        }
        region.put_away(&system, after);
    }
}
