//! What keeps the state of an entity that is awake.

use std::{cell::RefCell, sync::Arc};

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
}

thread_local! {
    /// Used again for each state.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A buffer that has grown beyond this is given back.
const LARGE: usize = 64 * 1024;

impl Keep {
    pub(super) fn new(home: Arc<dyn Home>, key: Key, term: u64, outputs: Arc<Outputs>, is_strict: bool) -> Self {
        Self { home, key, term, outputs, is_strict }
    }
}

impl<A: Entity> Keeper<A> for Keep {
    fn keep(&mut self, state: &A) -> Result<Option<Wait>, Failure> {
        // What saves it is the user's, and may make use of others.
        let mut buffer = BUFFER.take();
        buffer.clear();
        state.__save(&mut buffer).map_err(|error| format!("its state cannot be kept: {error}"))?;
        if buffer.len() > LARGE && buffer.len() + self.key.id.as_str().len() > self.home.most() {
            let (bytes, most) = (buffer.len(), self.home.most());
            return Err(format!("its state has {bytes} bytes, and copies may have {most}; keep less in one entity, or raise `.max_message(..)` on every node").into());
        }
        let kept = self.home.keep(&self.key, self.term, Some(&buffer), &self.outputs);
        if buffer.capacity() <= LARGE {
            BUFFER.set(buffer);
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
