//! Which slot an entity is in.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{SLOTS, Slot};

/// Of a type's name.
pub(crate) fn kind_seed(kind: &str) -> u64 {
    xxh3_64(kind.as_bytes())
}

/// Of an id of the type with that seed.
pub(crate) fn hash_of(seed: u64, id: &str) -> u64 {
    xxh3_64_with_seed(id.as_bytes(), seed)
}

pub(crate) fn slot_of_hash(hash: u64) -> Slot {
    (hash % SLOTS as u64) as Slot
}
