//! One actor: its traits, its mailbox, its turns and its life. Who gives it turns is the scheduler's business, what is
//! done about a failure supervision's, and many actors together are the system's.

mod activation;
mod any_cell;
mod any_ref;
mod asking;
mod by_name;
mod cell;
mod chain;
mod children;
mod confirming;
mod context;
mod core;
mod delivery;
mod ending;
mod extra;
mod extras;
mod far;
#[cfg(test)]
mod far_tests;
mod inbox;
mod life;
mod mailbox;
mod proxy;
mod receiving;
mod recipient;
mod reference;
mod sending;
mod signal;
mod stack;
mod taking;
mod timer;
mod turn;
mod watch;

use std::{any::Any, fmt, future::Future};

pub(crate) use activation::{Activation, Activations, EntityAddress};
pub(crate) use any_cell::AnyCell;
pub use any_ref::AnyRef;
pub(crate) use asking::WaitsFor;
pub use asking::{Asking, ForRoom, Target, Unsent};
pub(crate) use by_name::unknown;
pub(crate) use cell::{Cell, CellParts};
pub(crate) use chain::{FarQuestions, of_asker as asking_chain};
pub use confirming::Confirming;
pub(crate) use confirming::receipt;
pub use context::Context;
pub(crate) use core::{Core, Factory};
pub(crate) use delivery::Refused;
pub(crate) use extra::Keeper;
pub(crate) use extras::Extras;
pub use far::{Answer, FarPort};
pub(crate) use far::{Awaited, FarAddress, FarReply, Incoming, Links, NotSent, Parcel, Received, Soon, TellEnd, Waiting, Wants};
pub(crate) use life::start;
pub use mailbox::{Mailbox, Overflow};
pub use recipient::{Letter, Recipient};
pub use reference::ActorRef;
pub use sending::{Sending, StopSent};
pub(crate) use signal::Signal;
pub(crate) use stack::{current, passes, speaking};
pub use taking::Takes;
pub(crate) use taking::undelivered;
pub use timer::Timer;
pub(crate) use watch::watch;
pub use watch::{StopReason, Terminated};

use crate::{
    Failure, Message,
    reply::{Pace, Refusal, ReplyTo},
    supervision::{Directive, SupervisorConfig},
    wire::CodecError,
};

/// The lower bits of an id are a place among the living, the upper ones tell those apart that had it in turn.
pub(crate) const PLACE_BITS: u32 = 28;

/// Which actor, within its system. Never given out twice; a restart keeps it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActorId(pub(crate) u64);

impl fmt::Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}.{}", self.0 >> PLACE_BITS, self.0 & ((1 << PLACE_BITS) - 1))
    }
}

impl fmt::Debug for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What `#[actor]` on the struct says.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has an `#[actor] impl`, but no `#[actor]` on its struct",
    label = "not declared as an actor",
    note = "put `#[actor]` on `struct {Self}` as well as on its impl"
)]
pub trait Declared {
    /// The actor's name on the wire, in events and in errors.
    const NAME: &'static str;
    /// From `#[supervised(..)]`.
    const SUPERVISION: SupervisorConfig = SupervisorConfig::DEFAULT;
    /// From `#[actor(mailbox = ..)]`.
    const MAILBOX: Option<Mailbox> = None;
    /// Whether it is `#[sharded]` or a `#[singleton]`.
    const IS_ENTITY: bool = false;
}

/// A state that handles messages one at a time.
///
/// Written by [`#[actor]`](crate::actor) on a struct and on its impl; the methods here are the generated code's.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an actor",
    label = "this type is used as an actor",
    note = "put `#[actor]` on `struct {Self}` and on the `impl {Self}` that holds its handlers"
)]
pub trait Actor: Declared + Sized + Send + 'static {
    /// All that its mailbox can hold.
    #[doc(hidden)]
    type Item: Item;
    /// Which hooks the user wrote.
    #[doc(hidden)]
    const HOOKS: Hooks = Hooks::NONE;

    #[doc(hidden)]
    fn dispatch<'a>(
        &'a mut self,
        item: Self::Item,
        ctx: &'a mut Context<Self>,
    ) -> Dispatch<impl Future<Output = Handled> + Send + 'a>;

    #[doc(hidden)]
    fn __on_start<'a>(&'a mut self, _ctx: &'a mut Context<Self>) -> impl Future<Output = Handled> + Send + 'a {
        std::future::ready(Ok(()))
    }

    #[doc(hidden)]
    fn __on_stop<'a>(&'a mut self, _ctx: &'a mut Context<Self>) -> impl Future<Output = Handled> + Send + 'a {
        std::future::ready(Ok(()))
    }

    #[doc(hidden)]
    fn __pre_restart<'a>(
        &'a mut self,
        _failure: &'a Failure,
        ctx: &'a mut Context<Self>,
    ) -> impl Future<Output = Handled> + Send + 'a {
        self.__on_stop(ctx)
    }

    #[doc(hidden)]
    fn __post_restart<'a>(
        &'a mut self,
        _failure: &'a Failure,
        ctx: &'a mut Context<Self>,
    ) -> impl Future<Output = Handled> + Send + 'a {
        self.__on_start(ctx)
    }

    #[doc(hidden)]
    fn __on_child_failure<'a>(
        &'a mut self,
        _child: &'a AnyRef,
        _failure: &'a Failure,
        _ctx: &'a mut Context<Self>,
    ) -> impl Future<Output = Option<Directive>> + Send + 'a {
        std::future::ready(None)
    }
}

/// `A: Handles<M>` says that `A` has a `#[handler]` for `M`. Generated; useful as a bound.
///
/// ```
/// use casty::{Actor, Handles, prelude::*};
///
/// #[message]
/// struct Reload;
///
/// async fn reload_all<A: Actor + Handles<Reload>>(actors: &[ActorRef<A>]) -> Result<(), SendError> {
///     for actor in actors {
///         actor.send(Reload).await?;
///     }
///     Ok(())
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "the actor `{Self}` does not handle the message `{M}`",
    label = "`{Self}` has no handler for this message",
    note = "add a `#[handler]` that takes `{M}` to the `#[actor] impl {Self}`, or send a message that it handles"
)]
pub trait Handles<M: Message>: Actor {
    #[doc(hidden)]
    fn __wrap(message: M, reply: ReplyTo<M>) -> Self::Item;
    #[doc(hidden)]
    fn __unwrap(item: Self::Item) -> Option<M>;
}

/// What lies in a mailbox: one of the messages that its actor handles, and where the answer goes.
pub trait Item: Send + 'static {
    /// The message's name.
    fn name(&self) -> &'static str;
    /// Whether somebody waits for the answer.
    fn is_ask(&self) -> bool;
    /// Whether its handler is async.
    fn is_async(&self) -> bool;
    /// Whether its handler takes `&self`.
    fn reads(&self) -> bool;
    /// What is known of its handler's speed.
    fn pace(&self) -> &'static Pace;
    /// Tells the asker, if there is one, that it is not answered.
    fn refuse(self, why: Refusal);
    /// Whether the system may send the message again.
    fn is_idempotent(&self) -> bool;
    /// The message's bytes, behind what is in `into`.
    fn encode(&self, into: &mut Vec<u8>) -> Result<(), CodecError>;
    /// The asker, as one that takes its answer as bytes.
    fn take_answer(&mut self) -> Option<Box<dyn Answer>>;
    /// The message of that name, from its bytes; `None` if the actor handles none of that name.
    fn decode(name: &str, body: &[u8], reply: &mut Option<Box<dyn FarPort>>) -> Option<Result<Self, CodecError>>
    where
        Self: Sized;
    /// The message in an `Option<Letter<M>>`, if it is one that the actor handles.
    fn open(letter: &mut dyn Any) -> Option<Self>
    where
        Self: Sized;
    /// Puts the message back into the letter that it came in.
    fn close(self, letter: &mut dyn Any);
}

/// How a handler ended.
pub type Handled = Result<(), Failure>;

/// What dispatching a message gave.
#[derive(Debug)]
pub enum Dispatch<F> {
    /// The handler has run.
    Done(Handled),
    /// The handler is async, and this is it.
    Pending(F),
}

/// Which hooks an actor has. Those it lacks cost nothing.
#[derive(Debug, Clone, Copy)]
pub struct Hooks {
    /// `on_start`
    pub on_start: bool,
    /// `on_stop`
    pub on_stop: bool,
    /// `pre_restart`
    pub pre_restart: bool,
    /// `post_restart`
    pub post_restart: bool,
    /// `on_child_failure`
    pub on_child_failure: bool,
}

impl Hooks {
    /// No hook at all.
    pub const NONE: Self =
        Self { on_start: false, on_stop: false, pre_restart: false, post_restart: false, on_child_failure: false };
}
