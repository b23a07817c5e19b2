//! Whoever calls an entity is answered, while nothing happens but that nodes go in good order, and come.

use std::collections::HashMap;

use super::{Held, Moment};
use crate::{
    book::Call,
    ledgers::{Op, Outcome},
    plan::Plan,
};

pub(super) struct LeavesAreSmooth {
    smooth: bool,
    /// The node of each who waits.
    asks: HashMap<Op, usize>,
    /// Which nodes were about to go when it was looked last.
    went: Vec<bool>,
}

impl LeavesAreSmooth {
    pub(super) fn new(plan: &Plan) -> Self {
        Self { smooth: plan.smooth, asks: HashMap::new(), went: vec![false; plan.nodes] }
    }

    pub(super) fn check(&mut self, moment: &Moment<'_>) -> Held {
        if !self.smooth || moment.faults.are_over() {
            return Ok(());
        }
        let goes: Vec<bool> = (0..self.went.len()).map(|node| moment.faults.has_asked_to_go(node)).collect();
        let went = std::mem::replace(&mut self.went, goes.clone());
        for call in moment.calls {
            match call {
                Call::Begun { op, node, .. } => drop(self.asks.insert(*op, *node)),
                Call::Ended { op, entity, outcome } => {
                    let Some(node) = self.asks.remove(op) else { continue };
                    // Who goes itself has stopped asking.
                    if !goes[node]
                        && !went[node]
                        && moment.seen[node].is_some()
                        && let Outcome::NotHandled(why) | Outcome::Unknown(why) = outcome
                    {
                        return Err(format!("leaves are smooth: {op} of node-{node} for {entity:?} came to nothing: {why}"));
                    }
                }
            }
        }
        Ok(())
    }
}
