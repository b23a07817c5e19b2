//! What is kept of an entity.

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};

/// Says what is kept of an actor, in place of its fields: for `#[sharded(state = custom)]`.
///
/// ```
/// use casty::State;
///
/// struct Counter {
///     counts: Vec<u64>,
///     sum: u64,
/// }
///
/// impl State for Counter {
///     type Snapshot = Vec<u64>;
///
///     fn get_state(&self) -> Vec<u64> {
///         self.counts.clone()
///     }
///
///     fn set_state(&mut self, counts: Vec<u64>) {
///         self.sum = counts.iter().sum();
///         self.counts = counts;
///     }
/// }
/// ```
pub trait State {
    /// What is kept.
    type Snapshot: Serialize + DeserializeOwned;

    /// What is kept of it now.
    fn get_state(&self) -> Self::Snapshot;

    /// Makes it what it was. It is new otherwise.
    fn set_state(&mut self, snapshot: Self::Snapshot);
}

/// A field that may be missing from a state of another version of the program. (An `Option` would take a `None` that was
/// saved for one that was not.)
#[derive(Debug)]
pub enum Saved<T> {
    /// It was not saved.
    No,
    /// It was.
    Yes(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Saved<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::Yes)
    }
}

impl<T> Saved<T> {
    /// What a field is that was not saved. (`Default` would be asked of `T`, too.)
    pub fn no() -> Self {
        Self::No
    }

    /// Puts the value there, if it was saved.
    pub fn put(self, into: &mut T) {
        if let Self::Yes(value) = self {
            *into = value;
        }
    }
}
