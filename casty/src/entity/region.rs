//! The entities of one type on one node that are awake.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, OnceLock, Weak,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use hashbrown::HashTable;
use tokio::sync::oneshot;

use super::{
    Entity, EntityConfig, EntityId, SyncCount,
    home::{Home, Key},
    kept::{Keep, put_into},
    posting::post,
};
use crate::{
    ActorSystem, Event, Failure, StopReason,
    actor::{
        self, Activation, Activations, ActorId, AnyRef, Cell, CellParts, Context, Core, EntityAddress, Factory, Refused, Unsent,
    },
    cluster::{hash_of, kind_seed, slot_of_hash},
    metrics,
    reply::{Outputs, Patience, Refusal, keep_looking},
    spans,
    sync::lock,
    system::WeakSystem,
};

const SHARDS: usize = 64;
/// A table with room for more than these, and few entries, gives some of it back.
const ROOMY: usize = 32;
/// Idle ones are looked for so often, or more often if they are to be put away sooner.
const SWEEP: Duration = Duration::from_secs(30);
/// Sweeps in the time after which an idle one is put away, at least.
const SWEEPS: u32 = 4;

/// Makes new entities.
pub(crate) type Maker<A> = Arc<dyn Fn(&EntityId) -> A + Send + Sync>;

pub(crate) struct Region<A: Entity> {
    pub(super) home: Arc<dyn Home>,
    /// What its attribute says, but for what the program says instead.
    pub(super) config: EntityConfig,
    /// A `send` is waited for until its change is kept.
    waits: AtomicBool,
    /// With too few backups up, changes are refused.
    is_strict: AtomicBool,
    patience: Arc<Patience>,
    kind: OnceLock<u16>,
    seed: u64,
    shards: Box<[Mutex<HashTable<Awake<A>>>]>,
    /// Activations that have ended by themselves, and whose answers are held, or come later, by their slots.
    lingering: Mutex<Vec<(u16, Arc<Cell<A>>)>>,
    make: Maker<A>,
    /// Sweeps so far.
    sweep: AtomicU32,
}

struct Awake<A: Entity> {
    hash: u64,
    id: EntityId,
    cell: Arc<Cell<A>>,
    /// The sweep before which it was last needed.
    needed: u32,
}

/// Why there is no actor of an entity.
pub(super) enum NotHere {
    /// It is on another node, or cannot be here yet.
    Elsewhere,
    Refused(Refusal),
}

impl<A: Entity> Region<A> {
    pub(crate) fn new(system: &ActorSystem, home: Arc<dyn Home>, make: Maker<A>) -> Arc<Self> {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        let seed = kind_seed(A::ENTITY.name);
        let config = system.entity_config::<A>();
        let waits = AtomicBool::new(home.is_shared() && config.sync != SyncCount::Of(0));
        let is_strict = AtomicBool::new(config.strict);
        let patience = Arc::<Patience>::default();
        if home.is_shared() {
            system.host().spawn(keep_looking(config.name, system.downgrade(), Arc::downgrade(&patience), config.timeout));
        }
        let (kind, sweep_count) = (OnceLock::new(), AtomicU32::new(0));
        let region = Arc::new(Self {
            home,
            config,
            waits,
            is_strict,
            patience,
            kind,
            seed,
            shards,
            lingering: Mutex::default(),
            make,
            sweep: sweep_count,
        });
        if !config.singleton {
            system.host().spawn(sweep(system.downgrade(), Arc::downgrade(&region)));
        }
        region
    }

    pub(super) fn hash(&self, id: &EntityId) -> u64 {
        hash_of(self.seed, id.as_str())
    }

    /// Whether a `send` returns only once its change is kept.
    pub(super) fn waits(&self) -> bool {
        self.waits.load(Relaxed)
    }

    /// What the cluster has agreed on for the type.
    pub(super) fn agreed(&self, is_sync: bool, is_strict: bool) {
        self.waits.store(is_sync, Relaxed);
        self.is_strict.store(is_strict, Relaxed);
    }

    /// All entities of a slot are in one.
    fn shard(&self, hash: u64) -> &Mutex<HashTable<Awake<A>>> {
        &self.shards[usize::from(slot_of_hash(hash)) % SHARDS]
    }

    pub(super) fn key(&self, id: &EntityId, hash: u64) -> Option<Key> {
        let kind = match self.kind.get() {
            Some(kind) => *kind,
            None => {
                let kind = self.home.kind(&self.config)?;
                *self.kind.get_or_init(|| kind)
            }
        };
        Some(Key { kind, hash, id: id.clone() })
    }

    pub(super) fn address(&self, id: &EntityId) -> EntityAddress {
        EntityAddress { kind: A::ENTITY.name, hash: self.hash(id), id: id.clone() }
    }

    /// Has a message brought to where the entity is.
    pub(super) fn post(&self, system: &ActorSystem, id: &EntityId, item: A::Item) -> Result<(), Unsent> {
        post(&self.home, system, (A::ENTITY.name, self.hash(id), id), item)
    }

    /// As [`cell`](Self::cell), for a message that begins its way here: it goes behind those that wait.
    #[inline]
    pub(super) fn cell_in_turn(
        self: &Arc<Self>,
        system: &ActorSystem,
        id: &EntityId,
        hash: u64,
    ) -> Result<Arc<Cell<A>>, NotHere> {
        if self.home.is_waiting(hash) { Err(NotHere::Elsewhere) } else { self.cell(system, id, hash) }
    }

    /// The actor of this id, made if there is none.
    pub(super) fn cell(self: &Arc<Self>, system: &ActorSystem, id: &EntityId, hash: u64) -> Result<Arc<Cell<A>>, NotHere> {
        // Its answers are held until the lease is looked at to the moment.
        if !self.home.pass().seemed_open() {
            return Err(NotHere::Elsewhere);
        }
        let mut shard = lock(self.shard(hash));
        if let Some(awake) = shard.find_mut(hash, |awake| awake.id == *id) {
            awake.needed = self.sweep.load(Relaxed);
            return Ok(awake.cell.clone());
        }
        drop(shard);
        self.make(system, id, hash)
    }

    fn make(self: &Arc<Self>, system: &ActorSystem, id: &EntityId, hash: u64) -> Result<Arc<Cell<A>>, NotHere> {
        // A node of a cluster serves its entities until others have them.
        if system.is_closing() && !self.home.is_shared() {
            return Err(NotHere::Refused(Refusal::Stopped));
        }
        let key = self.key(id, hash).ok_or(NotHere::Elsewhere)?;
        if self.home.has(&key) == 0 {
            return Err(NotHere::Elsewhere);
        }
        let _within = spans::activation(A::ENTITY.name, id).entered();
        let begun = system.host().now();
        loop {
            let term = self.home.has(&key);
            if term == 0 {
                return Err(NotHere::Elsewhere);
            }
            let before = self.home.state(&key);
            // What makes it is the user's, and may need others of this shard.
            let factory = self.factory(system, &key);
            let instance = {
                let _inside = system.host().enter();
                catch_unwind(AssertUnwindSafe(&factory))
            };
            let instance = instance.map_err(|payload| {
                let failure = Failure::from_panic(&*payload);
                NotHere::Refused(Refusal::unreachable(format!("its actor could not be made: {failure}")))
            })?;
            let mut shard = lock(self.shard(hash));
            if let Some(awake) = shard.find(hash, |awake| awake.id == *id) {
                // Another was quicker.
                let cell = awake.cell.clone();
                drop(shard);
                drop(instance);
                return Ok(cell);
            }
            if self.home.has(&key) != term {
                drop(shard);
                return Err(NotHere::Elsewhere);
            }
            let now = self.home.state(&key);
            let as_before = match (&before, &now) {
                (None, None) => true,
                (Some(before), Some(now)) => Arc::ptr_eq(before, now),
                _ => false,
            };
            if as_before {
                let outputs = Outputs::new(self.home.pass().clone(), self.patience.clone());
                if self.home.wake(&key, term, &outputs).is_none() {
                    drop(shard);
                    return Err(NotHere::Elsewhere);
                }
                let cell = self.wake(system, (&key, term), outputs, (instance, Box::new(factory)));
                let needed = self.sweep.load(Relaxed);
                let awake = Awake { hash, id: id.clone(), cell: cell.clone(), needed };
                shard.insert_unique(hash, awake, |awake| awake.hash);
                drop(shard);
                let took = system.host().now().saturating_duration_since(begun);
                metrics::activated(A::ENTITY.name, took);
                system.emit_with(|| Event::Activated { actor: cell.label(), took });
                return Ok(cell);
            }
        }
    }

    /// Makes instances: one now, and one at each restart.
    fn factory(&self, system: &ActorSystem, key: &Key) -> impl Fn() -> A + Send + Sync + 'static + use<A> {
        let (make, key, home, system) = (self.make.clone(), key.clone(), self.home.clone(), system.downgrade());
        move || {
            let mut instance = make(&key.id);
            instance.__identify(&key.id);
            let mut put = || put_into(&mut instance, home.state(&key));
            // References in it are this system's.
            let put = match system.upgrade() {
                Some(system) => system.decoding(put),
                None => put(),
            };
            if let Err(failure) = put {
                // Caught where instances are made: a failure of this entity's.
                std::panic::panic_any(failure.to_string());
            }
            instance
        }
    }

    /// The one that is awake, if it is.
    pub(super) fn awake(&self, id: &EntityId) -> Option<Arc<Cell<A>>> {
        let hash = self.hash(id);
        lock(self.shard(hash)).find(hash, |awake| awake.id == *id).map(|awake| awake.cell.clone())
    }

    /// Makes the actor. Its hooks run later, and before its first message.
    fn wake(
        self: &Arc<Self>,
        system: &ActorSystem,
        (key, term): (&Key, u64),
        outputs: Arc<Outputs>,
        (instance, factory): (A, Factory<A>),
    ) -> Arc<Cell<A>> {
        let address = EntityAddress { kind: A::ENTITY.name, hash: key.hash, id: key.id.clone() };
        let itself: Arc<dyn Activations> = self.clone();
        let activation = Activation { address, outputs: outputs.clone(), region: Arc::downgrade(&itself) };
        let cell = system.settle(|place| {
            Cell::new(CellParts {
                id: place,
                birth: 0,
                name: None,
                system: system.clone(),
                parent: None,
                mailbox: A::MAILBOX.unwrap_or_else(|| system.mailbox()),
                supervision: None,
                activation: Some(Box::new(activation)),
            })
        });
        let mut ctx = Context::new(cell.clone());
        let is_strict = self.is_strict.load(Relaxed);
        let keep = Keep::new(self.home.clone(), key.clone(), term, outputs.clone(), is_strict);
        ctx.is_entity(Box::new(keep), outputs);
        let core = Core::new(instance, ctx, factory);
        if A::HOOKS.on_start {
            let (started, _) = oneshot::channel();
            cell.begin(Box::pin(actor::start(core, started)));
        } else {
            cell.sit(core);
        }
        cell
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
            let hash = self.hash(&id);
            let refused = match over.map(|()| self.cell_in_turn(&system, &id, hash)) {
                Ok(Ok(cell)) => match cell.push(item) {
                    Ok(_) => return Ok(()),
                    Err(Refused::Stopped(again)) => {
                        (ended, item) = (cell, again);
                        continue;
                    }
                    Err(other) => {
                        return match cell.refused(other) {
                            Unsent::Waits(for_room) => for_room.await,
                            unsent => Err(unsent),
                        };
                    }
                },
                Ok(Err(NotHere::Elsewhere)) => {
                    return match self.post(&system, &id, item) {
                        Err(Unsent::Waits(handed_over)) => handed_over.await,
                        posted => posted,
                    };
                }
                Ok(Err(NotHere::Refused(why))) | Err(why) => why,
            };
            item.refuse(refused.clone());
            return Err(Unsent::Far(refused));
        }
    }

    /// Puts those away that nobody has needed for so many sweeps.
    fn put_away(&self, sweeps: u32) {
        let now = self.sweep.fetch_add(1, Relaxed) + 1;
        for shard in &self.shards {
            let shard = lock(shard);
            let idle = shard.iter().filter(|awake| now.saturating_sub(awake.needed) > sweeps);
            let idle: Vec<_> = idle.map(|awake| awake.cell.clone()).collect();
            drop(shard);
            for cell in idle {
                cell.put_away();
            }
        }
    }

    /// Those of a slot, and those that have ended and have something to say still.
    pub(super) fn of_slot(&self, slot: u16) -> Vec<Arc<Cell<A>>> {
        let shard = lock(&self.shards[usize::from(slot) % SHARDS]);
        let awake = shard.iter().filter(|awake| slot_of_hash(awake.hash) == slot).map(|awake| awake.cell.clone());
        let lingering = lock(&self.lingering);
        awake.chain(lingering.iter().filter(|(of, _)| *of == slot).map(|(_, cell)| cell.clone())).collect()
    }
}

impl<A: Entity> Activations for Region<A> {
    fn ended(&self, id: &EntityId, actor: ActorId, reason: &StopReason) {
        let hash = self.hash(id);
        let mut shard = lock(self.shard(hash));
        let found = shard.find_entry(hash, |awake| awake.id == *id && awake.cell.id() == actor);
        let gone = found.ok().map(|found| found.remove().0);
        let lingers = |cell: &Arc<Cell<A>>| cell.outputs().is_some_and(|it| !it.is_settled() || it.has_open());
        let mut over = Vec::new();
        if let Some(awake) = gone.as_ref().filter(|awake| lingers(&awake.cell)) {
            // Whoever takes the slot from this node has to find it.
            let mut lingering = lock(&self.lingering);
            let (left, settled) = mem::take(&mut *lingering).into_iter().partition(|(_, cell)| lingers(cell));
            (*lingering, over) = (left, settled);
            lingering.push((slot_of_hash(hash), awake.cell.clone()));
        }
        if shard.capacity() > ROOMY && shard.len() * 4 < shard.capacity() {
            let room = shard.len() * 2;
            shard.shrink_to(room, |awake| awake.hash);
        }
        drop(shard);
        drop((gone, over));
        if self.config.singleton {
            self.home.is_missing(hash);
        }
        metrics::deactivated(A::ENTITY.name, matches!(reason, StopReason::Passivated));
    }
}

async fn sweep<A: Entity>(system: WeakSystem, region: Weak<Region<A>>) {
    let after = A::ENTITY.passivate_after;
    let every = SWEEP.min(after / SWEEPS).max(Duration::from_millis(1));
    let sweeps = u32::try_from(after.as_nanos() / every.as_nanos().max(1)).unwrap_or(u32::MAX).max(1);
    loop {
        let Some(here) = system.upgrade() else { return };
        let host = here.host().clone();
        drop(here);
        host.sleep(every).await;
        let (Some(system), Some(region)) = (system.upgrade(), region.upgrade()) else { return };
        if system.is_closing() {
            return;
        }
        region.put_away(sweeps);
    }
}
