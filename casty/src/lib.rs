//! Typed actors with supervision: plain structs that handle messages one at a time.
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
#![deny(missing_docs)]

// Generated code names this crate, in our own tests too.
extern crate self as casty;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod actor;
mod error;
mod failure;
mod host;
mod inbound;
mod message;
pub mod prelude;
mod probe;
mod registry;
mod reply;
mod scheduler;
mod supervision;
mod sync;
mod system;
#[cfg(feature = "testkit")]
pub mod testkit;
mod wire;

pub use actor::{
    Actor, ActorId, ActorRef, AnyRef, Asking, Context, Handles, Mailbox, Overflow, Recipient, Sending, StopReason, StopSent,
    Target, Terminated, Timer,
};
#[doc(inline)]
pub use casty_macros::{actor, handler, main, message, supervised, test};
pub use error::{ActorLabel, AskError, LookupError, SendError, SpawnError, TrySendError};
pub use failure::{Failure, Result};
pub use message::{Message, SentTo};
pub use reply::{Later, Reply};
pub use supervision::{Children, Directive, SupervisorConfig};
pub use system::{ActorSystem, DeadLetterReason, Event, Events, Spawn, SystemBuilder};
