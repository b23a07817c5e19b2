//! Names of actors.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex},
};

use crate::{
    SpawnError,
    actor::{ActorId, AnyCell},
    sync::lock,
};

#[derive(Default)]
pub(super) struct Names(Mutex<HashMap<Arc<str>, Arc<dyn AnyCell>>>);

impl Names {
    pub(super) fn get(&self, name: &str) -> Option<Arc<dyn AnyCell>> {
        lock(&self.0).get(name).cloned()
    }

    pub(super) fn take(&self, name: &Arc<str>, cell: Arc<dyn AnyCell>) -> Result<(), SpawnError> {
        match lock(&self.0).entry(name.clone()) {
            Entry::Vacant(free) => {
                free.insert(cell);
                Ok(())
            }
            Entry::Occupied(taken) => Err(SpawnError::NameTaken { name: name.clone(), by: taken.get().label() }),
        }
    }

    /// Frees the name if it is this actor's.
    pub(super) fn free(&self, name: &Arc<str>, id: ActorId) {
        let mut names = lock(&self.0);
        if names.get(name).is_some_and(|cell| cell.id() == id) {
            names.remove(name);
        }
    }
}
