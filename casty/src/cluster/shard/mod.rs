//! The entities of a node of a cluster: which slots it serves, what it keeps for others, and how messages find their way.
//!
//! What is kept where is decided by the pure cores of [`replication`](super::replication), one a slot; this is what drives
//! them: links, tasks, activations, answers.

mod deliver;
mod envelope;
mod kinds;
mod news;
mod passed;
mod ports;
mod queues;
mod router;
mod run;
mod rush;
mod slots;
mod standing;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc, Mutex, OnceLock, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering::Acquire},
    },
};

use tokio::sync::Notify;

pub(crate) use self::kinds::{check, declared, settings};
use self::{
    envelope::Envelope, kinds::Kinds, news::News, passed::Passed, queues::Queues, rush::Rush, slots::Place, standing::Standing,
};
use super::{
    NodeKey,
    control::Plane,
    placement::{Epoch, SLOTS, Slot, Stage, slot_of_hash},
    replication,
    transport::Network,
};
use crate::{
    entity::{EntityConfig, Home, Key, Post},
    host::Host,
    reply::{Outputs, Pass, Wait},
    sync::lock,
    system::WeakSystem,
};

pub(crate) struct Shards {
    itself: Weak<Self>,
    /// Where messages are handled.
    host: Host,
    system: WeakSystem,
    me: NodeKey,
    plane: OnceLock<Plane>,
    network: OnceLock<Weak<Network>>,
    pass: Arc<Pass>,
    places: Box<[Mutex<Place>]>,
    /// For each slot that is served here, since when: a number that rises with each end of that; 0 for the others.
    serving: Box<[AtomicU64]>,
    /// For each slot, whether it is to be asked with each tick.
    waits: Box<[AtomicBool]>,
    kinds: Kinds,
    waiting: Queues,
    passed: Passed,
    rush: Rush,
    standing: Standing,
    /// What is to be proposed: how far this node's configurations have come.
    reached: Mutex<BTreeMap<(Slot, Epoch), Stage>>,
    /// And of which slots the next configuration is, as they are.
    renewed: Mutex<BTreeSet<(Slot, Epoch)>>,
    news: Mutex<News>,
    /// Something is to be done before the next tick.
    wake: Notify,
}

impl Shards {
    pub(crate) fn new(host: &Host, system: WeakSystem, me: NodeKey) -> Arc<Self> {
        Arc::new_cyclic(|itself| Self {
            itself: itself.clone(),
            host: host.clone(),
            system,
            plane: OnceLock::new(),
            network: OnceLock::new(),
            pass: Pass::leased(host),
            places: (0..SLOTS).map(|_| Mutex::new(Place::new(me.clone()))).collect(),
            serving: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            waits: (0..SLOTS).map(|_| AtomicBool::new(false)).collect(),
            kinds: Kinds::default(),
            waiting: Queues::new(),
            passed: Passed::default(),
            rush: Rush::default(),
            standing: Standing::default(),
            reached: Mutex::default(),
            renewed: Mutex::default(),
            news: Mutex::default(),
            wake: Notify::new(),
            me,
        })
    }

    pub(crate) fn node(&self) -> &NodeKey {
        &self.me
    }

    /// Whether this node may speak for its entities.
    pub(crate) fn pass(&self) -> &Arc<Pass> {
        &self.pass
    }

    fn serves(&self, slot: Slot) -> u64 {
        self.serving.get(usize::from(slot)).map_or(0, |serving| serving.load(Acquire))
    }

    /// The slots whose entities may be here and answer.
    #[cfg(feature = "testkit")]
    pub(crate) fn served(&self) -> Vec<Slot> {
        if !self.pass.is_open() {
            return Vec::new();
        }
        (0..SLOTS as Slot).filter(|slot| self.serves(*slot) != 0).collect()
    }

    /// What there is of a slot here. See [`Core::seen`].
    #[cfg(feature = "testkit")]
    pub(crate) fn seen(&self, slot: Slot) -> Option<(Epoch, Epoch, usize)> {
        Some(lock(self.places.get(usize::from(slot))?).core.seen())
    }

    #[cfg(feature = "testkit")]
    pub(crate) fn answers_for(&self, slot: Slot) -> bool {
        self.pass.is_open() && self.serves(slot) != 0
    }

    fn network(&self) -> Option<Arc<Network>> {
        self.network.get()?.upgrade()
    }
}

fn replicated(key: &Key) -> replication::Key {
    replication::Key { kind: key.kind, id: key.id.clone() }
}

impl Home for Shards {
    fn kind(&self, config: &EntityConfig) -> Option<u16> {
        self.kinds.number(config.name)
    }

    fn has(&self, key: &Key) -> u64 {
        self.serves(slot_of_hash(key.hash))
    }

    fn wake(&self, key: &Key, term: u64, outputs: &Arc<Outputs>) -> Option<()> {
        let slot = slot_of_hash(key.hash);
        let replicated = replicated(key);
        let woken = self.with_term(slot, term, |core, out| core.wake(&replicated, outputs, out))?;
        if let replication::Wait::Pending(version) = woken.ok()? {
            outputs.handled(Some(Wait::Pending(version)));
        }
        Some(())
    }

    fn state(&self, key: &Key) -> Option<Arc<[u8]>> {
        let place = lock(self.places.get(usize::from(slot_of_hash(key.hash)))?);
        place.core.state(&replicated(key)).cloned()
    }

    fn keep(&self, key: &Key, term: u64, state: Option<&[u8]>, outputs: &Arc<Outputs>) -> Option<Wait> {
        let slot = slot_of_hash(key.hash);
        let replicated = replicated(key);
        let sparing = self.rush.change();
        let written = self.with_term(slot, term, |core, out| core.write(&replicated, state, outputs, sparing, out))?;
        Some(match written.ok()? {
            replication::Wait::Kept(version) => Wait::Kept(version),
            replication::Wait::Pending(version) => Wait::Pending(version),
        })
    }

    fn most(&self) -> usize {
        self.network().map_or(usize::MAX, |network| network.max_message())
    }

    fn has_backups(&self, key: &Key) -> bool {
        let place = self.places.get(usize::from(slot_of_hash(key.hash)));
        place.is_some_and(|place| lock(place).core.has_enough_backups(key.kind))
    }

    fn pass(&self) -> &Arc<Pass> {
        &self.pass
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn is_missing(&self, hash: u64) {
        self.is_missing(slot_of_hash(hash));
    }

    fn is_waiting(&self, hash: u64) -> bool {
        self.waiting.is_waiting(slot_of_hash(hash))
    }

    fn post(&self, post: Post) {
        let slot = slot_of_hash(post.hash);
        let turn = self.waiting.turn(slot, post.is_left_behind);
        let envelope = Envelope::of(post, turn, self.deadline());
        self.route(envelope);
    }
}

impl fmt::Debug for Shards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shards({})", self.me)
    }
}
