//! The regions of a system, one a type.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use super::{
    Entity,
    any_region::{AnyRegion, Erased},
    refused::{check_durable, no_maker, same_name},
    region::{Maker, Region},
};
use crate::ActorSystem;

type Unknown = Arc<dyn Any + Send + Sync>;

/// Made when they are first needed.
#[derive(Default)]
pub(crate) struct Regions(RwLock<HashMap<TypeId, Known>>);

struct Known {
    /// What its entities are called in the cluster.
    name: &'static str,
    type_name: &'static str,
    region: Unknown,
}

impl Regions {
    /// # Panics
    /// As [`find`](Self::find) fails.
    #[track_caller]
    pub(crate) fn of<A: Entity>(&self, system: &ActorSystem, makers: &Makers) -> Arc<Region<A>> {
        match self.find::<A>(system, makers) {
            Ok(region) => region,
            Err(why) => panic!("{why}"),
        }
    }

    /// # Errors
    /// In words, if nobody has said how entities of this type are made, if they cannot be kept as the type says, or if another
    /// type has their name.
    pub(crate) fn find<A: Entity>(&self, system: &ActorSystem, makers: &Makers) -> Result<Arc<Region<A>>, String> {
        let key = TypeId::of::<A>();
        let found = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key).map(|known| known.region.clone());
        let region = match found {
            Some(region) => region,
            None => self.make::<A>(system, makers)?,
        };
        Ok(region.downcast().unwrap_or_else(|_| unreachable!("it lies at its type's own place")))
    }

    fn make<A: Entity>(&self, system: &ActorSystem, makers: &Makers) -> Result<Unknown, String> {
        let (name, type_name) = (A::ENTITY.name, std::any::type_name::<A>());
        let make = makers.of::<A>().ok_or_else(|| no_maker(type_name))?;
        check_durable(type_name, &A::ENTITY)?;
        let mut regions = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = regions.get(&TypeId::of::<A>()) {
            return Ok(known.region.clone());
        }
        if let Some(other) = regions.values().find(|known| known.name == name) {
            return Err(same_name(other.type_name, type_name, name));
        }
        let region: Unknown = Region::<A>::new(system, system.home().clone(), make);
        regions.insert(TypeId::of::<A>(), Known { name, type_name, region: region.clone() });
        Ok(region)
    }

    pub(crate) fn erased<A: Entity>(&self, system: &ActorSystem, makers: &Makers) -> Option<Arc<dyn AnyRegion>> {
        self.find::<A>(system, makers).ok().map(|region| Self::erase(&region))
    }

    pub(super) fn erase<A: Entity>(region: &Arc<Region<A>>) -> Arc<dyn AnyRegion> {
        Arc::new(Erased(Arc::downgrade(region), region.config))
    }
}

/// How entities are made whose types do not say.
#[derive(Clone, Default)]
pub(crate) struct Makers(HashMap<TypeId, Unknown>);

impl Makers {
    pub(crate) fn add<A: Entity>(&mut self, make: Maker<A>) {
        self.0.insert(TypeId::of::<A>(), Arc::new(make));
    }

    pub(crate) fn of<A: Entity>(&self) -> Option<Maker<A>> {
        let given = self.0.get(&TypeId::of::<A>()).and_then(|make| make.downcast_ref::<Maker<A>>());
        match given {
            Some(make) => Some(make.clone()),
            None => A::__new().is_some().then(|| -> Maker<A> { Arc::new(|_| A::__new().expect("it has a `Default`")) }),
        }
    }
}

impl fmt::Debug for Makers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Makers({})", self.0.len())
    }
}
