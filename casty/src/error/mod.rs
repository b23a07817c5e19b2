//! The errors of each operation. Every one says where it happened and whether the message can have been handled.

mod ask;
mod label;
mod names;
mod send;

pub use ask::AskError;
pub use label::ActorLabel;
pub use names::{LookupError, SpawnError};
pub use send::{SendError, TrySendError, Undelivered};

fn too_large(bytes: u64, limit: u64) -> String {
    format!(
        "it has {bytes} bytes, and a message between nodes may have {limit}; send less at once, or raise `.max_message(..)` on every node"
    )
}
