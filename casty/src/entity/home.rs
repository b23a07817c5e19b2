//! The seam between entities and where they live: this process alone, or a cluster.

use std::sync::Arc;

use super::{EntityConfig, EntityId};
use crate::{
    actor::{Answer, Waiting},
    reply::{Outputs, Pass, Wait},
};

/// Which entity of which type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// The type's number, as its home gave it.
    pub(crate) kind: u16,
    /// Of the type's name and the id. See [`hash_of`](crate::cluster::hash_of).
    pub(crate) hash: u64,
    pub(crate) id: EntityId,
}

/// Where entities live, and what is kept of them.
pub(crate) trait Home: Send + Sync {
    /// The number of a type; `None` while it is not known.
    fn kind(&self, config: &EntityConfig) -> Option<u16>;

    /// Since when the entity's messages are handled on this node: a number that rises with each time that this ends. 0: they
    /// are not.
    fn has(&self, key: &Key) -> u64;

    /// The entity is awake from now on, in that `term`, with the state that it has. What it answers leaves once that state is
    /// kept, of which `outputs` is told, and nobody else's any more. `None`: it is not this node's now.
    fn wake(&self, key: &Key, term: u64, outputs: &Arc<Outputs>) -> Option<()>;

    /// Its state.
    fn state(&self, key: &Key) -> Option<Arc<[u8]>>;

    /// The entity, woken in that `term`, has changed; without a state, it is as if it had never been. `None`: it is not this
    /// node's any more.
    fn keep(&self, key: &Key, term: u64, state: Option<&[u8]>, outputs: &Arc<Outputs>) -> Option<Wait>;

    /// How many bytes a state may have, so that its copies can be sent.
    fn most(&self) -> usize;

    /// Whether as many backups are up as a change of the entity is to be on.
    fn has_backups(&self, key: &Key) -> bool;

    /// Whether this node may speak for its entities.
    fn pass(&self) -> &Arc<Pass>;

    /// Whether a change can be lost that was not acknowledged: what is sent is waited for then, if its type says so.
    fn is_shared(&self) -> bool;

    /// An entity that is to be awake without a message has ended. Where nothing else wakes it, the next message does.
    fn is_missing(&self, _hash: u64) {}

    /// Whether messages to entities of that hash's slot wait here, for others to wait behind them.
    fn is_waiting(&self, hash: u64) -> bool;

    /// Brings a message to an entity that is not here, or not now.
    fn post(&self, post: Post);
}

/// A message for an entity, wherever it is.
pub(crate) struct Post {
    /// The type's name.
    pub(crate) kind: Arc<str>,
    pub(crate) hash: u64,
    pub(crate) id: EntityId,
    pub(crate) message: &'static str,
    pub(crate) idempotent: bool,
    pub(crate) body: Vec<u8>,
    /// Which actors wait for its answer.
    pub(crate) chain: Vec<Waiting>,
    /// An activation that has ended had it in its mailbox: it goes before all that waits.
    pub(crate) is_left_behind: bool,
    /// The sender waits for the answer, and not only for the message to be there.
    pub(crate) asks: bool,
    pub(crate) answer: Box<dyn Answer>,
}
