//! All living actors, by id.

use std::sync::{Arc, Mutex, MutexGuard};

use super::{deadlines::shard, places::Places};
use crate::{
    actor::{ActorId, AnyCell, PLACE_BITS},
    sync::lock,
};

const SHARD_BITS: u32 = 4;
const SHARDS: usize = 1 << SHARD_BITS;
/// In one shard.
const PLACES: usize = 1 << (PLACE_BITS - SHARD_BITS);
/// Places for actors, some 268 million at once. An id is a place (shard and index) and, above it, the number of ids that its shard gave out before,
/// so that none comes twice.
pub(super) struct Directory {
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard {
    places: Places<(ActorId, Arc<dyn AnyCell>)>,
    given: u64,
}

impl Default for Directory {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl Directory {
    /// Gives out an id, and a place to the actor that is made with it.
    pub(super) fn add<C: AnyCell>(&self, make: impl FnOnce(ActorId) -> Arc<C>) -> Arc<C> {
        let (number, mut shard) = self.shard_with_room();
        shard.given += 1;
        let given = shard.given << PLACE_BITS;
        shard.places.add(|index| {
            let id = ActorId(given | ((index << SHARD_BITS) | number) as u64);
            let cell = make(id);
            ((id, cell.clone()), cell)
        })
    }

    /// This thread's shard, or if that is full the next.
    fn shard_with_room(&self) -> (usize, MutexGuard<'_, Shard>) {
        let own = shard() % SHARDS;
        for number in (own..SHARDS).chain(0..own) {
            let shard = lock(&self.shards[number]);
            if shard.places.has_room(PLACES) {
                return (number, shard);
            }
        }
        panic!("{} actors live; there is no place for another", PLACES * SHARDS)
    }

    pub(super) fn get(&self, id: ActorId) -> Option<Arc<dyn AnyCell>> {
        let (shard, index) = place(id);
        let shard = lock(&self.shards[shard]);
        shard.places.get(index).filter(|(owner, _)| *owner == id).map(|(_, cell)| cell.clone())
    }

    pub(super) fn remove(&self, id: ActorId) -> Option<Arc<dyn AnyCell>> {
        let (shard, index) = place(id);
        let mut shard = lock(&self.shards[shard]);
        let (_, cell) = shard.places.take_if(index, |(owner, _)| *owner == id)?;
        Some(cell)
    }

    /// All actors without a parent, the last spawned of each shard first.
    pub(super) fn roots(&self) -> Vec<Arc<dyn AnyCell>> {
        let mut roots: Vec<(u64, Arc<dyn AnyCell>)> = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            let living = shard.places.iter().filter(|(_, cell)| cell.parent().is_none());
            roots.extend(living.map(|(id, cell)| (id.0 >> PLACE_BITS, cell.clone())));
        }
        roots.sort_unstable_by_key(|(given, _)| std::cmp::Reverse(*given));
        roots.into_iter().map(|(_, cell)| cell).collect()
    }
}

fn place(id: ActorId) -> (usize, usize) {
    let place = usize::try_from(id.0 & ((1 << PLACE_BITS) - 1)).expect("28 bits");
    (place % SHARDS, place >> SHARD_BITS)
}
