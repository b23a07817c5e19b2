//! The types of entities that this program has, by their names and by their numbers in the cluster.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use crate::{
    ActorSystem,
    cluster::placement::{HASH, Slot, TypeNumber, TypeSettings, TypeTable, hash_of, slot_of_hash},
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

    /// What is agreed on by now holds for all that go by it on this node.
    pub(super) fn follow(&self, types: &TypeTable) {
        for (name, kind) in self.0.write().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            if let Some((_, settings)) = types.newest(name).filter(|(_, settings)| *settings != kind.settings) {
                kind.settings = settings;
                kind.region.agreed(settings.sync > 0, settings.strict);
            }
        }
    }

    pub(super) fn add(&self, name: Arc<str>, kind: Kind) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(name, kind);
    }
}

/// Whether a program that has a type with these settings can serve it where others are agreed on.
///
/// # Errors
/// In words, with the way out, if that promises less than the program says, or is about other entities.
pub(super) fn check_agreed(name: &str, wanted: &TypeSettings, agreed: &TypeSettings) -> Result<(), String> {
    if wanted.singleton != agreed.singleton {
        let (mine, theirs) = if wanted.singleton { ("a singleton", "sharded") } else { ("sharded", "a singleton") };
        return Err(format!("\"{name}\" is {mine} in this program and {theirs} in the cluster: give it another name"));
    }
    if wanted.hash != agreed.hash {
        return Err(format!(
            "\"{name}\" has its entities in other slots in this program's version of casty than in the cluster's (version {} of \
             the hash, and {}): run the same version of casty on all nodes, or give it another name",
            wanted.hash, agreed.hash
        ));
    }
    if wanted.promise_more_than(agreed) {
        return Err(format!(
            "\"{name}\" is `{wanted}` in this program, and the cluster has agreed on `{agreed}`, which promises less: have a node \
             that runs change that first, by `Cluster::change_replication`, or give the type another name"
        ));
    }
    if wanted != agreed {
        tracing::warn!(
            kind = %name, in_this_program = %wanted, agreed = %agreed,
            "the cluster has agreed on other settings for this type than this program has; those that are agreed on hold"
        );
    }
    Ok(())
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
pub(crate) fn settings(config: &EntityConfig) -> TypeSettings {
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
        hash: HASH,
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

    #[test]
    fn what_promises_less_than_the_program_says_or_is_about_other_entities_is_refused() {
        let settings =
            |factor, sync| TypeSettings { factor, sync, strict: false, accepts_loss: false, singleton: false, hash: HASH };
        let wanted = settings(3, 1);
        for same_or_more in [wanted, settings(3, 2), settings(5, 1)] {
            assert_eq!(check_agreed("x", &wanted, &same_or_more), Ok(()));
        }
        for less in [settings(2, 1), settings(3, 0), TypeSettings { accepts_loss: true, ..wanted }] {
            let why = check_agreed("x", &wanted, &less).unwrap_err();
            assert!(why.contains("\"x\" is `factor = 3, sync = 1,") && why.contains(&format!("`{less}`")), "{why}");
            assert!(why.contains("change_replication"), "{why}");
        }
        let hashed = check_agreed("x", &wanted, &TypeSettings { hash: 7, ..wanted }).unwrap_err();
        assert!(hashed.contains("version 0 of the hash, and 7"), "{hashed}");
        let single = check_agreed("x", &wanted, &TypeSettings { singleton: true, ..wanted }).unwrap_err();
        assert!(single.contains("sharded in this program and a singleton"), "{single}");
    }

    #[tokio::test]
    async fn a_type_that_the_builder_can_make_is_served() {
        let system = ActorSystem::builder().entities(|_: &EntityId| Unmade).build();
        assert_eq!(check_all(&[EntityType::of::<Unmade>()], &system), Ok(()));
        system.shutdown().await;
    }
}
