//! One register, and what is asked of it.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
};

use casty::prelude::*;
use serde::{Deserialize, Serialize};

/// Who did it, and what it did before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Op(pub u32, pub u32);

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// What is done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Act {
    /// Nothing.
    Read,
    /// Writes, and is told what was there.
    Swap(u64),
    /// Writes the second if the first is there, and is told what was.
    Cas(u64, u64),
    /// Told nothing.
    Add(u64),
}

impl Act {
    /// What is there afterwards, if that is something else.
    pub fn on(self, value: u64) -> Option<u64> {
        match self {
            Self::Read => None,
            Self::Swap(to) => Some(to),
            Self::Cas(from, to) => (from == value).then_some(to),
            Self::Add(by) => Some(value + by),
        }
    }
}

/// What has been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Done {
    /// What did it.
    pub op: Op,
    /// What was there afterwards.
    pub value: u64,
    /// By which activation.
    pub by: u64,
}

/// Changes a register.
#[message(reply = Answer)]
#[derive(Debug)]
pub struct Do(pub Op, pub Act);

/// Reads it.
#[message(reply = Answer)]
pub struct Look;

/// Asks for all that has been done.
#[message(reply = Vec<Done>)]
pub struct Tell;

/// What a register says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answer {
    /// What was there before.
    pub was: u64,
    /// How much had been done, this included.
    pub at: usize,
    /// What stands for all that had been done.
    pub mark: u64,
    /// By which activation.
    pub by: u64,
    /// On which node.
    pub node: String,
}

/// What stands for all of it.
pub fn mark(done: &[Done]) -> u64 {
    done.iter().fold(0, next_mark)
}

/// What stands for all that `mark` stood for, and one more.
pub fn next_mark(mark: u64, done: &Done) -> u64 {
    let mut hasher = DefaultHasher::new();
    (mark, done).hash(&mut hasher);
    hasher.finish()
}

/// The state of a register.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Page {
    value: u64,
    mark: u64,
    done: Vec<Done>,
}

impl Page {
    /// Does it, and answers.
    pub fn act(&mut self, Do(op, act): Do, by: u64, node: String) -> Answer {
        let was = self.value;
        if let Some(value) = act.on(was) {
            let done = Done { op, value, by };
            self.value = value;
            self.mark = next_mark(self.mark, &done);
            self.done.push(done);
        }
        Answer { was, ..self.look(by, node) }
    }

    /// Answers.
    pub fn look(&self, by: u64, node: String) -> Answer {
        Answer { was: self.value, at: self.done.len(), mark: self.mark, by, node }
    }

    /// All that has been done.
    pub fn tell(&self) -> Vec<Done> {
        self.done.clone()
    }
}
