//! The frames of the lanes of control and bulk: calls and their replies.

use super::{
    Frame, Kind, Kinds, WireError, begin_frame,
    cursor::Cursor,
    message::{numbers, put},
};

/// A frame of the lanes of control and bulk, borrowed from the payload that it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallFrame<'a> {
    /// A call of a method. A `Reply` of the same number follows.
    Call { request: u64, method: u8, body: &'a [u8] },
    /// What a call came to.
    Reply { request: u64, status: ReplyStatus, body: &'a [u8] },
    /// A `Pong` with the same nonce is wanted.
    Ping { nonce: u64 },
    /// The answer to a `Ping`.
    Pong { nonce: u64 },
    /// The last frame of a side that is about to close the connection.
    Goodbye { code: u8, text: &'a str },
}

/// What a call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ReplyStatus {
    /// Done; the body is the result.
    Ok = 0,
    /// Not done; the body says why.
    Error = 1,
    /// The other side has no such method.
    UnknownMethod = 2,
}

impl<'a> CallFrame<'a> {
    /// The kind that it is sent as.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Call { .. } => Kind::Call,
            Self::Reply { .. } => Kind::Reply,
            Self::Ping { .. } => Kind::Ping,
            Self::Pong { .. } => Kind::Pong,
            Self::Goodbye { .. } => Kind::Goodbye,
        }
    }

    /// Appends the whole frame. On an error `out` is as before.
    pub(crate) fn encode(&self, out: &mut Vec<u8>, limit: u32) -> Result<(), WireError> {
        let start = begin_frame(out, self.kind());
        match *self {
            Self::Call { request, method: number, body } => head(out, request, number, body),
            Self::Reply { request, status, body } => head(out, request, status as u8, body),
            Self::Ping { nonce } | Self::Pong { nonce } => put(out, &[nonce]),
            Self::Goodbye { code, text } => {
                out.push(code);
                out.extend_from_slice(text.as_bytes());
            }
        }
        start.end(out, limit)
    }

    /// Reads a frame that the reader of such a lane cut off.
    pub(crate) fn decode(frame: &'a Frame) -> Result<Self, WireError> {
        Self::read(frame.kind, &frame.payload)
    }

    /// Reads the payload of a frame of `kind`.
    pub(crate) fn read(kind: Kind, payload: &'a [u8]) -> Result<Self, WireError> {
        match kind {
            Kind::Call => {
                let mut cursor = Cursor::new("Call", payload);
                Ok(Self::Call { request: cursor.u64()?, method: cursor.u8()?, body: cursor.rest() })
            }
            Kind::Reply => {
                let mut cursor = Cursor::new("Reply", payload);
                let request = cursor.u64()?;
                let status = match cursor.u8()? {
                    0 => ReplyStatus::Ok,
                    1 => ReplyStatus::Error,
                    2 => ReplyStatus::UnknownMethod,
                    number => return Err(cursor.unknown("status", number)),
                };
                Ok(Self::Reply { request, status, body: cursor.rest() })
            }
            Kind::Ping => numbers("Ping", payload).map(|[nonce]| Self::Ping { nonce }),
            Kind::Pong => numbers("Pong", payload).map(|[nonce]| Self::Pong { nonce }),
            Kind::Goodbye => {
                let mut cursor = Cursor::new("Goodbye", payload);
                Ok(Self::Goodbye { code: cursor.u8()?, text: cursor.rest_text()? })
            }
            _ => Err(WireError::UnknownKind { kind: kind as u8, lane: Kinds::Calls }),
        }
    }
}

fn head(out: &mut Vec<u8>, request: u64, number: u8, body: &[u8]) {
    put(out, &[request]);
    out.push(number);
    out.extend_from_slice(body);
}
