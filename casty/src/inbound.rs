//! How generated code handles a type that may turn out to be no message.
//!
//! A macro cannot see whether a handler's parameter is a message. Code that takes it for one would fail to compile in a
//! dozen places. So all of it is written against [`Inbound::Message`], which is the type itself if it is a message and a
//! stand-in if not, and one more line asks for the trait: that one fails, where the user wrote the type.

use std::{future::Future, marker::PhantomData};

use futures_util::FutureExt as _;

use crate::{
    Message,
    actor::{Actor, Handled},
    probe::Is,
    reply::{IntoReply, ReplyTo},
};

/// Implemented by `Is<true>` for messages and by `Is<false>` for all types.
pub trait Inbound<M> {
    /// What generated code takes for the message.
    type Message: Message;

    /// The message that the handler is called with.
    fn open(message: Self::Message) -> M;

    /// The way back, where `M` is known to be a message.
    fn close(message: M, reply: ReplyTo<M>) -> (Self::Message, ReplyTo<Self::Message>)
    where
        M: Message;
}

impl<M: Message> Inbound<M> for Is<true> {
    type Message = M;

    #[inline(always)]
    fn open(message: M) -> M {
        message
    }

    #[inline(always)]
    fn close(message: M, reply: ReplyTo<M>) -> (M, ReplyTo<M>) {
        (message, reply)
    }
}

impl<M: 'static> Inbound<M> for Is<false> {
    type Message = NoMessage<M>;

    fn open(message: NoMessage<M>) -> M {
        match message.0 {}
    }

    fn close(_: M, _: ReplyTo<M>) -> (NoMessage<M>, ReplyTo<NoMessage<M>>)
    where
        M: Message,
    {
        unreachable!("`Is<false>` is for what is no message")
    }
}

/// Stands for a type that is no message. There is never one.
#[derive(Debug)]
pub struct NoMessage<M>(Never, PhantomData<fn() -> M>);

/// What no handler returns.
#[derive(Debug)]
pub enum Never {}

impl<M: 'static> Message for NoMessage<M> {
    type Reply = Never;
    const NAME: &'static str = "";
    const LOCAL: bool = true;
}

impl<M: 'static, O> IntoReply<NoMessage<M>, Never, Never> for O {
    fn answer(self, _: ReplyTo<NoMessage<M>>) -> Handled {
        Ok(())
    }
}

/// Holds for every message. Higher-ranked as [`Wire`](crate::wire::Wire) is, a bound with it is no error where it is false.
pub trait IsMessage<'m>: Message {}

impl<M: Message> IsMessage<'_> for M {}

/// Holds for every actor; for the same purpose.
pub trait IsActor<'a>: Actor {}

impl<A: Actor> IsActor<'_> for A {}

/// `future`, and then `with` its output.
///
/// What the output has to be is asked within `with`, where the wrong type is reported once. As a bound of a function that
/// returns a future it would be reported wherever that is named.
pub fn map<F: Future, O>(future: F, with: impl FnOnce(F::Output) -> O) -> impl Future<Output = O> {
    future.map(with)
}
