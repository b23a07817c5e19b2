//! Why a message got no answer.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Failure, wire::CodecError};

/// Why a message got no answer, as the side that had it says.
#[derive(Debug, Clone)]
pub enum Refusal {
    /// The actor stopped before it came to the message.
    Stopped,
    /// The mailbox had no room, or dropped the message to make some.
    Full,
    /// Whoever was to answer dropped the handle.
    NotAnswered,
    /// The handler failed.
    Failed(Failure),
    /// It was for, or came from, an actor of another node. Boxed, so that an asker's slot is no larger for it.
    Far(Box<FarRefusal>),
}

/// Why a message to another node, or its answer, did not get through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FarRefusal {
    /// Its node cannot be reached. Not handled.
    Unreachable(Arc<str>),
    /// The connection broke behind the message. It may have been handled.
    ConnectionLost,
    /// It has more bytes than a message may have. Not handled.
    TooLarge {
        /// How many it has.
        bytes: u64,
        /// How many it may have.
        limit: u64,
    },
    /// The message stays in its process. Not handled.
    Local,
    /// Its `Serialize` failed. Not handled.
    NotEncoded(Arc<str>),
    /// The other node's program could not read it, or its actor does not handle it. Not handled.
    Rejected(Arc<str>),
    /// It was handled, and its answer could not be brought back.
    BadAnswer(Arc<str>),
    /// Its sender would wait for itself. Not handled.
    Cycle,
    /// It was handled, and whether what came of it is kept is not known.
    NotReplicated,
    /// The entity cannot be served now. Not handled.
    Unavailable(Arc<str>),
    /// What was acknowledged of the entity may be lost, and nobody has accepted that. Not handled.
    StateLost,
    /// The entity is not on the node that was asked. Not handled; it is sent again to where it is.
    NotOwner,
}

impl Refusal {
    pub(crate) fn unreachable(why: impl Into<Arc<str>>) -> Self {
        FarRefusal::Unreachable(why.into()).into()
    }

    /// What the other node could not read.
    pub(crate) fn rejected(why: &impl ToString) -> Self {
        FarRefusal::Rejected(why.to_string().into()).into()
    }

    /// An answer that could not be brought back.
    pub(crate) fn bad_answer(why: &impl ToString) -> Self {
        FarRefusal::BadAnswer(why.to_string().into()).into()
    }

    /// Whether it says that the message was not handled.
    fn is_of_unhandled(&self) -> bool {
        match self {
            Self::Stopped | Self::Full => true,
            Self::NotAnswered | Self::Failed(_) => false,
            Self::Far(why) => match **why {
                FarRefusal::Unreachable(_)
                | FarRefusal::TooLarge { .. }
                | FarRefusal::Local
                | FarRefusal::NotEncoded(_)
                | FarRefusal::Rejected(_)
                | FarRefusal::Cycle
                | FarRefusal::Unavailable(_)
                | FarRefusal::StateLost
                | FarRefusal::NotOwner => true,
                FarRefusal::ConnectionLost | FarRefusal::BadAnswer(_) | FarRefusal::NotReplicated => false,
            },
        }
    }

    /// The same of a message that may have been handled before: `instead`, if this says that it was not.
    pub(crate) fn after_all(self, instead: impl Into<Self>) -> Self {
        if self.is_of_unhandled() { instead.into() } else { self }
    }

    pub(crate) fn encode(&self, into: &mut Vec<u8>) {
        let travelling = match self {
            Self::Stopped => Travelling::Stopped,
            Self::Full => Travelling::Full,
            Self::NotAnswered => Travelling::NotAnswered,
            Self::Failed(failure) => Travelling::Failed(failure.clone()),
            Self::Far(far) => Travelling::Far((**far).clone()),
        };
        crate::wire::encode(&travelling, into).expect("texts and numbers have bytes");
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        Ok(match crate::wire::decode(bytes)? {
            Travelling::Stopped => Self::Stopped,
            Travelling::Full => Self::Full,
            Travelling::NotAnswered => Self::NotAnswered,
            Travelling::Failed(failure) => Self::Failed(failure),
            Travelling::Far(far) => far.into(),
        })
    }
}

impl From<FarRefusal> for Refusal {
    fn from(why: FarRefusal) -> Self {
        Self::Far(Box::new(why))
    }
}

/// Of a message that was to be sent.
impl From<CodecError> for Refusal {
    fn from(error: CodecError) -> Self {
        match error {
            CodecError::Stays => FarRefusal::Local.into(),
            CodecError::Failed(why) => FarRefusal::NotEncoded(why).into(),
        }
    }
}

/// A refusal as bytes.
#[derive(Serialize, Deserialize)]
enum Travelling {
    Stopped,
    Full,
    NotAnswered,
    Failed(#[serde(with = "crate::failure::travelling")] Failure),
    Far(FarRefusal),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_travels() {
        let failures =
            [Failure::from("no luck"), Failure::from_panic(&"boom"), Failure::from("x").with_message(Some("Job"), None)];
        let refusals = failures.into_iter().map(Refusal::Failed).chain([Refusal::Full, FarRefusal::Cycle.into()]);
        for refusal in refusals {
            let mut bytes = Vec::new();
            refusal.encode(&mut bytes);
            assert_eq!(format!("{:?}", Refusal::decode(&bytes).unwrap()), format!("{refusal:?}"));
        }
        assert!(Refusal::decode(&[0xc1, 7]).is_err());
    }
}
