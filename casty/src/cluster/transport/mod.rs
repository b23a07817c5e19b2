//! Connections between nodes: who comes in, links that carry messages, and calls of the control plane.

mod callee;
mod calls;
mod delivery;
mod door;
mod flight;
mod greet;
mod inbound;
mod intake;
mod letter;
mod link;
mod lookups;
mod network;
mod outbox;
mod pen;
mod replies;
mod session;
mod watches;

pub(crate) use callee::{Serve, answer};
pub(crate) use calls::{Callee, Caller};
pub(crate) use door::{Door, Refusals};
pub(crate) use greet::{Greeted, look};
pub(crate) use letter::Letter;
pub(crate) use network::Network;
pub(crate) use replies::Replies;
