//! The frames of the data lane.

#[cfg(any(test, feature = "fuzzing"))]
use super::Frame;
use super::{Kind, Kinds, Request, WireError, begin_frame, cursor::Cursor};

/// A frame of the data lane. Texts and bytes are borrowed from the payload that it was read from.
///
/// To keep a body longer than that, take `payload.slice_ref(body)`: it copies nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DataFrame<'a> {
    /// A message for an actor of the receiving node. An `Answer` follows unless `request` is 0.
    Request(Request<'a>),
    /// What became of the request of this number.
    Answer { request: u64, status: AnswerStatus, body: &'a [u8] },
    /// How many requests were taken off this connection since it began.
    Ack { received: u64 },
    /// The actor has as much waiting as it may: send it no more until `Resume`.
    Pause { actor: u64 },
    /// The actor takes messages again.
    Resume { actor: u64 },
    /// A part of a large frame, the `last` or not; see [`Pieces`](super::Pieces).
    Piece { stream: u32, last: bool, bytes: &'a [u8] },
    /// `watcher` wants a `Terminated` when `actor` of this start of the node ends, or if it has.
    Watch { watcher: u64, actor: u64, incarnation: u64 },
    /// `watcher` no longer wants it.
    Unwatch { watcher: u64, actor: u64, incarnation: u64 },
    /// A watched actor has ended.
    Terminated { watcher: u64, actor: u64, incarnation: u64, reason: u8, text: &'a str },
    /// The actor is to stop after the message in hand.
    Stop { actor: u64, incarnation: u64 },
    /// A `Pong` with the same nonce is wanted.
    Ping { nonce: u64 },
    /// The answer to a `Ping`.
    Pong { nonce: u64 },
    /// The last frame of a side that is about to close the connection.
    Goodbye { code: u8, text: &'a str },
    /// Which actor of the receiving node is registered under a name? An `Answer` follows.
    Find { request: u64, name: &'a str },
    /// A message about the copies of a slot, in the form of [`replication`](crate::cluster::replication).
    Slot { slot: u16, bytes: &'a [u8] },
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum AnswerStatus {
    /// Handled; the body is the answer.
    Ok = 0,
    /// There is no answer; the body says why.
    Refused = 1,
    /// Put into the mailbox.
    Delivered = 2,
}

impl AnswerStatus {
    pub(super) const ALL: [Self; 3] = [Self::Ok, Self::Refused, Self::Delivered];

    #[inline]
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, WireError> {
        let number = cursor.u8()?;
        Self::ALL.get(usize::from(number)).copied().ok_or_else(|| cursor.unknown("status", number))
    }
}

impl<'a> DataFrame<'a> {
    /// The kind that it is sent as.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Request(_) => Kind::Request,
            Self::Answer { .. } => Kind::Answer,
            Self::Ack { .. } => Kind::Ack,
            Self::Pause { .. } => Kind::Pause,
            Self::Resume { .. } => Kind::Resume,
            Self::Piece { .. } => Kind::Piece,
            Self::Watch { .. } => Kind::Watch,
            Self::Unwatch { .. } => Kind::Unwatch,
            Self::Terminated { .. } => Kind::Terminated,
            Self::Stop { .. } => Kind::Stop,
            Self::Ping { .. } => Kind::Ping,
            Self::Pong { .. } => Kind::Pong,
            Self::Goodbye { .. } => Kind::Goodbye,
            Self::Find { .. } => Kind::Find,
            Self::Slot { .. } => Kind::Slot,
        }
    }

    /// Appends the whole frame. On an error `out` is as before.
    #[inline]
    pub(crate) fn encode(&self, out: &mut Vec<u8>, limit: u32) -> Result<(), WireError> {
        if let Self::Request(request) = self {
            return request.encode(out, limit);
        }
        let start = begin_frame(out, self.kind());
        match *self {
            Self::Request(_) => {}
            Self::Answer { request, status, body } => {
                out.extend_from_slice(&request.to_le_bytes());
                out.push(status as u8);
                out.extend_from_slice(body);
            }
            Self::Ack { received } => out.extend_from_slice(&received.to_le_bytes()),
            Self::Pause { actor } | Self::Resume { actor } => out.extend_from_slice(&actor.to_le_bytes()),
            Self::Piece { stream, last, bytes } => {
                out.extend_from_slice(&stream.to_le_bytes());
                out.push(last.into());
                out.extend_from_slice(bytes);
            }
            Self::Watch { watcher, actor, incarnation } | Self::Unwatch { watcher, actor, incarnation } => {
                put(out, &[watcher, actor, incarnation]);
            }
            Self::Terminated { watcher, actor, incarnation, reason, text } => {
                put(out, &[watcher, actor, incarnation]);
                out.push(reason);
                out.extend_from_slice(text.as_bytes());
            }
            Self::Stop { actor, incarnation } => put(out, &[actor, incarnation]),
            Self::Ping { nonce } | Self::Pong { nonce } => put(out, &[nonce]),
            Self::Goodbye { code, text } => {
                out.push(code);
                out.extend_from_slice(text.as_bytes());
            }
            Self::Find { request, name } => {
                put(out, &[request]);
                out.extend_from_slice(name.as_bytes());
            }
            Self::Slot { slot, bytes } => {
                out.extend_from_slice(&slot.to_le_bytes());
                out.extend_from_slice(bytes);
            }
        }
        start.end(out, limit)
    }

    /// Reads a frame that the data lane's reader cut off.
    #[inline]
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn decode(frame: &'a Frame) -> Result<Self, WireError> {
        Self::read(frame.kind, &frame.payload)
    }

    /// Reads the payload of a frame of `kind`.
    pub(crate) fn read(kind: Kind, payload: &'a [u8]) -> Result<Self, WireError> {
        match kind {
            Kind::Request => Request::read(payload).map(Self::Request),
            Kind::Answer => {
                let mut cursor = Cursor::new("Answer", payload);
                let request = cursor.u64()?;
                let status = AnswerStatus::read(&mut cursor)?;
                Ok(Self::Answer { request, status, body: cursor.rest() })
            }
            Kind::Ack => numbers("Ack", payload).map(|[received]| Self::Ack { received }),
            Kind::Pause => numbers("Pause", payload).map(|[actor]| Self::Pause { actor }),
            Kind::Resume => numbers("Resume", payload).map(|[actor]| Self::Resume { actor }),
            Kind::Piece => {
                let mut cursor = Cursor::new("Piece", payload);
                Ok(Self::Piece { stream: cursor.u32()?, last: cursor.bool("truth about the last piece")?, bytes: cursor.rest() })
            }
            Kind::Watch => {
                numbers("Watch", payload).map(|[watcher, actor, incarnation]| Self::Watch { watcher, actor, incarnation })
            }
            Kind::Unwatch => {
                numbers("Unwatch", payload).map(|[watcher, actor, incarnation]| Self::Unwatch { watcher, actor, incarnation })
            }
            Kind::Terminated => {
                let mut cursor = Cursor::new("Terminated", payload);
                let (watcher, actor, incarnation) = (cursor.u64()?, cursor.u64()?, cursor.u64()?);
                Ok(Self::Terminated { watcher, actor, incarnation, reason: cursor.u8()?, text: cursor.rest_text()? })
            }
            Kind::Stop => numbers("Stop", payload).map(|[actor, incarnation]| Self::Stop { actor, incarnation }),
            Kind::Ping => numbers("Ping", payload).map(|[nonce]| Self::Ping { nonce }),
            Kind::Pong => numbers("Pong", payload).map(|[nonce]| Self::Pong { nonce }),
            Kind::Goodbye => {
                let mut cursor = Cursor::new("Goodbye", payload);
                Ok(Self::Goodbye { code: cursor.u8()?, text: cursor.rest_text()? })
            }
            Kind::Find => {
                let mut cursor = Cursor::new("Find", payload);
                Ok(Self::Find { request: cursor.u64()?, name: cursor.rest_text()? })
            }
            Kind::Slot => {
                let mut cursor = Cursor::new("Slot", payload);
                Ok(Self::Slot { slot: cursor.u16()?, bytes: cursor.rest() })
            }
            Kind::Call | Kind::Reply | Kind::Hello | Kind::Welcome | Kind::Proof | Kind::Accept | Kind::Begin | Kind::Refuse => {
                Err(WireError::UnknownKind { kind: kind as u8, lane: Kinds::Data })
            }
        }
    }
}

#[inline]
pub(super) fn put(out: &mut Vec<u8>, numbers: &[u64]) {
    for number in numbers {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

/// The fields of a frame that consists of numbers only.
#[inline]
pub(super) fn numbers<const N: usize>(frame: &'static str, payload: &[u8]) -> Result<[u64; N], WireError> {
    let mut cursor = Cursor::new(frame, payload);
    let mut numbers = [0; N];
    for number in &mut numbers {
        *number = cursor.u64()?;
    }
    cursor.end()?;
    Ok(numbers)
}
