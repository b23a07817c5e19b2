//! Who answers and who does not: SWIM, by foca, over datagrams.
//!
//! Its word decides nothing alone: whoever leads the control plane proposes that a node is down, and asks here first.
//! Joining, leaving and the meaning of "down" for actors are the control plane's.

mod codec;
mod config;
mod core;
mod driver;
mod identity;
mod news;
mod seal;
#[cfg(test)]
mod simulation;
mod timers;

pub use self::config::{InvalidSwimConfig, SwimConfig};
pub(crate) use self::{
    core::Swim,
    driver::{Driver, SwimCommand, SwimHandle},
    identity::Identity,
    news::{Action, Opinion, Peer},
    seal::{Seal, SealKey},
};
