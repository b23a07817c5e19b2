//! A message for an actor of another node.

use super::{Chain, FrameStart, Kind, WireError, begin_frame, cursor::Cursor};

/// What a request asks for, as bits.
pub(crate) mod flags {
    /// The sender waits for the handler's answer.
    pub(crate) const ASK: u8 = 1;
    /// The sender waits to hear that the message was put into the mailbox.
    pub(crate) const CONFIRM: u8 = 2;
    /// The message may be handled twice.
    pub(crate) const IDEMPOTENT: u8 = 4;
    /// The message was sent before, on an earlier connection.
    pub(crate) const AGAIN: u8 = 8;
    /// It is for an entity: `actor` is the hash of its type and id, `to_name` both of them with a NUL in between.
    pub(crate) const ENTITY: u8 = 16;
    /// It was in the mailbox of an entity that has moved: it goes before what came by other ways.
    pub(crate) const LEFT_BEHIND: u8 = 32;

    pub(super) const ALL: u8 = ASK | CONFIRM | IDEMPOTENT | AGAIN | ENTITY | LEFT_BEHIND;
}

// A length of `to_name` that says that there is none.
const NO_NAME: u16 = u16::MAX;

/// Where a frame's payload begins: behind its length and its kind.
const HEAD: usize = size_of::<u32>() + 1;

/// A message for an actor, its body still encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request<'a> {
    /// What the answer will name. 0: nobody waits for one.
    pub(crate) request: u64,
    /// The actor's number on its node.
    pub(crate) actor: u64,
    /// See [`flags`].
    pub(crate) flags: u8,
    /// The start of the node that the actor belongs to.
    pub(crate) target_incarnation: u64,
    /// The message's name on the wire, at most 255 bytes.
    pub(crate) name: &'a str,
    /// The actor's registered name, if that is how the sender knows it.
    pub(crate) to_name: Option<&'a str>,
    /// The actors that wait for this answer.
    pub(crate) chain: Chain<'a>,
    /// The message.
    pub(crate) body: &'a [u8],
}

impl<'a> Request<'a> {
    /// Writes the frame but for its end: what is appended to `out` until then belongs to the body.
    #[inline]
    pub(crate) fn begin(&self, out: &mut Vec<u8>) -> Result<FrameStart, WireError> {
        let Ok(name) = u8::try_from(self.name.len()) else {
            return Err(too_long("message name", self.name, u8::MAX.into()));
        };
        let to_name = match self.to_name {
            None => NO_NAME,
            Some(to_name) => match u16::try_from(to_name.len()) {
                Ok(length) if length != NO_NAME => length,
                _ => return Err(too_long("registered name", to_name, usize::from(NO_NAME) - 1)),
            },
        };
        out.reserve(64 + self.name.len() + self.to_name.map_or(0, str::len) + self.chain.written() + self.body.len());
        let start = begin_frame(out, Kind::Request);
        let mut fixed = [0; 26];
        fixed[..8].copy_from_slice(&self.request.to_le_bytes());
        fixed[8..16].copy_from_slice(&self.actor.to_le_bytes());
        fixed[16] = self.flags;
        fixed[17..25].copy_from_slice(&self.target_incarnation.to_le_bytes());
        fixed[25] = name;
        out.extend_from_slice(&fixed);
        out.extend_from_slice(self.name.as_bytes());
        out.extend_from_slice(&to_name.to_le_bytes());
        out.extend_from_slice(self.to_name.unwrap_or_default().as_bytes());
        self.chain.write(out);
        out.extend_from_slice(self.body);
        Ok(start)
    }

    /// Appends the whole frame.
    #[inline]
    pub(crate) fn encode(&self, out: &mut Vec<u8>, limit: u32) -> Result<(), WireError> {
        self.begin(out)?.end(out, limit)
    }

    /// Gives a frame that was written another number.
    pub(crate) fn renumber(frame: &mut [u8], request: u64) {
        frame[HEAD..HEAD + 8].copy_from_slice(&request.to_le_bytes());
    }

    /// Marks a frame that was written as one that was sent before.
    pub(crate) fn mark_again(frame: &mut [u8]) {
        frame[HEAD + 16] |= flags::AGAIN;
    }

    #[inline]
    pub(super) fn read(payload: &'a [u8]) -> Result<Self, WireError> {
        let mut cursor = Cursor::new("Request", payload);
        let request = cursor.u64()?;
        let actor = cursor.u64()?;
        let flags = cursor.u8()?;
        if flags & !flags::ALL != 0 {
            return Err(cursor.unknown("set of flags", flags));
        }
        let target_incarnation = cursor.u64()?;
        let length = cursor.u8()?;
        let name = cursor.text(length.into())?;
        let to_name = match cursor.u16()? {
            NO_NAME => None,
            length => Some(cursor.text(length.into())?),
        };
        let chain = Chain::read(&mut cursor)?;
        Ok(Self { request, actor, flags, target_incarnation, name, to_name, chain, body: cursor.rest() })
    }
}

#[cold]
fn too_long(field: &'static str, name: &str, limit: usize) -> WireError {
    WireError::NameTooLong { field, bytes: name.len(), limit }
}
