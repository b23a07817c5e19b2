//! The state as bytes: what a node that is far behind gets, and what a start begins with.

use std::{collections::BTreeMap, io, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    names::{self, FrozenNames, NameEntry, Names},
    state::{Cluster, Member, Past, State},
};
use crate::cluster::{
    NodeId,
    placement::{SLOTS, SlotTable, TypeTable},
};

/// The version of the form below. A reader knows its own and older ones.
const FORMAT: u32 = 1;

/// No snapshot is larger than this many bytes: what claims to be is refused.
pub(crate) const MAX_SNAPSHOT: u64 = 1 << 30;

/// The state of one moment, cheap to make, that can be encoded on another thread.
pub(super) struct Frozen {
    cluster: Option<Cluster>,
    members: Arc<BTreeMap<NodeId, Member>>,
    past: Arc<BTreeMap<NodeId, Past>>,
    types: Arc<TypeTable>,
    slots: Arc<SlotTable>,
    names: FrozenNames,
}

/// The form on disk and on the wire.
#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    cluster: Option<Cluster>,
    members: Arc<BTreeMap<NodeId, Member>>,
    #[serde(default)]
    past: Arc<BTreeMap<NodeId, Past>>,
    #[serde(default)]
    types: Arc<TypeTable>,
    #[serde(default)]
    slots: Arc<SlotTable>,
    names: Vec<(Arc<str>, NameEntry)>,
}

impl State {
    pub(super) fn freeze(&self) -> Frozen {
        Frozen {
            cluster: self.cluster.clone(),
            members: self.members.clone(),
            past: self.past.clone(),
            types: self.types.clone(),
            slots: self.slots.clone(),
            names: self.names.freeze(),
        }
    }
}

impl Frozen {
    /// Equal states give equal bytes.
    pub(super) fn encode(&self) -> io::Result<Vec<u8>> {
        let mut names: Vec<_> = names::entries(&self.names).map(|(name, entry)| (name.clone(), entry.clone())).collect();
        names.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let Self { cluster, members, past, types, slots, .. } = self;
        let (cluster, members, past) = (cluster.clone(), members.clone(), past.clone());
        let (types, slots) = (types.clone(), slots.clone());
        let stored = Stored { format: FORMAT, cluster, members, past, types, slots, names };
        rmp_serde::to_vec_named(&stored).map_err(io::Error::other)
    }
}

/// Whom the state is about.
#[derive(Deserialize)]
pub(super) struct Outline {
    pub(super) cluster: Option<Cluster>,
    pub(super) members: Arc<BTreeMap<NodeId, Member>>,
}

/// That alone, of what was encoded.
pub(super) fn outline(bytes: &[u8]) -> io::Result<Outline> {
    rmp_serde::from_slice(bytes)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("no snapshot of ours: {error}")))
}

/// The state that was encoded.
pub(super) fn decode(bytes: &[u8]) -> io::Result<State> {
    #[derive(Deserialize)]
    struct Head {
        format: u32,
    }
    let bad =
        |error: rmp_serde::decode::Error| io::Error::new(io::ErrorKind::InvalidData, format!("no snapshot of ours: {error}"));
    let Head { format } = rmp_serde::from_slice(bytes).map_err(bad)?;
    if format > FORMAT {
        let what = format!("the snapshot has format {format}, and this version of casty knows none above {FORMAT}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    let Stored { cluster, members, past, types, slots, names: entries, .. } = rmp_serde::from_slice(bytes).map_err(bad)?;
    if !slots.is_empty() && slots.len() != SLOTS {
        let what = format!("no snapshot of ours: it has {} slots, and there are {SLOTS}", slots.len());
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    let names = Names::default();
    for (name, entry) in entries {
        names.take(&name, entry);
    }
    Ok(State { cluster, members, past, types, slots, names, ..State::default() })
}
