//! What clients did to each entity, and what came of it.

use std::collections::BTreeMap;

use crate::{
    book::Call,
    ledgers::{Done, Name, Operation},
};

#[derive(Default)]
pub(crate) struct Histories {
    of: BTreeMap<Name, Vec<Operation>>,
    time: u64,
}

/// What each entity says at the end that was done to it, or why it says nothing.
pub(crate) type Said = BTreeMap<Name, Result<Vec<Done>, String>>;

impl Histories {
    pub(crate) fn add(&mut self, calls: &[Call]) {
        for call in calls {
            self.time += 1;
            match call.clone() {
                Call::Begun { entity, op, act, began: together, .. } => {
                    let operation = Operation { op, act, together, began: self.time, ended: None };
                    self.of.entry(entity).or_default().push(operation);
                }
                Call::Ended { entity, op, outcome } => {
                    let all = self.of.entry(entity).or_default();
                    if let Some(operation) = all.iter_mut().rev().find(|operation| operation.op == op) {
                        operation.ended = Some((self.time, outcome));
                    }
                }
            }
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (Name, &[Operation])> {
        self.of.iter().map(|(name, operations)| (*name, &**operations))
    }

    /// In words, for who reads of a failure: what was done from one time to another.
    pub(crate) fn of(&self, name: Name) -> Vec<String> {
        let text = |it: &Operation| {
            let (ended, outcome) = match &it.ended {
                None => (String::new(), "no end".to_owned()),
                Some((at, outcome)) => (at.to_string(), format!("{outcome:?}")),
            };
            format!("{}..{ended} {} {:?}: {outcome}", it.began, it.op, it.act)
        };
        self.of.get(&name).into_iter().flatten().map(text).collect()
    }
}
