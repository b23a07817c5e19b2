//! Which entity of its type.

use std::{borrow::Borrow, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// An entity's name within its type: any text. Cheap to clone. (Its `Default` is empty: for the `Default` of an entity that
/// has it as a field, which is filled in then.)
///
/// ```
/// use casty::EntityId;
///
/// let id = EntityId::from("alice");
/// assert_eq!(id.as_str(), "alice");
/// assert_eq!(id, EntityId::from(format!("al{}", "ice")));
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntityId(Arc<str>);

impl EntityId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for EntityId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for EntityId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for EntityId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for EntityId {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&String> for EntityId {
    fn from(text: &String) -> Self {
        Self(text.as_str().into())
    }
}

impl From<Arc<str>> for EntityId {
    fn from(text: Arc<str>) -> Self {
        Self(text)
    }
}

impl From<&Self> for EntityId {
    fn from(id: &Self) -> Self {
        id.clone()
    }
}

impl From<&EntityId> for String {
    fn from(id: &EntityId) -> Self {
        id.as_str().into()
    }
}

impl From<&EntityId> for Arc<str> {
    fn from(id: &EntityId) -> Self {
        id.0.clone()
    }
}

impl From<&EntityId> for Box<str> {
    fn from(id: &EntityId) -> Self {
        id.as_str().into()
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}
