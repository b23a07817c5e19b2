//! The kinds of frames, by number.

use std::fmt;

use super::WireError;

/// What a frame is. A number, once given, is never given to another kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A message for an actor.
    Request = 1,
    /// What became of a request.
    Answer = 2,
    /// How many requests were taken off the connection.
    Ack = 3,
    /// An actor takes no more for now.
    Pause = 4,
    /// A paused actor takes messages again.
    Resume = 5,
    /// A part of a large frame.
    Piece = 6,
    /// Somebody wants to know when an actor ends.
    Watch = 7,
    /// They no longer do.
    Unwatch = 8,
    /// A watched actor has ended.
    Terminated = 9,
    /// An actor is to stop.
    Stop = 10,
    /// Is anybody there?
    Ping = 11,
    /// Yes.
    Pong = 12,
    /// The last frame of a side that closes the connection.
    Goodbye = 13,
    /// Which actor has a name?
    Find = 14,
    /// About the copies of a slot.
    Slot = 15,
    /// A control call.
    Call = 32,
    /// The answer to a control call.
    Reply = 33,
    /// The connecting side's first words.
    Hello = 64,
    /// The accepting side's first words.
    Welcome = 65,
    /// The connecting side's introduction, with its proof.
    Proof = 66,
    /// The accepting side's introduction, with its proof.
    Accept = 67,
    /// The connecting side begins.
    Begin = 68,
    /// A side wants nothing to do with the other.
    Refuse = 69,
}

/// Which kinds may come: a connection's lane, or the handshake before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kinds {
    /// Before a lane is agreed on.
    Handshake,
    /// The data lane.
    Data,
    /// The lanes of control and bulk: calls and their replies.
    Calls,
}

impl Kinds {
    /// The kind that `number` stands for here.
    #[inline]
    pub(crate) fn of(self, number: u8) -> Result<Kind, WireError> {
        match self.known(number) {
            Some(kind) => Ok(kind),
            None => Err(WireError::UnknownKind { kind: number, lane: self }),
        }
    }

    #[inline]
    fn known(self, number: u8) -> Option<Kind> {
        Some(match (self, number) {
            (Self::Data, 1) => Kind::Request,
            (Self::Data, 2) => Kind::Answer,
            (Self::Data, 3) => Kind::Ack,
            (Self::Data, 4) => Kind::Pause,
            (Self::Data, 5) => Kind::Resume,
            (Self::Data, 6) => Kind::Piece,
            (Self::Data, 7) => Kind::Watch,
            (Self::Data, 8) => Kind::Unwatch,
            (Self::Data, 9) => Kind::Terminated,
            (Self::Data, 10) => Kind::Stop,
            (Self::Data | Self::Calls, 11) => Kind::Ping,
            (Self::Data | Self::Calls, 12) => Kind::Pong,
            (Self::Data | Self::Calls, 13) => Kind::Goodbye,
            (Self::Data, 14) => Kind::Find,
            (Self::Data, 15) => Kind::Slot,
            (Self::Calls, 32) => Kind::Call,
            (Self::Calls, 33) => Kind::Reply,
            (Self::Handshake, 64) => Kind::Hello,
            (Self::Handshake, 65) => Kind::Welcome,
            (Self::Handshake, 66) => Kind::Proof,
            (Self::Handshake, 67) => Kind::Accept,
            (Self::Handshake, 68) => Kind::Begin,
            (Self::Handshake, 69) => Kind::Refuse,
            _ => return None,
        })
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handshake => "in a handshake",
            Self::Data => "on the data lane",
            Self::Calls => "on the lanes of control and bulk",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_number_is_that_of_its_kind() {
        for lane in [Kinds::Handshake, Kinds::Data, Kinds::Calls] {
            let known: Vec<_> = (0..=u8::MAX).filter_map(|number| Some((number, lane.of(number).ok()?))).collect();
            assert!(known.iter().all(|&(number, kind)| number == kind as u8));
        }
    }

    #[test]
    fn an_unknown_kind_is_named_by_its_number() {
        let error = Kinds::Data.of(200).unwrap_err();
        assert!(error.to_string().contains("kind 200 are unknown on the data lane"), "{error}");
        assert!(Kinds::Calls.of(Kind::Request as u8).is_err());
        assert!(Kinds::Data.of(Kind::Hello as u8).is_err());
    }
}
