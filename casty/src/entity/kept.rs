//! What keeps the state of an entity that is awake.

use std::sync::Arc;

use super::{
    Entity,
    home::{Home, Key},
};
use crate::{
    Failure,
    actor::Keeper,
    reply::{Outputs, Wait},
};

pub(super) struct Keep {
    home: Arc<dyn Home>,
    key: Key,
    /// When it was woken. See [`Home::has`].
    term: u64,
    outputs: Arc<Outputs>,
    is_strict: bool,
    /// Used again for each state.
    buffer: Vec<u8>,
}

/// A buffer that has grown beyond this is given back.
const LARGE: usize = 64 * 1024;

impl Keep {
    pub(super) fn new(home: Arc<dyn Home>, key: Key, term: u64, outputs: Arc<Outputs>, is_strict: bool) -> Self {
        Self { home, key, term, outputs, is_strict, buffer: Vec::new() }
    }
}

impl<A: Entity> Keeper<A> for Keep {
    fn keep(&mut self, state: &A) -> Result<Option<Wait>, Failure> {
        self.buffer.clear();
        state.__save(&mut self.buffer).map_err(|error| format!("its state cannot be kept: {error}"))?;
        let kept = self.home.keep(&self.key, self.term, Some(&self.buffer), &self.outputs);
        if self.buffer.capacity() > LARGE {
            self.buffer = Vec::new();
        }
        Ok(kept)
    }

    fn may_change(&self) -> bool {
        !self.is_strict || self.home.has_backups(&self.key)
    }

    fn forget(&mut self) -> Option<Wait> {
        self.home.keep(&self.key, self.term, None, &self.outputs)
    }
}

/// Makes a new instance what the entity is.
///
/// # Errors
/// If its bytes are none of this type's: the program has changed in a way that its states do not bear.
pub(super) fn put_into<A: Entity>(instance: &mut A, state: Option<Arc<[u8]>>) -> Result<(), Failure> {
    match state {
        Some(state) => instance.__load(&state).map_err(|error| format!("its state cannot be read: {error}").into()),
        None => Ok(()),
    }
}
