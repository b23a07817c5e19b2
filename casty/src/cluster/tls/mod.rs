//! TLS between nodes: its files, the handshakes, and what goes wrong with either. What is said within is `transport`'s.

#[cfg(test)]
mod authority;
mod error;
mod files;
mod handshakes;
mod renewal;

use std::path::PathBuf;

#[cfg(test)]
pub(crate) use self::authority::Authority;
pub(crate) use self::{
    error::TlsError,
    files::Configs,
    handshakes::{Handshakes, Running},
};

/// Mutual TLS between the nodes of a cluster. See [`DistributedBuilder::tls`](crate::DistributedBuilder::tls).
///
/// All three are PEM files. They are read when the node starts, and again when they have changed: what was renewed is shown on
/// new connections within a minute.
///
/// ```no_run
/// use casty::{Tls, prelude::*};
///
/// # async fn example() -> casty::Result<()> {
/// let tls = Tls { ca: "ca.pem".into(), certificate: "node1.pem".into(), key: "node1.key".into() };
/// let system = ActorSystem::distributed("0.0.0.0:8001").tls(tls).start().await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificates of those whose signature makes a node one of this cluster. One of the cluster's own: whoever has a
    /// certificate by one of these is let in.
    pub ca: PathBuf,
    /// This node's certificate, with those between it and the CA's behind it, if there are any. It has to name, as a DNS
    /// name or an IP address, what the other nodes dial, and to be good for servers and for clients.
    pub certificate: PathBuf,
    /// The certificate's private key: PKCS #8, SEC1 or PKCS #1.
    pub key: PathBuf,
}
