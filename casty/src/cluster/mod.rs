//! Many systems as one: nodes that find each other, agree, notice failures, and reach each other's actors.
//!
//! The local runtime knows nothing of this module; it is a user of the runtime.

#![allow(dead_code, unused_imports, reason = "parts land before what uses them")]

mod control;
mod lease;
mod node;
mod swim;
mod wire;

pub(crate) use node::NodeKey;
pub use node::{Incarnation, NodeId};
pub use swim::{InvalidSwimConfig, SwimConfig};
