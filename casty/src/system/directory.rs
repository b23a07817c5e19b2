//! All living actors, by id.

use std::sync::{Arc, Mutex, MutexGuard};

use super::deadlines::shard;
use crate::{
    actor::{ActorId, AnyCell, PLACE_BITS},
    sync::lock,
};

const SHARD_BITS: u32 = 4;
const SHARDS: usize = 1 << SHARD_BITS;
/// So many places that nobody has are no matter.
const ROOMY: usize = 1024;
/// In one shard.
const PLACES: usize = 1 << (PLACE_BITS - SHARD_BITS);
/// Places for actors, some 268 million at once. An id is a place (shard and index) and, above it, the number of ids that its shard gave out before,
/// so that none comes twice.
pub(super) struct Directory {
    shards: [Mutex<Shard<Living>>; SHARDS],
}

type Living = (ActorId, Arc<dyn AnyCell>);

struct Shard<T> {
    places: Vec<Option<T>>,
    free: Vec<u32>,
    given: u64,
    /// With fewer free places than these the rest is not looked at again.
    tried: usize,
}

impl<T> Default for Shard<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new(), given: 0, tried: 0 }
    }
}

impl<T> Shard<T> {
    /// A place is free again. What many actors at once have left is given back, from behind, as far as nobody has it.
    fn is_free(&mut self, index: u32) {
        self.free.push(index);
        let (free, all) = (self.free.len(), self.places.len());
        let is_last = index as usize + 1 == all;
        if free < ROOMY || free * 4 < all * 3 || (free < self.tried && !is_last) {
            return;
        }
        let left = self.places.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        self.places.truncate(left);
        self.places.shrink_to(left * 2);
        self.free.retain(|index| (*index as usize) < left);
        self.free.shrink_to(self.free.len() * 2);
        self.tried = self.free.len() + ROOMY.max((self.places.len() - self.free.len()) / 2);
    }
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
        let index = match shard.free.pop() {
            Some(index) => index as usize,
            None => {
                shard.places.push(None);
                shard.places.len() - 1
            }
        };
        shard.given += 1;
        let place = ((index << SHARD_BITS) | number) as u64;
        let id = ActorId((shard.given << PLACE_BITS) | place);
        let cell = make(id);
        shard.places[index] = Some((id, cell.clone()));
        cell
    }

    /// This thread's shard, or if that is full the next.
    fn shard_with_room(&self) -> (usize, MutexGuard<'_, Shard<Living>>) {
        let own = shard() % SHARDS;
        for number in (own..SHARDS).chain(0..own) {
            let shard = lock(&self.shards[number]);
            if !shard.free.is_empty() || shard.places.len() < PLACES {
                return (number, shard);
            }
        }
        panic!("{} actors live; there is no place for another", PLACES * SHARDS)
    }

    pub(super) fn get(&self, id: ActorId) -> Option<Arc<dyn AnyCell>> {
        let (shard, index) = place(id);
        let shard = lock(&self.shards[shard]);
        shard.places.get(index)?.as_ref().filter(|(owner, _)| *owner == id).map(|(_, cell)| cell.clone())
    }

    pub(super) fn remove(&self, id: ActorId) -> Option<Arc<dyn AnyCell>> {
        let (shard, index) = place(id);
        let mut shard = lock(&self.shards[shard]);
        let (_, cell) = shard.places.get_mut(index)?.take_if(|(owner, _)| *owner == id)?;
        shard.is_free(u32::try_from(index).expect("an index has 24 bits"));
        Some(cell)
    }

    /// All actors without a parent, the last spawned of each shard first.
    pub(super) fn roots(&self) -> Vec<Arc<dyn AnyCell>> {
        let mut roots: Vec<(u64, Arc<dyn AnyCell>)> = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            let living = shard.places.iter().flatten().filter(|(_, cell)| cell.parent().is_none());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_left_is_given_back_and_who_stays_keeps_its_place() {
        let mut shard = Shard { places: (0..100_000).map(Some).collect(), given: 7, ..Shard::default() };
        for index in (0..100_000).filter(|index| *index != 20_000) {
            shard.places[index as usize] = None;
            shard.is_free(index);
        }
        assert!(shard.places.len() < 50_000 && shard.places.capacity() <= 100_000, "{}", shard.places.len());
        assert!(shard.free.iter().all(|index| shard.places[*index as usize].is_none()));
        assert_eq!(shard.places[20_000], Some(20_000));
        assert_eq!(shard.given, 7, "no id comes twice");
    }
}
