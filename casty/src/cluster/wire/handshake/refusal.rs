//! Why a handshake failed, as both sides can say it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::FRAME_LIMIT;
use crate::cluster::wire::{Kind, begin_frame, codec};

// Of a text that goes to a peer, and of one that comes from it into this node's log.
const TEXT_LIMIT: usize = 1_000;

/// Why a side wants nothing to do with the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum RefuseCode {
    /// The other side is no casty node.
    NotCasty = 1,
    /// No protocol version is spoken by both.
    Version = 2,
    /// The sides have clusters of different names.
    ClusterName = 3,
    /// The sides belong to different clusters of one name.
    ClusterId = 4,
    /// One side has a secret, and the other none.
    NeedsSecret = 5,
    /// The sides have different secrets.
    WrongSecret = 6,
    /// Both nodes have one id.
    SameNode = 7,
    /// A later start of the peer is known, or it was removed.
    Fenced = 8,
    /// No more connections are taken for now.
    Busy = 9,
    /// The bytes are no handshake.
    Malformed = 10,
    /// A node has connected to itself.
    Itself = 11,
    /// One side has TLS and the other none, or they do not take each other's certificates.
    Tls = 12,
    /// A reason that this version does not know.
    Other = 255,
}

impl RefuseCode {
    fn of(number: u8) -> Self {
        match number {
            1 => Self::NotCasty,
            2 => Self::Version,
            3 => Self::ClusterName,
            4 => Self::ClusterId,
            5 => Self::NeedsSecret,
            6 => Self::WrongSecret,
            7 => Self::SameNode,
            8 => Self::Fenced,
            9 => Self::Busy,
            10 => Self::Malformed,
            11 => Self::Itself,
            12 => Self::Tls,
            _ => Self::Other,
        }
    }
}

/// Why a handshake failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum HandshakeError {
    /// This side refused the peer, and says so to it.
    #[error("the peer was refused: {text}")]
    Refusing { code: RefuseCode, text: String },
    /// The peer refused this side. The text is the peer's own: "this node" is the peer there.
    #[error("the peer refused this node, saying: {text}")]
    Refused { code: RefuseCode, text: String },
    /// The connection ended first.
    #[error("the connection was closed before its handshake was over; the peer may have stopped, or be no casty node")]
    Closed,
    /// This side cannot introduce itself.
    #[error("this node cannot introduce itself: {what}; change its settings")]
    Local { what: String },
    /// The handshake was used after its end.
    #[error("the handshake is over already; a connection has only one")]
    Over,
}

impl HandshakeError {
    /// Why one side refused the other, whichever did.
    pub(crate) fn code(&self) -> Option<RefuseCode> {
        match self {
            Self::Refusing { code, .. } | Self::Refused { code, .. } => Some(*code),
            Self::Closed | Self::Local { .. } | Self::Over => None,
        }
    }
}

/// A refusal as it travels.
#[derive(Serialize, Deserialize)]
struct Refuse {
    code: u8,
    text: String,
}

/// Appends the frame that tells the peer.
pub(super) fn write(code: RefuseCode, text: &str, output: &mut Vec<u8>) {
    let refuse = Refuse { code: code as u8, text: shown(text) };
    let start = begin_frame(output, Kind::Refuse);
    match codec::encode(&refuse, output) {
        // Bounded by `shown`: it is no longer than a frame may be.
        Ok(()) => drop(start.end(output, FRAME_LIMIT)),
        Err(_) => start.abandon(output),
    }
}

/// The error that a peer's refusal is.
pub(super) fn read(payload: &[u8]) -> HandshakeError {
    match codec::decode::<Refuse>(payload) {
        Ok(Refuse { code, text }) => HandshakeError::Refused { code: RefuseCode::of(code), text: shown(&text) },
        Err(error) => malformed(format!("a frame `Refuse`: {error}")),
    }
}

pub(super) fn refusing<T>(code: RefuseCode, text: impl Into<String>) -> Result<T, HandshakeError> {
    Err(HandshakeError::Refusing { code, text: text.into() })
}

pub(super) fn not_casty(looks_like: &str) -> HandshakeError {
    let text = match looks_like {
        "TLS" => "this looks like TLS, and a casty node without TLS is here; do both sides have TLS, or neither?".to_owned(),
        "HTTP" => "this looks like HTTP, and a casty node is here, for other nodes only; is the port right?".to_owned(),
        "SSH" => "this looks like SSH, and a casty node is here, for other nodes only; is the port right?".to_owned(),
        _ => "these bytes are no casty node's; is the address right, and do both sides have TLS, or neither?".to_owned(),
    };
    HandshakeError::Refusing { code: RefuseCode::NotCasty, text }
}

pub(super) fn wrong_secret() -> HandshakeError {
    let text = "the secrets of the two nodes differ; give all nodes of the cluster the same".to_owned();
    HandshakeError::Refusing { code: RefuseCode::WrongSecret, text }
}

pub(super) fn needs_tls() -> HandshakeError {
    let text =
        "this node is talked to within TLS only, and a plain connection came; give all nodes `.tls(..)`, or none".to_owned();
    HandshakeError::Refusing { code: RefuseCode::Tls, text }
}

#[expect(clippy::needless_pass_by_value, reason = "errors and texts alike, made for this call")]
pub(super) fn malformed(what: impl ToString) -> HandshakeError {
    let text = format!("the handshake does not follow the protocol: {}", what.to_string());
    HandshakeError::Refusing { code: RefuseCode::Malformed, text }
}

/// A text that does no harm in a log: of bounded length, and without control characters.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if shown.len() + c.len_utf8() > TEXT_LIMIT {
            break;
        }
        shown.push(c);
    }
    shown
}
