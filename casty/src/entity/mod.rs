//! Actors by id. Each is made when it is first needed and put away when it is idle; its state is kept.

mod alone;
mod any_entity;
mod any_region;
mod config;
mod home;
mod id;
mod kept;
#[cfg(test)]
mod lingering_tests;
mod posting;
mod probed;
mod reference;
mod refused;
mod region;
mod regions;
mod replication;
mod sending;
mod state;
#[cfg(test)]
mod tests;

pub use config::{Durable, EntityConfig, OnLoss, SyncCount};
pub use id::EntityId;
pub use probed::{Construct, Custom, CustomState, IdField, Identify, Load, Save, StateField};
pub use state::{Saved, State};

pub(crate) use alone::Alone;
pub(crate) use any_entity::AnyEntity;
pub(crate) use any_region::{AnyRegion, Woken};
pub(crate) use home::{Home, Key, Post};
pub(crate) use posting::post_left_behind;
pub use reference::{EntityRef, Sharded};
pub(crate) use refused::{check_durable, no_maker, same_name};
pub(crate) use regions::{Makers, Regions};
pub(crate) use replication::Overrides;
pub use replication::ReplicationConfig;
pub use sending::EntitySending;

use crate::{actor::Actor, wire::CodecError};

/// An actor with an id and a state that is kept. Written by `#[sharded]` and `#[singleton]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no entity",
    label = "not an actor by id",
    note = "put `#[sharded]` on `struct {Self}`, or `#[singleton]` if there is one of it, below its `#[actor]`"
)]
pub trait Entity: Actor {
    /// What the attribute says.
    #[doc(hidden)]
    const ENTITY: EntityConfig;

    /// A new one, where the type says how: by its `Default`.
    #[doc(hidden)]
    fn __new() -> Option<Self>;
    /// Fills in the field that is the id.
    #[doc(hidden)]
    fn __identify(&mut self, id: &EntityId);
    /// Its state's bytes, behind what is in `into`.
    #[doc(hidden)]
    fn __save(&self, into: &mut Vec<u8>) -> Result<(), CodecError>;
    /// Puts back a state that was saved. Fields that are not in it stay as they are.
    #[doc(hidden)]
    fn __load(&mut self, state: &[u8]) -> Result<(), CodecError>;
}

/// An entity with `#[sharded]`: many of a type, each by its id.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not sharded",
    label = "not an actor by id",
    note = "put `#[sharded]` on `struct {Self}`, below its `#[actor]`"
)]
pub trait ShardedActor: Entity {}

/// An entity with `#[singleton]`: one in the whole cluster.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no singleton",
    label = "not the only one of its type",
    note = "put `#[singleton]` on `struct {Self}`, below its `#[actor]`"
)]
pub trait SingletonActor: Entity {}
