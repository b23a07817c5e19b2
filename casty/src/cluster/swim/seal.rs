//! What is put around each datagram, so that only nodes of this cluster are listened to.

use std::fmt;

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::host::Host;

/// A magic byte that no text starts with, and the format's version.
const PREFIX: [u8; 2] = [0xca, 1];
const TAG: usize = 16;

/// By how much a sealed datagram is longer.
pub(super) const OVERHEAD: usize = PREFIX.len() + TAG;

/// What only the members of a cluster know, where they have no secret: made by chance once, and part of what they agree on.
/// Shown nowhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SealKey(#[serde(with = "serde_bytes")] [u8; 32]);

impl SealKey {
    pub(crate) fn new(host: &Host) -> Self {
        let mut key = [0; 32];
        for part in key.chunks_mut(8) {
            part.copy_from_slice(&host.random().to_le_bytes());
        }
        Self(key)
    }

    #[cfg(test)]
    pub(crate) fn of(byte: u8) -> Self {
        Self([byte; 32])
    }

    pub(crate) fn seal(&self, cluster: &str) -> Seal {
        Seal::by(&self.0, 2, cluster)
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(..)")
    }
}

/// Seals and opens datagrams: with a secret or a key by a keyed tag, else by the cluster's name in the place of one, which keeps
/// clusters apart that were mixed up, and nobody out.
#[derive(Clone)]
pub(crate) struct Seal {
    key: Hmac<Sha256>,
}

impl Seal {
    pub(crate) fn new(cluster: &str, secret: Option<&[u8]>) -> Self {
        Self::by(secret.unwrap_or(b"no secret"), u8::from(secret.is_some()), cluster)
    }

    /// `kind` keeps keys apart that come from elsewhere.
    fn by(key: &[u8], kind: u8, cluster: &str) -> Self {
        let mut derived = keyed(key);
        derived.update(b"casty swim 1");
        derived.update(&[kind]);
        derived.update(cluster.as_bytes());
        Self { key: keyed(&derived.finalize().into_bytes()) }
    }

    pub(crate) fn seal(&self, packet: &[u8]) -> Vec<u8> {
        let tag = self.mac(packet).finalize().into_bytes();
        let mut sealed = Vec::with_capacity(packet.len() + OVERHEAD);
        sealed.extend_from_slice(&PREFIX);
        sealed.extend_from_slice(&tag[..TAG]);
        sealed.extend_from_slice(packet);
        sealed
    }

    /// The packet, if it comes from a node that has the same secret and is of a cluster of the same name.
    pub(crate) fn open<'a>(&self, sealed: &'a [u8]) -> Option<&'a [u8]> {
        let (tag, packet) = sealed.strip_prefix(&PREFIX)?.split_at_checked(TAG)?;
        // In constant time.
        self.mac(packet).verify_truncated_left(tag).ok()?;
        Some(packet)
    }

    fn mac(&self, packet: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.key.clone();
        mac.update(&PREFIX);
        mac.update(packet);
        mac
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn opened_by_the_same_secret_and_cluster_only() {
        let sealed = Seal::new("a", Some(b"secret")).seal(b"packet");
        assert_eq!(sealed.len(), b"packet".len() + OVERHEAD);
        assert_eq!(Seal::new("a", Some(b"secret")).open(&sealed), Some(&b"packet"[..]));
        for other in
            [Seal::new("a", Some(b"other")), Seal::new("b", Some(b"secret")), Seal::new("a", None), SealKey::of(1).seal("a")]
        {
            assert_eq!(other.open(&sealed), None);
        }
    }

    #[test]
    fn a_key_is_no_secret() {
        let sealed = SealKey::of(b's').seal("a").seal(b"packet");
        assert_eq!(SealKey::of(b's').seal("a").open(&sealed), Some(&b"packet"[..]));
        for other in [SealKey::of(b't').seal("a"), SealKey::of(b's').seal("b"), Seal::new("a", Some(&[b's'; 32]))] {
            assert_eq!(other.open(&sealed), None);
        }
        assert_eq!(format!("{:?}", SealKey::of(b's')), "SealKey(..)");
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_noticed(packet: Vec<u8>, at: prop::sample::Index, with in 1u8..) {
            let seal = Seal::new("a", Some(b"secret"));
            let mut sealed = seal.seal(&packet);
            sealed[at.index(packet.len() + OVERHEAD)] ^= with;
            prop_assert_eq!(seal.open(&sealed), None);
        }

        #[test]
        fn random_bytes_are_refused(bytes: Vec<u8>) {
            prop_assert_eq!(Seal::new("a", None).open(&bytes), None);
        }
    }
}
