//! Why bytes are no frame, or a value cannot be one.

use thiserror::Error;

use super::Kinds;

/// What is wrong with a frame. Of one that was read, it is the peer's fault and its connection's end; of one that was to
/// be written, nothing was.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum WireError {
    /// The length is over what this side takes, or over what a length can say.
    #[error("a frame of {claimed} bytes is over the limit of {limit}; send less at once, or raise the limit on every node")]
    TooLong { claimed: u64, limit: u64 },
    /// A frame without even a kind.
    #[error("a frame of length 0, which has no kind; the peer does not follow the protocol")]
    Empty,
    /// A kind that this side does not know, or not on this lane.
    #[error("frames of kind {kind} are unknown {lane}; the peer does not follow the protocol of the version agreed on")]
    UnknownKind { kind: u8, lane: Kinds },
    /// The frame ends before its last field.
    #[error("a frame `{frame}` ends within its fields; the peer does not follow the protocol")]
    Truncated { frame: &'static str },
    /// Bytes follow the frame's last field.
    #[error("a frame `{frame}` has {bytes} bytes after its last field; the peer does not follow the protocol")]
    Trailing { frame: &'static str, bytes: usize },
    /// A text that is not UTF-8.
    #[error("a text in a frame `{frame}` is not UTF-8; the peer does not follow the protocol")]
    NotUtf8 { frame: &'static str },
    /// A number that stands for nothing.
    #[error("{value} is no {field} of a frame `{frame}`; the peer does not follow the protocol of the version agreed on")]
    UnknownValue { frame: &'static str, field: &'static str, value: u8 },
    /// A name that does not fit the field for its length.
    #[error("a {field} of {bytes} bytes is too long; the limit is {limit}, so give it a shorter one")]
    NameTooLong { field: &'static str, bytes: usize, limit: usize },
    /// Too many actors wait for each other.
    #[error("a chain of {actors} actors that wait for each other; the limit is {limit}")]
    ChainTooLong { actors: usize, limit: usize },
    /// Too many large frames at once.
    #[error("pieces of more than {limit} large frames at once; the peer does not follow the protocol")]
    TooManyStreams { limit: usize },
    /// A piece without bytes, or a large frame that is itself a piece.
    #[error("a piece that holds nothing, or another piece; the peer does not follow the protocol")]
    BadPiece,
}
