//! Why a node does not start, or a cluster does not answer.

use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

use thiserror::Error;

use super::NodeId;

/// Why a node did not start. Nothing of it is left.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// A setting that cannot be.
    #[error("{0}")]
    Setting(String),
    /// The bind address is none, or none that this process may listen on.
    #[error("cannot listen on \"{bind}\": {source}; {}", bind_way_out(source))]
    Bind {
        /// What was given.
        bind: String,
        /// What the system says.
        source: io::Error,
    },
    /// Another program listens there.
    #[error(
        "{address} ({protocol}) is taken by another program, and a node needs the port for TCP and UDP: stop it, or bind another port (port 0 picks a free one)"
    )]
    AddressInUse {
        /// The address.
        address: SocketAddr,
        /// Of which protocol: `"TCP"` or `"UDP"`.
        protocol: &'static str,
    },
    /// Anybody could join.
    #[error(
        "{address} can be reached from other machines, and nothing keeps strangers out: give all nodes the same `.secret(..)`, or certificates with `.tls(..)`, or say `.insecure()`"
    )]
    Insecure {
        /// The bind address.
        address: SocketAddr,
    },
    /// The data directory cannot be used.
    #[error("the data directory {}: {problem}", path.display())]
    Data {
        /// The directory.
        path: PathBuf,
        /// What is wrong, and the way out.
        problem: String,
    },
    /// A file of [`DistributedBuilder::tls`](crate::DistributedBuilder) cannot be used.
    #[error("TLS: {}: {problem}", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong, and the way out.
        problem: String,
    },
    /// The cluster does not take this node.
    #[error("refused by {by}: {reason}")]
    Refused {
        /// Who said so.
        by: String,
        /// Why, and the way out.
        reason: String,
    },
    /// A node of this name is alive in the cluster.
    #[error(
        "\"{node}\" is a member already, at {address}, and alive: give this node another `.node_id(..)`, or stop the other first"
    )]
    NodeIdInUse {
        /// The name.
        node: NodeId,
        /// Where the other is.
        address: String,
    },
    /// The system does not give what a node needs: threads, sockets.
    #[error("the node could not start: {0}")]
    System(#[from] io::Error),
}

fn bind_way_out(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied => "this process may not: ports below 1024 are for privileged ones",
        io::ErrorKind::AddrNotAvailable => {
            "it has to be an address of this machine; where others reach it at another one, say that with `.advertise(..)`"
        }
        _ => "write an address and a port, as \"0.0.0.0:8001\"",
    }
}

/// Why the cluster did not do what it was asked.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// Nobody leads, or this node does not reach who does. Trying again can help. What was asked may have been done.
    #[error("the cluster did not answer within {after:?}: {reason}")]
    Unavailable {
        /// How long was waited.
        after: Duration,
        /// What was seen last.
        reason: String,
    },
    /// This node is no member any more.
    #[error("this node has left its cluster: {reason}")]
    NotMember {
        /// How that came.
        reason: String,
    },
    /// Another process goes by this node's id, and the cluster takes that one for the node.
    #[error("another process goes by this node's id, at {address}: stop one of the two, or give it another `.node_id(..)`")]
    NodeIdInUse {
        /// Where it is.
        address: String,
    },
    /// A setting that cannot be. Nothing was changed.
    #[error("{0}")]
    Setting(String),
    /// A node that is up cannot be given up: it may be serving. Nothing was changed.
    #[error("\"{node}\" is up, and serves what it has: stop it first, and give it up once it is down")]
    NodeIsUp {
        /// The node.
        node: NodeId,
    },
    /// The system has shut down.
    #[error("the system is shutting down")]
    ShuttingDown,
}

/// Why a node did not go on alone. See [`Cluster::recover_alone`](crate::Cluster::recover_alone).
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// A majority follows a leader. Nothing was changed.
    #[error("the cluster has a majority, which {leader} leads: there is nothing to recover")]
    Led {
        /// Who leads; it may be this node.
        leader: NodeId,
    },
    /// A majority of the voters answers, and will agree on a leader. Nothing was changed.
    #[error("{} of the cluster's {of} voters besides this node answer, {}: with them it has a majority", voters.len(), list(voters))]
    MajorityAnswers {
        /// Those besides this node.
        voters: Vec<NodeId>,
        /// How many voters there are.
        of: usize,
    },
    /// Another call was first, or the cluster has gone on as a later generation, which this node joins. Nothing was changed.
    #[error("somebody has gone on alone already: this node, by another call, or another one, whom it joins now")]
    Overtaken,
    /// This node has not come into its cluster yet. Nothing was changed.
    #[error("this node is not a member of its cluster yet: start it with `.recover_alone()` if it has a data directory")]
    NotJoined,
    /// What this node stores could not be changed, and the node ends; what it stores is as before, or of the new generation.
    /// Or it is of the new one, and has not begun to lead within 30 s: then it goes on trying.
    #[error("this node could not go on alone: {reason}")]
    Failed {
        /// What went wrong.
        reason: String,
    },
    /// The system has shut down.
    #[error("the system is shutting down")]
    ShuttingDown,
}

fn list(nodes: &[NodeId]) -> String {
    nodes.iter().map(NodeId::as_str).collect::<Vec<_>>().join(", ")
}
