//! The state of one entity, as it was after the last message that was handled whole.

use std::sync::{Arc, Mutex};

use super::Entity;
use crate::{Failure, actor::Keeper, sync::lock};

/// Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept(Arc<Mutex<Option<Box<[u8]>>>>);

impl Kept {
    pub(super) fn of(state: Option<Box<[u8]>>) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    /// Takes it out, for an entity that is put away.
    pub(super) fn take(&self) -> Option<Box<[u8]>> {
        lock(&self.0).take()
    }

    /// Makes a new instance what it was.
    ///
    /// # Errors
    /// If its bytes are none of this type's: the program has changed in a way that its states do not bear.
    pub(super) fn put_into<A: Entity>(&self, instance: &mut A) -> Result<(), Failure> {
        match &*lock(&self.0) {
            Some(state) => instance.__load(state).map_err(|error| format!("its state cannot be read: {error}").into()),
            None => Ok(()),
        }
    }
}

/// Keeps the state of an actor that is awake.
pub(super) struct Keep {
    kept: Kept,
    /// Used again for each state.
    buffer: Vec<u8>,
}

impl Keep {
    pub(super) fn new(kept: Kept) -> Self {
        Self { kept, buffer: Vec::new() }
    }
}

impl<A: Entity> Keeper<A> for Keep {
    fn keep(&mut self, state: &A) -> Result<(), Failure> {
        self.buffer.clear();
        state.__save(&mut self.buffer).map_err(|error| format!("its state cannot be kept: {error}"))?;
        let mut kept = lock(&self.kept.0);
        match &mut *kept {
            // In place, where it fits.
            Some(old) if old.len() == self.buffer.len() => old.copy_from_slice(&self.buffer),
            other => *other = Some(self.buffer.as_slice().into()),
        }
        Ok(())
    }

    fn forget(&mut self) {
        self.kept.take();
    }
}
