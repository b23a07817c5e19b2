//! The three kinds of value that a handler may return, told apart by type.

use super::{Later, Refusal, ReplyTo};
use crate::{Failure, Message, actor::Handled};

/// Markers, one a kind. They are inferred, as the marker of axum's handlers is.
pub mod kind {
    /// The reply itself.
    #[derive(Debug)]
    pub struct Plain;
    /// The reply, or a failure.
    #[derive(Debug)]
    pub struct Fallible;
    /// The reply comes later.
    #[derive(Debug)]
    pub struct Late;
    /// The reply comes later, or a failure.
    #[derive(Debug)]
    pub struct FallibleLate;
}

/// What a handler of `M` may return: `M::Reply`, [`Later<M>`], or either within [`casty::Result`](crate::Result).
#[diagnostic::on_unimplemented(
    message = "a handler of `{M}` returns `{R}`, not `{Self}`",
    label = "the reply of `{M}` is `{R}`",
    note = "return `{R}`, `casty::Result<{R}>` or `Later<{M}>`, or change the message: `#[message(reply = ..)]`"
)]
pub trait IntoReply<M: Message, R, Kind> {
    /// Answers, and says whether the handler failed.
    fn answer(self, reply: ReplyTo<M>) -> Handled;
}

#[diagnostic::do_not_recommend]
impl<M: Message<Reply = R>, R> IntoReply<M, R, kind::Plain> for R {
    fn answer(self, reply: ReplyTo<M>) -> Handled {
        reply.send(self);
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<M: Message<Reply = R>, R> IntoReply<M, R, kind::Fallible> for Result<R, Failure> {
    fn answer(self, reply: ReplyTo<M>) -> Handled {
        match self {
            Ok(answer) => {
                reply.send(answer);
                Ok(())
            }
            Err(failure) => fail(failure, reply),
        }
    }
}

#[diagnostic::do_not_recommend]
impl<M: Message<Reply = R>, R> IntoReply<M, R, kind::Late> for Later<M> {
    fn answer(self, reply: ReplyTo<M>) -> Handled {
        self.bind(reply);
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<M: Message<Reply = R>, R> IntoReply<M, R, kind::FallibleLate> for Result<Later<M>, Failure> {
    fn answer(self, reply: ReplyTo<M>) -> Handled {
        match self {
            Ok(later) => {
                later.bind(reply);
                Ok(())
            }
            Err(failure) => fail(failure, reply),
        }
    }
}

fn fail<M: Message>(failure: Failure, reply: ReplyTo<M>) -> Handled {
    reply.refuse(Refusal::Failed(failure.clone()));
    Err(failure)
}
