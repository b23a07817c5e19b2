//! What actors are sent.

use std::{any::Any, sync::Arc};

use crate::{
    actor::{Actor, Answer, FarPort, Handles},
    reply::ReplyTo,
    wire::CodecError,
};

/// A value that actors are sent, with the type that they answer it with.
///
/// Written by [`#[message]`](crate::message):
///
/// ```
/// use casty::prelude::*;
///
/// #[message(reply = u64)]
/// struct GetCount;
///
/// assert_eq!(<GetCount as casty::Message>::NAME, "GetCount");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a message",
    label = "this type is used as a message",
    note = "put `#[message]` on `{Self}`, or `#[message(reply = ..)]` if it is answered"
)]
pub trait Message: Sized + Send + 'static {
    /// What a handler answers with; `()` unless `#[message(reply = ..)]` says otherwise.
    type Reply: Send + 'static;
    /// The name on the wire, in events and in errors.
    const NAME: &'static str;
    /// Whether it never leaves the process.
    #[doc(hidden)]
    const LOCAL: bool = false;
    /// Whether the system may send it again.
    #[doc(hidden)]
    const IDEMPOTENT: bool = false;
    /// A copy to keep while it is handled.
    #[doc(hidden)]
    fn retain(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        None
    }
    /// Its bytes for another node, behind what is in `into`.
    #[doc(hidden)]
    fn __encode(&self, _into: &mut Vec<u8>) -> Result<(), CodecError> {
        Err(CodecError::Stays)
    }
    /// The message that [`__encode`](Self::__encode) made bytes of, here or in another version of the program.
    #[doc(hidden)]
    fn __decode(_bytes: &[u8]) -> Result<Self, CodecError> {
        Err(CodecError::Stays)
    }
    /// The asker, as one that takes its answer as bytes.
    #[doc(hidden)]
    fn __await(_reply: ReplyTo<Self>) -> Option<Box<dyn Answer>> {
        None
    }
    /// An asker on another node.
    #[doc(hidden)]
    fn __reply(_port: Box<dyn FarPort>) -> ReplyTo<Self> {
        ReplyTo::NOBODY
    }
}

/// A message that can be sent to another node. Written by [`#[message]`](crate::message), unless it is `local` or generic.
#[diagnostic::on_unimplemented(
    message = "`{Self}` stays in its process, and an entity may be on any node",
    label = "this message does not travel",
    note = "leave `local` out of its `#[message(local)]`; if it has generic parameters, write a message for each type that they stand for"
)]
pub trait Travelling {}

/// `M: SentTo<A>` says that the actor `A` handles the message `M`.
///
/// It holds for each message that has a `#[handler]` in the `#[actor] impl`; nobody implements it by hand.
#[diagnostic::on_unimplemented(
    message = "the actor `{A}` does not handle the message `{Self}`",
    label = "`{A}` has no handler for this message",
    note = "add a `#[handler]` that takes `{Self}` to the `#[actor] impl {A}`, or send a message that it handles"
)]
pub trait SentTo<A: Actor>: Message {
    #[doc(hidden)]
    fn __wrap(self, reply: ReplyTo<Self>) -> A::Item;
    #[doc(hidden)]
    fn __unwrap(item: A::Item) -> Option<Self>;
}

impl<M: Message, A: Handles<M>> SentTo<A> for M {
    #[inline(always)]
    fn __wrap(self, reply: ReplyTo<Self>) -> A::Item {
        <A as Handles<M>>::__wrap(self, reply)
    }

    fn __unwrap(item: A::Item) -> Option<Self> {
        <A as Handles<M>>::__unwrap(item)
    }
}
