//! What generated code refers to. Not for anybody else, and free to change.

#![allow(missing_docs, reason = "not part of the public surface")]

pub use futures_util::future::Either;
pub use inventory;
pub use serde;

pub use crate::{
    ActorSystem, Failure, RaftConfig,
    actor::{
        Actor, Answer, AnyRef, Context, Declared, Dispatch, FarPort, ForRoom, Handled, Handles, Hooks, Item, Letter, Mailbox,
        Overflow, Unsent,
    },
    entity::{
        Construct, Custom, CustomState, Durable, Entity, EntityConfig, EntityId, IdField, Identify, Load, OnLoss, Save, Saved,
        ShardedActor, SingletonActor, StateField, SyncCount,
    },
    inbound::*,
    message::{Message, Travelling},
    probe::*,
    registry::{ActorEntry, EntityEntry, EntityType},
    reply::{FarRefusal, IntoReply, Pace, Refusal, ReplyTo, kind},
    supervision::{Children, Directive, SupervisorConfig},
    system::{MainOutput, run_distributed_main, run_main, run_test},
    wire::*,
};
pub use std::future::Ready;

/// What a hook may return: nothing, or `casty::Result<()>`.
#[diagnostic::on_unimplemented(
    message = "a lifecycle hook returns nothing or `casty::Result<()>`, not `{Self}`",
    label = "this is returned by a hook"
)]
pub trait HookOutput {
    fn handled(self) -> Handled;
}

impl HookOutput for () {
    fn handled(self) -> Handled {
        Ok(())
    }
}

impl HookOutput for Result<(), Failure> {
    fn handled(self) -> Handled {
        self
    }
}
