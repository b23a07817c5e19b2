//! The types of entities that this program has, by their names and by their numbers in the cluster.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use crate::{
    ActorSystem,
    cluster::placement::{Slot, TypeNumber, TypeSettings, hash_of, slot_of_hash},
    entity::{AnyRegion, Durable, EntityConfig, EntityId, OnLoss, SyncCount},
    registry::{EntityType, entity_types},
};

#[derive(Clone)]
pub(super) struct Kind {
    pub(super) number: TypeNumber,
    /// What the cluster has agreed on.
    pub(super) settings: TypeSettings,
    /// Of its name. See [`kind_seed`].
    pub(super) seed: u64,
    pub(super) region: Arc<dyn AnyRegion>,
}

#[derive(Default)]
pub(super) struct Kinds(RwLock<BTreeMap<Arc<str>, Kind>>);

impl Kinds {
    pub(super) fn number(&self, name: &str) -> Option<TypeNumber> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).map(|kind| kind.number)
    }

    pub(super) fn of(&self, name: &str) -> Option<Kind> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub(super) fn regions(&self) -> Vec<Arc<dyn AnyRegion>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().map(|kind| kind.region.clone()).collect()
    }

    pub(super) fn all(&self) -> Vec<Kind> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(super) fn add(&self, name: Arc<str>, kind: Kind) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(name, kind);
    }
}

/// A type, as it is declared, with its region.
pub(crate) type Declared = (EntityType, TypeSettings, Arc<dyn AnyRegion>);

/// The types of this program, as they are declared, with their regions.
///
/// # Errors
/// In words, if one cannot be served.
pub(crate) fn declared(system: &ActorSystem) -> Result<Vec<Declared>, String> {
    let types = entity_types();
    for pair in types.windows(2) {
        if pair[0].config.name == pair[1].config.name {
            let (one, other) = ((pair[0].type_name)(), (pair[1].type_name)());
            return Err(format!(
                "`{one}` and `{other}` are both named \"{}\": give one of them a name of its own",
                pair[0].config.name
            ));
        }
    }
    types
        .into_iter()
        .map(|kind| {
            let name = (kind.type_name)();
            if kind.config.durable != Durable::Memory {
                return Err(format!("`{name}` is `durable`, which this version of casty does not have yet: its copies live in memory"));
            }
            let region = (kind.region)(system).ok_or_else(|| {
                format!("nobody has said how a `{name}` is made: derive `Default` for it, or give the builder `.entities(|id: &EntityId| ..)`")
            })?;
            Ok((kind, settings(kind.config), region))
        })
        .collect()
}

/// What the cluster agrees on about a type.
fn settings(config: &EntityConfig) -> TypeSettings {
    let factor = config.factor.max(1);
    let sync = match config.sync {
        SyncCount::Of(count) => count.min(factor - 1),
        SyncCount::Quorum => factor / 2,
        SyncCount::All => factor - 1,
    };
    TypeSettings {
        factor,
        sync,
        strict: config.strict,
        accepts_loss: config.on_loss == OnLoss::Accept || sync == 0,
        singleton: config.singleton,
    }
}

impl Kind {
    /// Which entities of a slot are to be awake without a message, if all of them are `there`.
    pub(super) fn standing(&self, slot: Slot, there: impl FnOnce() -> Vec<EntityId>) -> Vec<EntityId> {
        let config = self.region.config();
        if config.singleton {
            let only = slot_of_hash(hash_of(self.seed, ""));
            return if only == slot { vec!["".into()] } else { Vec::new() };
        }
        if config.remember { there() } else { Vec::new() }
    }
}
