//! What a node has of the entities of one kind.

use std::{collections::BTreeMap, sync::Arc};

use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

use super::{Version, Written, message::Summary};
use crate::{
    EntityId,
    cluster::placement::{Epoch, TypeNumber},
};

/// Stands for a set of live copies: the sum of what stands for each.
pub(crate) type Digest = u128;

/// Which of two copies counts: the higher one.
pub(super) type Stamp = (Epoch, Version);

/// Entities are compared in so many parts, by their hash's first byte.
pub(super) const BUCKETS: usize = 256;

/// So many tombstones do no harm.
const MANY: usize = 1024;

/// The copy of one entity.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) written: Written,
    /// The latest epoch whose primary has said that this is the newest.
    pub(super) stamped: Epoch,
    /// `None`: it was destroyed. Remembered until no older copy can be left.
    pub(super) state: Option<Arc<[u8]>>,
}

/// All copies of a kind, in the order of their ids' hashes.
#[derive(Debug)]
pub(super) struct Shelf {
    kind: TypeNumber,
    entries: BTreeMap<(u64, EntityId), Entry>,
    digest: Digest,
    live: usize,
    bytes: usize,
    /// The latest epoch in which all live copies were what that epoch's primary had. So what is not here was not there.
    adopted: Epoch,
    /// No live copy has an epoch of its own above this one, and no tombstone has it.
    top: Epoch,
    /// The highest version of a tombstone that was dropped. Backups may remember it for longer, with this epoch's stamp:
    /// whoever is made anew has to count for more.
    forgotten: Version,
}

impl Shelf {
    pub(super) fn new(kind: TypeNumber) -> Self {
        Self { kind, entries: BTreeMap::new(), digest: 0, live: 0, bytes: 0, adopted: 0, top: 0, forgotten: 0 }
    }

    pub(super) fn put(&mut self, id: &EntityId, written: Written, stamped: Epoch, state: Option<Arc<[u8]>>) {
        self.top = self.top.max(stamped.max(written.epoch).saturating_add(state.is_none().into()));
        if let Some(state) = &state {
            self.live += 1;
            self.bytes += state.len();
            self.digest = self.digest.wrapping_add(self.mark(id, written));
        }
        let before = self.entries.insert(self.place(id), Entry { written, stamped, state });
        self.is_gone(id, before);
    }

    fn take(&mut self, id: &EntityId) {
        let before = self.entries.remove(&self.place(id));
        self.is_gone(id, before);
    }

    /// That copy counts no more.
    fn is_gone(&mut self, id: &EntityId, entry: Option<Entry>) {
        let Some(entry) = entry else { return };
        if let Some(state) = entry.state {
            self.live -= 1;
            self.bytes -= state.len();
            self.digest = self.digest.wrapping_sub(self.mark(id, entry.written));
        }
    }

    /// The primary of this epoch has said that what is here is the newest.
    pub(super) fn stamp_up(&mut self, id: &EntityId, epoch: Epoch) {
        if let Some(entry) = self.entries.get_mut(&place(self.kind, id)) {
            entry.stamped = entry.stamped.max(epoch);
            self.top = self.top.max(epoch.saturating_add(entry.state.is_none().into()));
        }
    }

    /// The same for all of a bucket's live copies.
    pub(super) fn stamp_bucket_up(&mut self, bucket: u8, epoch: Epoch) {
        self.top = self.top.max(epoch);
        for (_, entry) in self.entries.range_mut(floor(bucket)..).take_while(|((hash, _), _)| bucket_of(*hash) == bucket) {
            if entry.state.is_some() {
                entry.stamped = entry.stamped.max(epoch);
            }
        }
    }

    /// All live copies are what the primary of this epoch had.
    pub(super) fn adopt(&mut self, epoch: Epoch) {
        self.adopted = self.adopted.max(epoch);
    }

    /// All that the primary of this epoch had is here, stamped so; whatever is older was not there.
    pub(super) fn settle(&mut self, epoch: Epoch) {
        if epoch > self.adopted {
            self.drop_where(|_, stamp, _| stamp.0 < epoch);
            self.adopted = epoch;
        }
    }

    /// Destroyed before this epoch, in which everyone has everything: nobody has older copies that count.
    pub(super) fn drop_tombstones(&mut self, full: Epoch, but: impl Fn(&EntityId) -> bool) {
        if self.adopted >= full && self.entries.len() > self.live {
            let versions = self.entries.values().filter(|entry| entry.state.is_none()).map(|entry| entry.written.version);
            self.forgotten = versions.fold(self.forgotten, Version::max);
            self.drop_where(|id, stamp, entry| entry.state.is_none() && stamp.0 < full && !but(id));
        }
    }

    /// Whether there are many more tombstones than live copies.
    pub(super) fn remembers_many(&self) -> bool {
        self.entries.len() - self.live > self.live + MANY
    }

    /// The version that the next change of an entity makes.
    pub(super) fn next_version(&self, id: &EntityId) -> Version {
        self.get(id).map_or(self.forgotten, |entry| entry.written.version).saturating_add(1)
    }

    pub(super) fn drop_all(&mut self) {
        *self = Self::new(self.kind);
    }

    /// Of a bucket, what is older than this epoch and not among these.
    pub(super) fn drop_older(&mut self, bucket: u8, epoch: Epoch, but: impl Fn(&EntityId) -> bool) {
        let older: Vec<_> = self
            .bucket(bucket)
            .filter(|(id, entry)| self.stamp_of(entry).0 < epoch && !but(id))
            .map(|(id, _)| id.clone())
            .collect();
        older.iter().for_each(|id| self.take(id));
    }

    fn drop_where(&mut self, drop: impl Fn(&EntityId, Stamp, &Entry) -> bool) {
        let dropped = self.entries.iter().filter(|((_, id), entry)| drop(id, self.stamp_of(entry), entry));
        let dropped: Vec<_> = dropped.map(|((_, id), _)| id.clone()).collect();
        dropped.iter().for_each(|id| self.take(id));
    }

    pub(super) fn get(&self, id: &EntityId) -> Option<&Entry> {
        self.entries.get(&self.place(id))
    }

    /// What counts of a copy. A tombstone is not adopted: the digest says nothing of it.
    pub(super) fn stamp_of(&self, entry: &Entry) -> Stamp {
        let adopted = if entry.state.is_some() { self.adopted } else { 0 };
        (entry.written.epoch.max(entry.stamped).max(adopted), entry.written.version)
    }

    /// The same by id. That something is not here counts as well.
    pub(super) fn stamp(&self, id: &EntityId) -> Stamp {
        self.get(id).map_or((self.adopted, 0), |entry| self.stamp_of(entry))
    }

    pub(super) fn summary(&self) -> Summary {
        Summary { kind: self.kind, digest: self.digest, adopted: self.adopted, top: self.top }
    }

    /// The digest of each bucket.
    pub(super) fn buckets(&self) -> Vec<Digest> {
        let mut digests = vec![0; BUCKETS];
        for ((hash, id), entry) in &self.entries {
            if entry.state.is_some() {
                let digest: &mut Digest = &mut digests[usize::from(bucket_of(*hash))];
                *digest = digest.wrapping_add(self.mark(id, entry.written));
            }
        }
        digests
    }

    /// All that is in a bucket, tombstones too.
    pub(super) fn bucket(&self, bucket: u8) -> impl Iterator<Item = (&EntityId, &Entry)> {
        let entries = self.entries.range(floor(bucket)..).take_while(move |((hash, _), _)| bucket_of(*hash) == bucket);
        entries.map(|((_, id), entry)| (id, entry))
    }

    pub(super) fn live(&self) -> impl Iterator<Item = &EntityId> {
        self.entries.iter().filter(|(_, entry)| entry.state.is_some()).map(|((_, id), _)| id)
    }

    /// The newest epoch that a copy has from its primary.
    #[cfg(feature = "testkit")]
    pub(super) fn newest(&self) -> Epoch {
        let newest = self.entries.values().map(|entry| entry.written.epoch.max(entry.stamped)).max();
        newest.unwrap_or_default().max(self.adopted)
    }

    #[cfg(feature = "testkit")]
    pub(super) fn live_count(&self) -> usize {
        self.live
    }

    /// With tombstones.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn place(&self, id: &EntityId) -> (u64, EntityId) {
        place(self.kind, id)
    }

    fn mark(&self, id: &EntityId, written: Written) -> Digest {
        let text = id.as_str().as_bytes();
        let seed = xxh3_64_with_seed(&written.version.to_le_bytes(), written.epoch) ^ u64::from(self.kind);
        xxh3_128_with_seed(text, seed)
    }
}

fn place(kind: TypeNumber, id: &EntityId) -> (u64, EntityId) {
    (xxh3_64_with_seed(id.as_str().as_bytes(), kind.into()), id.clone())
}

fn bucket_of(hash: u64) -> u8 {
    hash.to_be_bytes()[0]
}

fn floor(bucket: u8) -> (u64, EntityId) {
    (u64::from(bucket) << 56, EntityId::default())
}
