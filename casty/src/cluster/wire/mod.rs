//! What nodes say to each other, as bytes and back.
//!
//! Pure: bytes come in, values come out. No socket, clock or task lives here; `transport` carries the bytes. Whatever a
//! peer sends, decoding ends in a value or in an error, never in a panic, and holds no more memory than has arrived.
//!
//! A connection opens with a [`handshake`]; then each side sends [frames](frame): a length, a [`Kind`], a payload.

mod call;
mod chain;
mod codec;
mod cursor;
mod depth;
mod error;
mod frame;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
#[cfg(test)]
mod golden;
pub(crate) mod handshake;
mod kind;
mod message;
mod pieces;
mod request;
#[cfg(test)]
mod tests;

pub(crate) use call::{CallFrame, ReplyStatus};
pub(crate) use chain::{Chain, ChainBuf};
pub(crate) use codec::{decode, encode};
pub(crate) use error::WireError;
pub(crate) use frame::{FRAME_LIMIT, Frame, FrameReader, FrameRef, FrameStart, begin_frame};
pub(crate) use kind::{Kind, Kinds};
pub(crate) use message::{AnswerStatus, DataFrame};
pub(crate) use pieces::{Pieces, Whole};
pub(crate) use request::{Request, flags};
