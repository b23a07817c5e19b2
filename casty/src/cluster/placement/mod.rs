//! Where entities live. Pure.
//!
//! An entity's slot follows from its type and its id, and never changes. Which nodes have a slot is part of the replicated
//! state: a chain of configurations, newest first, back to the last one whose every member has all of the slot.

mod hash;
mod plan;
mod ring;
mod table;
mod types;

#[cfg(test)]
pub(crate) use self::types::TypeEntry;
pub(crate) use self::{
    hash::{hash_of, kind_seed, slot_of, slot_of_hash},
    plan::{Known, Node, Proposal},
    table::{Chain, Configuration, Epoch, SLOTS, Slot, SlotTable, Stage},
    types::{HASH, TypeNumber, TypeSettings, TypeTable},
};
