//! What a program with actors needs in scope: `use casty::prelude::*;`.
//!
//! Not in it: [`casty::Result`](crate::Result), [`casty::main`](macro@crate::main) and
//! [`casty::test`](macro@crate::test), which are written with the crate's name, and the traits that only bounds need, such
//! as [`Actor`](crate::Actor) and [`Handles`](crate::Handles).

pub use crate::{
    ActorRef, ActorSystem, AnyRef, AskError, Children, Context, Directive, Event, Failure, Later, LookupError, Mailbox, Overflow,
    RaftConfig, Recipient, Reply, SendError, SpawnError, StopReason, SupervisorConfig, Terminated, TrySendError, actor, handler,
    message, sharded, singleton, supervised,
};
