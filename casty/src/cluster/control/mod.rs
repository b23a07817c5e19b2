//! What the cluster agrees on: its members, their incarnations and the names of actors, on openraft.
//!
//! `command` and `state` are pure: commands in, answers and changes out. `machine`, `store`, `raft` and `network` fit them
//! to openraft, whose types stay in this module. Who proposes what, and when, is not decided here.

mod acks;
mod command;
mod driver;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod inquiry;
mod leader;
mod leases;
mod machine;
mod names;
mod network;
mod placing;
mod plan;
mod plane;
mod publish;
mod raft;
mod recovery;
mod remembered;
mod seat;
mod slots;
mod snapshot;
mod state;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use command::{Answer, Command, JoinRefused, NameClaim, NameResult};
pub(crate) use driver::Driver;
pub(crate) use leader::{Probed, method as call};
pub(crate) use leases::{Leases, Renewal};
pub(crate) use machine::Machine;
pub(crate) use network::{CallError, Calls, Lane, RaftServer};
pub(crate) use placing::Placing;
pub(crate) use plane::Plane;
pub(crate) use publish::{Changed, Published, View};
pub(crate) use raft::{LogId, Membership, Raft, RaftNode, RaftTimes};
pub(crate) use recovery::recover_alone;
pub(crate) use remembered::Remembered;
pub(crate) use seat::{Needs, Seat};
pub(crate) use state::{Change, Member, MemberStatus};
#[cfg(any(test, feature = "testkit"))]
pub(crate) use store::SimDisk;
pub(crate) use store::{Closer, DataDir, Identity, Joins, LogStore, OpenError, Snapshots};
