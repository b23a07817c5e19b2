//! What somebody did to a register, and what came of it.

use serde::{Deserialize, Serialize};

use super::{Act, Answer, Op};

/// What came of a call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Outcome {
    /// It was answered.
    Answered(Answer),
    /// Nobody is to answer, and it is kept.
    Kept,
    /// It was not handled, for this reason.
    NotHandled(String),
    /// It may have been handled, or be handled yet.
    Unknown(String),
}

/// A call, from beginning to end.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Whose it is.
    pub op: Op,
    /// What is to be done.
    pub act: Act,
    /// The order of the beginning of those that were begun together.
    pub together: u64,
    /// When it began, among all beginnings and ends.
    pub began: u64,
    /// When it ended and how, if it has.
    pub ended: Option<(u64, Outcome)>,
}
