//! How a side proves that it knows the secret, without telling it.

use std::{fmt, sync::Arc};

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::cluster::wire::Frame;

/// What the connecting side's proof begins with, so that no proof passes for one of the other side.
pub(super) const CONNECTING: &[u8] = b"casty client";

/// What the accepting side's proof begins with.
pub(super) const ACCEPTING: &[u8] = b"casty server";

/// What the nodes of a cluster know and nobody else. Shown nowhere.
#[derive(Clone)]
pub(crate) struct Secret(Arc<[u8]>);

impl Secret {
    /// The bytes of the secret, for what else is keyed with it.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<T: Into<Arc<[u8]>>> From<T> for Secret {
    fn from(bytes: T) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The hash of all that both sides have said, in order.
#[derive(Clone)]
pub(super) struct Transcript(Sha256);

impl Transcript {
    pub(super) fn new() -> Self {
        Self(Sha256::new_with_prefix(b"casty handshake"))
    }

    /// Adds bytes as they were sent.
    pub(super) fn absorb(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Adds a frame that was read, as it was sent.
    pub(super) fn absorb_frame(&mut self, frame: &Frame) {
        let length = frame.payload.len() as u32 + 1;
        self.0.update(length.to_le_bytes());
        self.0.update([frame.kind as u8]);
        self.0.update(&frame.payload);
    }

    /// The proof that comes with an introduction.
    pub(super) fn prove(&self, secret: &Secret, side: &[u8], introduction: &[u8]) -> Vec<u8> {
        self.mac(secret, side, introduction).finalize().into_bytes().to_vec()
    }

    /// Whether that is the proof, found out in a time that tells nothing.
    pub(super) fn proves(&self, secret: &Secret, side: &[u8], introduction: &[u8], proof: &[u8]) -> bool {
        self.mac(secret, side, introduction).verify_slice(proof).is_ok()
    }

    fn mac(&self, secret: &Secret, side: &[u8], introduction: &[u8]) -> Hmac<Sha256> {
        let mac = <Hmac<Sha256> as Mac>::new_from_slice(secret.bytes()).expect("an HMAC takes keys of any length");
        mac.chain_update(side).chain_update(self.0.clone().finalize()).chain_update(introduction)
    }
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transcript(..)")
    }
}
