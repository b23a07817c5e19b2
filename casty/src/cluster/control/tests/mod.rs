//! Raft with our store, state machine and network, whole.

mod cluster;
mod commands;
mod durable;
mod losses;
#[cfg(feature = "testkit")]
mod placed;
#[cfg(feature = "testkit")]
mod simulated;
mod slots;
mod snapshots;
mod suite;

use std::sync::Arc;

use super::{Command, NameClaim};
use crate::cluster::{Incarnation, NodeId, NodeKey};

fn key(id: &str, incarnation: u64) -> NodeKey {
    NodeKey { id: NodeId::from(id), incarnation: Incarnation(incarnation) }
}

fn genesis() -> Command {
    Command::Genesis { cluster_id: u128::MAX - 7, name: "test".into(), lease: 500, seal: None }
}

fn join(node: &NodeKey, raft_id: u64) -> Command {
    Command::Join {
        node: node.clone(),
        raft_id,
        address: format!("{node}:1").into(),
        protocol: (1, 1),
        takes_over: false,
        lease: 500,
        returns: false,
    }
}

fn register<'n>(owner: &NodeKey, names: impl IntoIterator<Item = (&'n str, u64)>) -> Command {
    let claim = |(name, actor): (&str, u64)| NameClaim { name: Arc::from(name), kind: "kind".into(), actor };
    Command::Register { owner: owner.clone(), names: names.into_iter().map(claim).collect() }
}
