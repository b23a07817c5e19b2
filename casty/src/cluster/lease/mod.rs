//! Who may serve until when.
//!
//! Pure: what was asked, granted and acknowledged comes in with the clocks' times, leases and their ends come out.
//! Whoever leads the control plane grants, every node holds one lease or none. Proposing that a node is down, and
//! moving its slots, are the control plane's.

mod config;
mod granter;
mod holder;
#[cfg(test)]
mod walk;

pub(crate) use self::{
    config::{Clocks, LeaseConfig},
    granter::{Grant, Granter, NoGrant},
    holder::{AskId, Holder},
};
