//! How foca tells nodes apart.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::cluster::{Incarnation, NodeId, NodeKey};

/// One start of one node, and how often it was taken for dead since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) id: NodeId,
    pub(crate) address: SocketAddr,
    /// Our own, the process's: a node that comes back from being taken for dead keeps it.
    pub(crate) incarnation: Incarnation,
    /// Rises each time the node comes back.
    pub(crate) renewal: u64,
}

impl Identity {
    pub(crate) fn new(key: NodeKey, address: SocketAddr) -> Self {
        Self { id: key.id, address, incarnation: key.incarnation, renewal: 0 }
    }

    /// For a node of which only the name and the address are known.
    pub(crate) fn unknown(id: NodeId, address: SocketAddr) -> Self {
        Self { id, address, incarnation: Incarnation(0), renewal: 0 }
    }

    pub(crate) fn key(&self) -> NodeKey {
        NodeKey { id: self.id.clone(), incarnation: self.incarnation }
    }
}

impl foca::Identity for Identity {
    type Addr = NodeId;

    fn addr(&self) -> NodeId {
        self.id.clone()
    }

    fn renew(&self) -> Option<Self> {
        Some(Self { renewal: self.renewal.checked_add(1)?, ..self.clone() })
    }

    fn win_addr_conflict(&self, other: &Self) -> bool {
        // The address only so that of two that claim to be one node, everybody prefers the same.
        let rank = |identity: &Self| (identity.incarnation, identity.renewal, identity.address);
        rank(self) > rank(other)
    }
}

#[cfg(test)]
mod tests {
    use foca::Identity as _;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_renewed_one_wins_over_the_old_and_keeps_its_incarnation(incarnation: u64, renewal in 0..u64::MAX) {
            let old = Identity {
                id: "a".into(),
                address: ([127, 0, 0, 1], 1).into(),
                incarnation: Incarnation(incarnation),
                renewal,
            };
            let new = old.renew().unwrap();
            prop_assert!(new.win_addr_conflict(&old) && !old.win_addr_conflict(&new));
            prop_assert_eq!(new.key(), old.key());
        }

        #[test]
        fn a_restarted_one_wins_over_any_renewal(incarnation in 0..u64::MAX, renewal: u64) {
            let address: SocketAddr = ([127, 0, 0, 1], 1).into();
            let old = Identity { id: "a".into(), address, incarnation: Incarnation(incarnation), renewal };
            let new = Identity { incarnation: Incarnation(incarnation + 1), renewal: 0, ..old.clone() };
            prop_assert!(new.win_addr_conflict(&old));
        }
    }
}
