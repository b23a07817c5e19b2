//! The names of actors, sharded, so that readers hardly ever wait and a copy for a snapshot costs next to nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    mem,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use serde::{Deserialize, Serialize};

use crate::cluster::NodeKey;

const SHARDS: usize = 256;

/// Who holds a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NameEntry {
    pub(crate) owner: NodeKey,
    pub(crate) kind: Arc<str>,
    pub(crate) actor: u64,
}

/// A part of the names.
#[derive(Debug, Clone, Default)]
pub(super) struct Shard {
    /// Which names each node has. This is what counts.
    of: BTreeMap<NodeKey, BTreeSet<Arc<str>>>,
    /// Who has a name: of a node that has freed all of its names at once, it can be there still.
    names: BTreeMap<Arc<str>, NameEntry>,
}

impl Shard {
    fn find(&self, name: &str) -> Option<&NameEntry> {
        self.names.get(name).filter(|entry| self.of.get(&entry.owner).is_some_and(|names| names.contains(name)))
    }
}

/// What is left of names that were freed all at once, for [`Names::sweep`].
#[derive(Debug, Clone, Default)]
pub(super) struct Litter(Vec<(usize, BTreeSet<Arc<str>>)>);

impl Litter {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// All names. Clones share them: one writes, any number read.
#[derive(Debug, Clone)]
pub(super) struct Names {
    shards: Arc<[RwLock<Arc<Shard>>]>,
}

/// The names of one moment.
pub(super) type FrozenNames = Vec<Arc<Shard>>;

impl Default for Names {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::default()).collect() }
    }
}

impl Names {
    /// What was under the name, if it was not free. Then nothing is changed.
    pub(super) fn take(&self, name: &Arc<str>, entry: NameEntry) -> Option<NameEntry> {
        let mut shard = write(self.shard(name));
        if let Some(before) = shard.find(name) {
            return Some(before.clone());
        }
        let shard = Arc::make_mut(&mut shard);
        shard.of.entry(entry.owner.clone()).or_default().insert(name.clone());
        shard.names.insert(name.clone(), entry);
        None
    }

    /// Frees the name if this actor of this node holds it.
    pub(super) fn give_up(&self, name: &str, owner: &NodeKey, actor: u64) -> bool {
        let mut shard = write(self.shard(name));
        if !shard.find(name).is_some_and(|entry| entry.owner == *owner && entry.actor == actor) {
            return false;
        }
        let shard = Arc::make_mut(&mut shard);
        shard.names.remove(name);
        if let Some(names) = shard.of.get_mut(owner) {
            names.remove(name);
            if names.is_empty() {
                shard.of.remove(owner);
            }
        }
        true
    }

    /// Frees all names of a node, however many they are. What is left of them is to be swept, at any time.
    pub(super) fn free(&self, owner: &NodeKey, litter: &mut Litter) {
        for (index, shard) in self.shards.iter().enumerate() {
            let mut shard = write(shard);
            if shard.of.contains_key(owner) {
                litter.0.extend(Arc::make_mut(&mut shard).of.remove(owner).map(|names| (index, names)));
            }
        }
    }

    /// Gives the memory back that names freed at once still take. Nobody can see whether it was done.
    pub(super) fn sweep(&self, litter: Litter) {
        for (index, names) in litter.0 {
            let mut shard = write(&self.shards[index]);
            let shard = Arc::make_mut(&mut shard);
            for name in names {
                if shard.find(&name).is_none() {
                    shard.names.remove(&name);
                }
            }
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<NameEntry> {
        read(self.shard(name)).find(name).cloned()
    }

    #[cfg(test)]
    pub(super) fn of(&self, owner: &NodeKey) -> Vec<Arc<str>> {
        self.shards
            .iter()
            .flat_map(|shard| read(shard).of.get(owner).into_iter().flatten().cloned().collect::<Vec<_>>())
            .collect()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| read(shard).of.values().map(BTreeSet::len).sum::<usize>()).sum()
    }

    /// A copy that later changes leave alone, at the price of some hundred pointers.
    pub(super) fn freeze(&self) -> FrozenNames {
        self.shards.iter().map(|shard| read(shard).clone()).collect()
    }

    /// Has the names of another table from now on. What was there before comes back: it is worth dropping elsewhere.
    pub(super) fn replace(&self, names: &Self) -> FrozenNames {
        self.shards.iter().zip(names.freeze()).map(|(shard, new)| mem::replace(&mut *write(shard), new)).collect()
    }

    fn shard(&self, name: &str) -> &RwLock<Arc<Shard>> {
        // Only for this process: nothing depends on which shard a name is in.
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(name);
        &self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or_default()]
    }
}

/// All names of a frozen table with who holds them, in no order.
pub(super) fn entries(frozen: &FrozenNames) -> impl Iterator<Item = (&Arc<str>, &NameEntry)> {
    frozen.iter().flat_map(|shard| shard.of.values().flatten().filter_map(|name| shard.names.get_key_value(name)))
}

fn read(shard: &RwLock<Arc<Shard>>) -> RwLockReadGuard<'_, Arc<Shard>> {
    shard.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(shard: &RwLock<Arc<Shard>>) -> RwLockWriteGuard<'_, Arc<Shard>> {
    shard.write().unwrap_or_else(PoisonError::into_inner)
}
