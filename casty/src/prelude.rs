//! What a program with actors needs in scope: `use casty::prelude::*;`.

pub use crate::{
    ActorRef, ActorSystem, AnyRef, AskError, Children, Context, Directive, Event, Failure, Later, LookupError, Mailbox, Overflow,
    Recipient, Reply, SendError, SpawnError, StopReason, SupervisorConfig, Terminated, TrySendError, actor, handler, message,
    supervised,
};
