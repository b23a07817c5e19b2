//! Many systems as one: nodes that find each other, agree, notice failures, and reach each other's actors.
//!
//! The local runtime knows nothing of this module; it is a user of the runtime.

mod address;
mod alone;
mod anew;
mod api;
pub(crate) mod control;
mod environment;
mod error;
mod generation;
mod join;
mod lease;
mod life;
mod myself;
mod names;
mod neighbours;
mod node;
mod placement;
mod replication;
mod running;
mod settings;
mod shard;
mod start;
mod stored;
mod swim;
#[cfg(feature = "tls")]
mod tls;
mod transport;
pub(crate) mod wire;

pub use api::{Cluster, ClusterEvent, ClusterEvents, Member, MemberStatus};
pub use error::{ClusterError, RecoverError, StartError};
pub(crate) use neighbours::is_neighbour;
pub(crate) use node::NodeKey;
pub use node::{Incarnation, NodeId};
pub(crate) use placement::{Epoch, Slot, hash_of, kind_seed, slot_of_hash};
pub use settings::{DistributedBuilder, RaftConfig};
pub use swim::{InvalidSwimConfig, SwimConfig};
#[cfg(feature = "tls")]
pub use tls::Tls;
#[cfg(feature = "testkit")]
pub(crate) use {
    control::SimDisk,
    placement::{Chain, Configuration, SLOTS, Stage},
    running::Running,
};
