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
    region::{Maker, Region},
};
use crate::ActorSystem;

type Unknown = Arc<dyn Any + Send + Sync>;

/// Made when they are first needed.
#[derive(Default)]
pub(crate) struct Regions(RwLock<HashMap<TypeId, Unknown>>);

impl Regions {
    /// # Panics
    /// If nobody has said how entities of this type are made.
    #[track_caller]
    pub(crate) fn of<A: Entity>(&self, system: &ActorSystem, makers: &Makers) -> Arc<Region<A>> {
        match self.find::<A>(system, makers) {
            Some(region) => region,
            None => panic!("{}", no_maker(std::any::type_name::<A>())),
        }
    }

    /// `None` if nobody has said how entities of this type are made.
    pub(crate) fn find<A: Entity>(&self, system: &ActorSystem, makers: &Makers) -> Option<Arc<Region<A>>> {
        let key = TypeId::of::<A>();
        let found = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let region = match found {
            Some(region) => region,
            None => {
                let make = makers.of::<A>()?;
                let mut regions = self.0.write().unwrap_or_else(PoisonError::into_inner);
                regions.entry(key).or_insert_with(|| Region::<A>::new(system, system.home().clone(), make)).clone()
            }
        };
        region.downcast().ok()
    }

    pub(crate) fn erased<A: Entity>(&self, system: &ActorSystem, makers: &Makers) -> Option<Arc<dyn AnyRegion>> {
        self.find::<A>(system, makers).map(|region| Self::erase(&region))
    }

    pub(super) fn erase<A: Entity>(region: &Arc<Region<A>>) -> Arc<dyn AnyRegion> {
        Arc::new(Erased(Arc::downgrade(region), region.config))
    }
}

pub(crate) fn no_maker(name: &str) -> String {
    format!(
        "nobody has said how a `{name}` is made: derive `Default` for it, or give the system's builder `.entities(|id: &EntityId| ..)`"
    )
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
