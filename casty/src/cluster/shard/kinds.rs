//! The types of entities that this program has, by their names and by their numbers in the cluster.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use crate::{
    ActorSystem,
    cluster::placement::{Slot, TypeNumber, TypeSettings, hash_of, slot_of_hash},
    entity::{AnyRegion, EntityConfig, EntityId, OnLoss, SyncCount, check_durable, no_maker, same_name},
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

/// Whether this program's types can be served.
///
/// # Errors
/// In words, with the way out, if one cannot.
pub(crate) fn check(system: &ActorSystem) -> Result<(), String> {
    check_all(&entity_types(), system)
}

/// The same of these, which are in the order of their names.
fn check_all(types: &[EntityType], system: &ActorSystem) -> Result<(), String> {
    for pair in types.windows(2) {
        if pair[0].config.name == pair[1].config.name {
            let (one, other) = ((pair[0].type_name)(), (pair[1].type_name)());
            return Err(same_name(one, other, pair[0].config.name));
        }
    }
    for kind in types {
        let name = (kind.type_name)();
        check_durable(name, kind.config)?;
        if !(kind.is_made)(system) {
            return Err(no_maker(name));
        }
    }
    Ok(())
}

/// The types of this program, as they are declared, with their regions.
pub(crate) fn declared(system: &ActorSystem) -> Vec<Declared> {
    let region = |kind: EntityType| (kind.region)(system).map(|region| (kind, settings(region.config()), region));
    entity_types().into_iter().filter_map(region).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    #[actor]
    #[sharded(name = "check.made", sync = quorum)]
    #[derive(Default)]
    struct Made;

    #[actor]
    impl Made {}

    #[actor]
    #[sharded(name = "check.made", sync = 1)]
    #[derive(Default)]
    struct Twin;

    #[actor]
    impl Twin {}

    #[actor]
    #[sharded(name = "check.unmade")]
    struct Unmade;

    #[actor]
    impl Unmade {}

    #[actor]
    #[sharded(name = "check.kept", durable = disk)]
    #[derive(Default)]
    struct Kept;

    #[actor]
    impl Kept {}

    fn wrong(types: &[EntityType], system: &ActorSystem) -> String {
        check_all(types, system).expect_err("it cannot be served")
    }

    #[casty::test]
    async fn what_cannot_be_served_is_named_with_the_way_out(system: ActorSystem) {
        let made = EntityType::of::<Made>();
        assert_eq!(check_all(&[made], &system), Ok(()));
        let twins = wrong(&[made, EntityType::of::<Twin>()], &system);
        assert!(twins.contains("Made` and `") && twins.contains("\"check.made\""), "{twins}");
        let unmade = wrong(&[made, EntityType::of::<Unmade>()], &system);
        assert!(unmade.contains("Unmade`") && unmade.contains("`.entities(|id: &EntityId| ..)`"), "{unmade}");
        let kept = wrong(&[EntityType::of::<Kept>()], &system);
        assert!(kept.contains("Kept` is `durable = disk`"), "{kept}");
    }

    #[tokio::test]
    async fn a_type_that_the_builder_can_make_is_served() {
        let system = ActorSystem::builder().entities(|_: &EntityId| Unmade).build();
        assert_eq!(check_all(&[EntityType::of::<Unmade>()], &system), Ok(()));
        system.shutdown().await;
    }
}
