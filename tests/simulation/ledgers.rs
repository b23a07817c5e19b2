//! The entities of a run.

#[path = "../ledgers/entities.rs"]
mod entities;

pub(crate) use casty_tests::ledgers::{Act, Done, Op, Operation, Outcome};

pub(crate) use self::entities::{Ledger, accept_loss, order};

/// An entity, by its type and id.
pub(crate) type Name = (&'static str, &'static str);

pub(crate) const LEDGERS: [Name; 7] =
    [("one", "a"), ("one", "b"), ("majority", "a"), ("majority", "b"), ("all", "a"), ("all", "b"), ("only", "")];
