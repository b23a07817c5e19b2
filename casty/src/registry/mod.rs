//! What the macros submit: an entry for each actor type of the program, and one for each type of entities.

use std::{fmt, sync::Arc};

use crate::{
    ActorSystem, Entity,
    entity::{AnyRegion, EntityConfig},
};

/// An actor type that this program has.
#[derive(Debug, Clone, Copy)]
pub struct ActorEntry {
    /// Its declared name.
    pub name: &'static str,
    /// Its path in the program, for messages to people.
    pub type_name: fn() -> &'static str,
}

impl ActorEntry {
    /// The entry of `A`.
    pub const fn new<A: crate::Actor>() -> Self {
        Self { name: A::NAME, type_name: std::any::type_name::<A> }
    }
}

inventory::collect!(ActorEntry);

/// A type of entities that this program has; `None` for what turned out to be no such type.
#[derive(Debug, Clone, Copy)]
pub struct EntityEntry(pub Option<EntityType>);

/// A type of entities.
#[derive(Clone, Copy)]
pub struct EntityType {
    pub(crate) config: &'static EntityConfig,
    /// Its path in the program, for messages to people.
    pub(crate) type_name: fn() -> &'static str,
    /// Whether a system can make them.
    pub(crate) is_made: fn(&ActorSystem) -> bool,
    /// Its region in a system, unless nobody has said how they are made.
    pub(crate) region: fn(&ActorSystem) -> Option<Arc<dyn AnyRegion>>,
}

impl EntityType {
    /// That of `A`.
    pub const fn of<A: Entity>() -> Self {
        Self {
            config: &A::ENTITY,
            type_name: std::any::type_name::<A>,
            is_made: ActorSystem::makes::<A>,
            region: ActorSystem::region_of::<A>,
        }
    }
}

impl fmt::Debug for EntityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntityType({})", self.config.name)
    }
}

inventory::collect!(EntityEntry);

/// The type of entities of that name.
pub(crate) fn entity_type(name: &str) -> Option<EntityType> {
    inventory::iter::<EntityEntry>.into_iter().filter_map(|entry| entry.0).find(|kind| kind.config.name == name)
}

/// All types of entities that this program has, by name.
pub(crate) fn entity_types() -> Vec<EntityType> {
    // Of this library's own tests each node would have all types of all tests, among them those that cannot be served.
    if cfg!(test) {
        return Vec::new();
    }
    let mut types: Vec<_> = inventory::iter::<EntityEntry>.into_iter().filter_map(|entry| entry.0).collect();
    types.sort_by_key(|kind| (kind.config.name, (kind.type_name)()));
    types
}
