//! Which slot an entity is in. This is a published specification, never to be changed: every node of every build must have
//! the same answer, and so must whoever reads what is on disk.
//!
//! With `xxh3` as the 64 bit XXH3 of version 0.8 and all text in UTF-8,
//!
//! ```text
//! slot = xxh3(bytes of the id, seed: xxh3(bytes of the type's name, seed: 0)) modulo 1024
//! ```

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::table::{SLOTS, Slot};

/// What the ids of a type are hashed with. It is the same for all of them, so who has many hashes the name once.
pub(crate) fn kind_seed(kind: &str) -> u64 {
    xxh3_64(kind.as_bytes())
}

/// The hash of an entity. Its slot follows from it.
pub(crate) fn hash_of(seed: u64, id: &str) -> u64 {
    xxh3_64_with_seed(id.as_bytes(), seed)
}

/// The slot of an entity with that hash.
pub(crate) fn slot_of_hash(hash: u64) -> Slot {
    // Less than `SLOTS`, so nothing is cut off.
    (hash % SLOTS as u64) as Slot
}

/// The slot of the entity with that id, of the type with that name.
pub(crate) fn slot_of(kind: &str, id: &str) -> Slot {
    slot_of_hash(hash_of(kind_seed(kind), id))
}

#[cfg(test)]
mod tests {
    use std::{hint::black_box, sync::Arc, time::Instant};

    use super::*;
    use crate::cluster::{
        Incarnation, NodeKey,
        placement::{Chain, SlotTable},
    };

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(xxh3_64(b""), 0x2d06_8005_38d3_94c2);
        assert_eq!(xxh3_64(b"casty"), 0xfe42_2f58_a363_7b48);
    }

    /// Computed with the reference implementation in C. If this fails, do not change the numbers.
    #[test]
    fn an_entity_is_in_the_same_slot_for_ever() {
        let fixed: [(&str, &str, Slot); 16] = [
            ("", "", 1011),
            ("account", "", 183),
            ("", "alice", 604),
            ("account", "alice", 985),
            ("account", "bob", 555),
            ("Account", "alice", 479),
            ("cart", "alice", 566),
            ("shop.cart", "7f3c2a90-1b1e-4a51-9d0e-2f6f5d1c8e11", 840),
            ("konto", "Jürgen", 419),
            ("账户", "爱丽丝", 282),
            ("emoji", "🦀", 927),
            ("account", "0", 1021),
            // The algorithm has branches by length: up to 16, up to 240, and beyond.
            ("account", &"x".repeat(16), 574),
            ("account", &"x".repeat(240), 179),
            ("account", &"x".repeat(241), 292),
            ("account", &"long-".repeat(1000), 90),
        ];
        for (kind, id, slot) in fixed {
            assert_eq!(slot_of(kind, id), slot, "{kind:?} {id:?}");
        }
    }

    #[test]
    fn ids_spread_over_all_slots() {
        let seed = kind_seed("account");
        let mut counts = vec![0; SLOTS];
        for id in 0..100 * SLOTS {
            counts[usize::from(slot_of_hash(hash_of(seed, &id.to_string())))] += 1;
        }
        assert!(counts.iter().all(|count| (50..=150).contains(count)));
    }

    #[test]
    #[ignore = "a measurement: run it in a release build, with --nocapture"]
    #[expect(clippy::disallowed_methods, reason = "it measures")]
    fn how_long_a_look_up_takes() {
        const TIMES: u64 = 50_000_000;
        let mut chain = Chain::default();
        chain.begin(vec![NodeKey { id: "a".into(), incarnation: Incarnation(1) }], 1);
        let table: SlotTable = (0..SLOTS).map(|_| Arc::new(chain.clone())).collect();
        let began = Instant::now();
        for times in 0..TIMES {
            let hash = black_box(times.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            black_box(table[usize::from(slot_of_hash(hash))].primary());
        }
        let table_took = began.elapsed().as_secs_f64() * 1e9 / TIMES as f64;
        let (seed, id) = (kind_seed("account"), "7f3c2a90-1b1e-4a51-9d0e-2f6f5d1c8e11");
        let began = Instant::now();
        for _ in 0..TIMES {
            black_box(table[usize::from(slot_of_hash(hash_of(black_box(seed), black_box(id))))].primary());
        }
        let whole = began.elapsed().as_secs_f64() * 1e9 / TIMES as f64;
        println!("from the hash to the primary: {table_took:.1} ns; from an id of {} bytes: {whole:.1} ns", id.len());
    }
}
