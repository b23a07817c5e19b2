//! The actors that wait for each other behind an ask.

use super::{WireError, cursor::Cursor};

/// The most actors in a chain.
pub(crate) const CHAIN_LIMIT: usize = 32;

/// The longest node id on the wire, in bytes.
pub(crate) const NODE_ID_LIMIT: usize = u8::MAX as usize;

/// The chain of an ask that was read, or is to be written: who waits, from the first asker on.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Chain<'a> {
    actors: u8,
    // Each: the length of the node id, the node id, the actor. Checked when the chain was made.
    bytes: &'a [u8],
}

impl<'a> Chain<'a> {
    /// How many actors wait.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn len(&self) -> usize {
        self.actors.into()
    }

    /// Whether nobody waits: the asker is no actor.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.actors == 0
    }

    /// Each waiting actor: its node, and its number there.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'a str, u64)> + use<'a> {
        let mut cursor = Cursor::new("Request", self.bytes);
        std::iter::from_fn(move || waiting(&mut cursor).ok())
    }

    /// Whether this actor waits already: an ask of it would close a circle.
    #[cfg(test)]
    pub(crate) fn contains(&self, node: &str, actor: u64) -> bool {
        self.iter().any(|waiting| waiting == (node, actor))
    }

    /// As it is written: the number of actors, then each.
    #[inline]
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(self.actors);
        out.extend_from_slice(self.bytes);
    }

    /// The bytes that [`Chain::write`] writes.
    #[inline]
    pub(super) fn written(&self) -> usize {
        1 + self.bytes.len()
    }

    #[inline]
    pub(super) fn read(cursor: &mut Cursor<'a>) -> Result<Self, WireError> {
        let actors = cursor.u8()?;
        if usize::from(actors) > CHAIN_LIMIT {
            return Err(WireError::ChainTooLong { actors: actors.into(), limit: CHAIN_LIMIT });
        }
        let all = cursor.left();
        for _ in 0..actors {
            waiting(cursor)?;
        }
        Ok(Self { actors, bytes: &all[..all.len() - cursor.left().len()] })
    }
}

impl std::fmt::Debug for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

fn waiting<'a>(cursor: &mut Cursor<'a>) -> Result<(&'a str, u64), WireError> {
    let length = cursor.u8()?;
    Ok((cursor.text(length.into())?, cursor.u64()?))
}

/// A chain that grows by one with each ask within an ask.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ChainBuf {
    actors: u8,
    bytes: Vec<u8>,
}

impl ChainBuf {
    /// The chain, to be read or written.
    pub(crate) fn as_chain(&self) -> Chain<'_> {
        Chain { actors: self.actors, bytes: &self.bytes }
    }

    /// Adds an actor that waits from now on.
    pub(crate) fn push(&mut self, node: &str, actor: u64) -> Result<(), WireError> {
        if usize::from(self.actors) == CHAIN_LIMIT {
            return Err(WireError::ChainTooLong { actors: CHAIN_LIMIT + 1, limit: CHAIN_LIMIT });
        }
        let Ok(length) = u8::try_from(node.len()) else {
            return Err(WireError::NameTooLong { field: "node id", bytes: node.len(), limit: NODE_ID_LIMIT });
        };
        self.actors += 1;
        self.bytes.push(length);
        self.bytes.extend_from_slice(node.as_bytes());
        self.bytes.extend_from_slice(&actor.to_le_bytes());
        Ok(())
    }
}

impl From<Chain<'_>> for ChainBuf {
    fn from(Chain { actors, bytes }: Chain<'_>) -> Self {
        Self { actors, bytes: bytes.to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_knows_who_waits() {
        let mut chain = ChainBuf::default();
        assert!(chain.as_chain().is_empty());
        chain.push("a", 1).unwrap();
        chain.push("b", 2).unwrap();
        let chain = chain.as_chain();
        assert_eq!(chain.iter().collect::<Vec<_>>(), [("a", 1), ("b", 2)]);
        assert!(chain.contains("b", 2) && !chain.contains("a", 2));
        assert_eq!(ChainBuf::from(chain).as_chain(), chain);
    }

    #[test]
    fn a_chain_takes_32_actors_and_no_more() {
        let mut chain = ChainBuf::default();
        (0..32).for_each(|actor| chain.push("node", actor).unwrap());
        assert_eq!(chain.push("node", 32), Err(WireError::ChainTooLong { actors: 33, limit: 32 }));
        assert_eq!(chain.as_chain().len(), 32);
        assert!(matches!(ChainBuf::default().push(&"x".repeat(256), 1), Err(WireError::NameTooLong { bytes: 256, .. })));
    }
}
