//! The home of entities whose system is in no cluster: all of them are here.

use std::sync::{Arc, Mutex};

use hashbrown::HashTable;

use super::{
    EntityConfig, Home,
    home::{Key, Post},
};
use crate::{
    host::Host,
    reply::{Outputs, Pass, Refusal, Wait},
    sync::lock,
};

const SHELVES: usize = 64;

type Shelf = HashTable<(Key, Arc<[u8]>)>;

pub(crate) struct Alone {
    pass: Arc<Pass>,
    kinds: Mutex<Vec<&'static str>>,
    shelves: Box<[Mutex<Shelf>]>,
}

impl Alone {
    pub(crate) fn new(host: &Host) -> Self {
        let shelves = (0..SHELVES).map(|_| Mutex::default()).collect();
        Self { pass: Pass::always(host), kinds: Mutex::default(), shelves }
    }

    fn shelf(&self, key: &Key) -> &Mutex<Shelf> {
        &self.shelves[usize::try_from(key.hash).unwrap_or(0) % SHELVES]
    }
}

impl Home for Alone {
    fn kind(&self, config: &EntityConfig) -> Option<u16> {
        let mut kinds = lock(&self.kinds);
        let at = kinds.iter().position(|name| *name == config.name).unwrap_or_else(|| {
            kinds.push(config.name);
            kinds.len() - 1
        });
        u16::try_from(at).ok()
    }

    fn has(&self, _: &Key) -> u64 {
        1
    }

    fn wake(&self, _: &Key, _: u64, _: &Arc<Outputs>) -> Option<()> {
        Some(())
    }

    fn state(&self, key: &Key) -> Option<Arc<[u8]>> {
        lock(self.shelf(key)).find(key.hash, |(there, _)| there == key).map(|(_, state)| state.clone())
    }

    fn keep(&self, key: &Key, _: u64, state: Option<&[u8]>, _: &Arc<Outputs>) -> Option<Wait> {
        let mut shelf = lock(self.shelf(key));
        let found = shelf.find_mut(key.hash, |(there, _)| there == key);
        match (found, state) {
            (Some((_, old)), Some(state)) => match Arc::get_mut(old) {
                // In place, where it fits.
                Some(old) if old.len() == state.len() => old.copy_from_slice(state),
                _ => *old = state.into(),
            },
            (None, Some(state)) => {
                shelf.insert_unique(key.hash, (key.clone(), state.into()), |(key, _)| key.hash);
            }
            (Some(_), None) => {
                if let Ok(found) = shelf.find_entry(key.hash, |(there, _)| there == key) {
                    let (gone, _) = found.remove();
                    drop(shelf);
                    drop(gone);
                }
            }
            (None, None) => {}
        }
        Some(Wait::Kept(0))
    }

    fn most(&self) -> usize {
        usize::MAX
    }

    fn has_backups(&self, _: &Key) -> bool {
        // Nobody has asked for any.
        true
    }

    fn pass(&self) -> &Arc<Pass> {
        &self.pass
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn is_waiting(&self, _: u64) -> bool {
        false
    }

    fn post(&self, post: Post) {
        post.answer.refuse(Refusal::Stopped);
    }
}
