//! Typed actors with supervision, on tokio.
//!
//! An actor is a struct that handles messages one at a time, so that its state needs no lock. Which messages it handles
//! the compiler knows. When a handler fails, a supervisor starts the actor anew, with the same mailbox and the same
//! references.
//!
//! ```
//! use casty::prelude::*;
//!
//! #[message]
//! struct Greet { name: String }
//!
//! #[message(reply = u64)]
//! struct GetGreetingCount;
//!
//! #[actor]
//! #[derive(Default)]
//! struct Greeter { count: u64 }
//!
//! #[actor]
//! impl Greeter {
//!     #[handler]
//!     fn greet(&mut self, Greet { name }: Greet) {
//!         println!("Hello, {name}!");
//!         self.count += 1;
//!     }
//!
//!     #[handler]
//!     async fn greeting_count(&self, _: GetGreetingCount) -> u64 { self.count }
//! }
//!
//! #[casty::main]
//! async fn main(system: ActorSystem) -> casty::Result<()> {
//!     let greeter = system.spawn(Greeter::default).await?;
//!     greeter.send(Greet { name: "Alice".into() }).await?;
//!     assert_eq!(greeter.ask(GetGreetingCount).await?, 1);
//!     Ok(())
//! }
//! ```
//!
//! # Where to look for what
//!
//! | for | see |
//! | --- | --- |
//! | declaring messages, actors, supervision | [`#[message]`](macro@message), [`#[actor]`](macro@actor), [`#[handler]`](macro@handler), [`#[supervised]`](macro@supervised) |
//! | a system, and its settings | [`#[casty::main]`](macro@main), [`ActorSystem`], [`ActorSystem::builder`] |
//! | making actors, finding them by name | [`ActorSystem::spawn`], [`Context::spawn`], [`ActorSystem::lookup`] |
//! | actors by id, one in the cluster, and what is kept of them | [`#[sharded]`](macro@sharded), [`#[singleton]`](macro@singleton), [`EntityId`], [`State`] |
//! | reaching them, from each node; references that travel | [`ActorSystem::sharded`], [`ActorSystem::singleton`], [`EntityRef`] |
//! | how they are made and replicated, said at the start | [`DistributedBuilder::entities`], [`DistributedBuilder::replication`], [`ReplicationConfig`] |
//! | copies that are lost for good | [`ClusterEvent::StateLost`], [`Cluster::accept_loss`], [`Cluster::accept_all_loss`] |
//! | reaching an actor | [`ActorRef`]: [`send`](ActorRef::send), [`try_send`](ActorRef::try_send), [`ask`](ActorRef::ask), [`stop`](ActorRef::stop) |
//! | reaching one whose type is not known | [`Recipient`], [`AnyRef`] |
//! | what an actor sees from within | [`Context`]: children, timers, stash, forwarding, death watch |
//! | answers that come later | [`Later`] and [`Reply`] |
//! | errors, and whether a message can have been handled | [`AskError`], [`SendError`], [`TrySendError`], [`SpawnError`], [`LookupError`] |
//! | failures, and what follows from them | [`Failure`], [`Result`], [`SupervisorConfig`], [`Directive`], [`Children`] |
//! | bounded mailboxes | [`Mailbox`], [`Overflow`] |
//! | a node of a cluster, and its settings | [`#[casty::main(distributed)]`](macro@main), [`ActorSystem::distributed`], [`DistributedBuilder`], [`RaftConfig`], [`SwimConfig`], [`StartError`] |
//! | the cluster: members, leader, events, leaving it | [`ActorSystem::cluster`], [`Cluster`], [`Member`], [`ClusterEvent`], [`ClusterError`], [`RecoverError`] |
//! | sending to another node | [`Sending::confirmed`], [`ActorRef`] and [`Recipient`] in messages, [`Context::watch`] |
//! | what happens in a system | [`ActorSystem::events`], [`Event`], [`ActorSystem::dead_letters`], [`StopReason`] |
//! | encryption between nodes | `Tls` and `DistributedBuilder::tls` with the feature `tls` |
//! | tests | [`#[casty::test]`](macro@test), and `casty::testkit` with the feature `testkit` |
//!
//! # Metrics
//!
//! With the feature `metrics`, each node counts through the facade of the [`metrics`](https://docs.rs/metrics) crate, for whichever
//! exporter the program installs:
//!
//! | name | kind, labels | what |
//! | --- | --- | --- |
//! | `casty_entities_active` | gauge, `type` | entities that are awake on this node |
//! | `casty_activations_total` | counter, `type` | entities that were woken |
//! | `casty_activation_seconds` | histogram, `type` | how long it took to make their actors: the constructor, and their states; not `on_start` |
//! | `casty_passivations_total` | counter, `type` | entities that were put away because they were idle |
//! | `casty_passivation_seconds` | histogram, `type` | how long that took: `on_stop`, and the end of their children |
//! | `casty_slot_moves_total` | counter | slots, of 1,024, that this node began to serve |
//! | `casty_seal_seconds` | histogram | how long that took, from when this node was to serve one |
//! | `casty_failover_seconds` | histogram | the same, where whoever had it before is gone; how long it took to notice that comes before |
//! | `casty_handover_seconds` | histogram | how long it took to hand a slot over, from when it was asked for: the handlers in hand, and what they changed |
//! | `casty_slots_lost_total` | counter | slots of which so many copies are gone that acknowledged changes may be lost: see [`ClusterEvent::StateLost`] |
//! | `casty_replication_pending` | gauge | entities whose last change is not on all of their backups |
//! | `casty_answers_held` | gauge, `type` | answers that wait for changes to be on enough backups; looked at four times in a type's `timeout` |
//!
//! The README is the guide: why actors, how they live and fail, which pattern for what.
//!
//! # What holds
//!
//! - An actor handles one message at a time, async handlers included; different actors run in parallel.
//! - The messages of one sender to one actor are taken in the order in which they were sent.
//! - Each ask ends: with the answer, or with an [`AskError`] that tells whether the message can have been handled.
//! - A panic in a handler is a failure of its actor, and of nothing else.
//! - A restart keeps references, name, mailbox and stash. State, timers and children are made anew.
//! - In a cluster, a name belongs to one actor of all nodes, and no message is handled twice, unless it is `idempotent`.
//! - Actors run in the tokio runtime that their system was made in, a few at a time on tasks of casty's own: a handler
//!   that blocks its thread blocks a worker of the runtime.
#![deny(missing_docs)]

// Generated code names this crate, in our own tests too.
extern crate self as casty;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod actor;
mod cluster;
mod entity;
mod error;
mod failure;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzz;
mod host;
mod inbound;
mod message;
mod metrics;
pub mod prelude;
mod probe;
mod registry;
mod reply;
mod scheduler;
mod spans;
mod supervision;
mod sync;
mod system;
#[cfg(feature = "testkit")]
pub mod testkit;
mod wire;

pub use actor::{
    Actor, ActorId, ActorRef, AnyRef, Asking, Confirming, Context, Handles, Mailbox, Overflow, Recipient, Sending, StopReason,
    StopSent, Takes, Target, Terminated, Timer,
};
#[doc(inline)]
pub use casty_macros::{actor, handler, main, message, sharded, singleton, supervised, test};
#[cfg(feature = "tls")]
pub use cluster::Tls;
pub use cluster::{
    Cluster, ClusterError, ClusterEvent, ClusterEvents, DistributedBuilder, Incarnation, InvalidSwimConfig, Member, MemberStatus,
    NodeId, RaftConfig, RecoverError, StartError, SwimConfig,
};
pub use entity::{Entity, EntityId, EntityRef, EntitySending, ReplicationConfig, Sharded, ShardedActor, SingletonActor, State};
pub use error::{ActorLabel, AskError, LookupError, SendError, SpawnError, TrySendError, Undelivered};
pub use failure::{Failure, Result};
pub use message::{Message, SentTo};
pub use reply::{Later, Reply};
pub use supervision::{Children, Directive, SupervisorConfig};
pub use system::{ActorSystem, DeadLetterReason, Event, Events, Spawn, SystemBuilder};

/// The code in the README, compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ReadmeDoctests;
