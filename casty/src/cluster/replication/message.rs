//! What the cores of a slot say to each other.

use std::sync::Arc;

use super::{Version, Written, copies::Digest};
use crate::{
    EntityId,
    cluster::placement::{Epoch, TypeNumber},
};

/// Between two cores of the same slot. Each can be lost, doubled and late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    /// Take nothing of epochs below this one any more, and say what you have.
    Seal { epoch: Epoch },
    /// It is sealed. `served`: the highest epoch in which this node has ever served the slot, 0 for none. `whole`: the same of
    /// those in which nothing was lost, so that it has whatever there was by then.
    Sealed { epoch: Epoch, served: Epoch, whole: Epoch, shelves: Vec<Summary> },
    /// What is in the buckets from `start` on? With the asker's digests of these, or none if all of it is wanted.
    List { epoch: Epoch, ticket: u64, kind: TypeNumber, start: u8, buckets: Vec<Digest> },
    /// What `List` with this ticket asked for, up to before bucket `next`, or to the end; without the buckets that are `equal`.
    Listed { ticket: u64, next: Option<u8>, equal: Vec<u8>, entries: Vec<Listing> },
    /// The states of these.
    Fetch { epoch: Epoch, kind: TypeNumber, ids: Vec<EntityId> },
    /// Some of them, at least one.
    Fetched { epoch: Epoch, kind: TypeNumber, entries: Vec<Fetched> },
    /// What an entity is from now on. `Acked`, `Lacks` or `Refused` answers.
    Update { epoch: Epoch, ticket: u64, kind: TypeNumber, id: EntityId, written: Written, content: Content },
    /// This version of the ticket's entity, or a later one of the epoch, is here.
    Acked { ticket: u64, version: Version },
    /// What the update builds on is not here: the whole is needed.
    Lacks { ticket: u64 },
    /// Nothing below this epoch is taken.
    Refused { sealed: Epoch },
    /// Whose live copies of a kind have this digest has all of it in this epoch. Without one: it was compared, and has.
    Adopt { epoch: Epoch, kind: TypeNumber, digest: Option<Digest> },
    /// It has.
    Adopted { epoch: Epoch, kind: TypeNumber },
    /// It has not; the digests of its buckets.
    Differs { epoch: Epoch, kind: TypeNumber, buckets: Vec<Digest> },
    /// All that is in these buckets.
    Compare { epoch: Epoch, kind: TypeNumber, buckets: Vec<u8>, entries: Vec<(EntityId, Written)> },
    /// Of the comparison that began with this bucket, what has to be sent.
    Compared { epoch: Epoch, kind: TypeNumber, bucket: u8, lacking: Vec<EntityId> },
}

/// What an update says of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    Whole(Arc<[u8]>),
    /// So many bytes from the front and the back of what was written as `base`, and these between.
    Patch {
        base: Written,
        prefix: u32,
        suffix: u32,
        middle: Arc<[u8]>,
    },
    /// What is there already.
    Same,
    /// It was destroyed.
    Gone,
}

/// What a node has of a kind, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) kind: TypeNumber,
    pub(crate) digest: Digest,
    pub(crate) adopted: Epoch,
    /// No live copy has an epoch of its own above this one, and no tombstone has it.
    pub(crate) top: Epoch,
}

/// A copy without its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) id: EntityId,
    pub(crate) epoch: Epoch,
    pub(crate) written: Written,
    pub(crate) gone: bool,
}

/// A copy. Epoch 0: there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fetched {
    pub(crate) id: EntityId,
    pub(crate) epoch: Epoch,
    pub(crate) written: Written,
    pub(crate) state: Option<Arc<[u8]>>,
}
