//! A node whose lease is over answers for no entity.

use std::collections::HashMap;

use super::{Held, Moment};
use crate::{
    book::Call,
    ledgers::{Op, Outcome},
};

#[derive(Default)]
pub(super) struct MinorityStops {
    looks: u64,
    /// The look since which a node may not answer, and by which lease: it can have had a short one between two looks.
    closed: HashMap<String, (u64, Option<u64>)>,
    /// The look before which an operation began.
    began: HashMap<Op, u64>,
}

impl MinorityStops {
    pub(super) fn check(&mut self, moment: &Moment<'_>) -> Held {
        self.looks += 1;
        for node in 0..moment.cluster.size() {
            let name = format!("node-{node}");
            if moment.cluster.may_serve(node) {
                self.closed.remove(&name);
                continue;
            }
            let (now, mark) = (self.looks, moment.cluster.lease_mark(node));
            let since = self.closed.entry(name).or_insert((now, mark));
            if since.1 != mark {
                *since = (now, mark);
            }
        }
        for call in moment.calls {
            match call {
                Call::Begun { op, .. } => drop(self.began.insert(*op, self.looks)),
                Call::Ended { op, outcome, entity } => {
                    let Some(began) = self.began.remove(op) else { continue };
                    let Outcome::Answered(answer) = outcome else { continue };
                    if self.closed.get(&answer.node).is_some_and(|(since, _)| *since < began) {
                        return Err(format!(
                            "the minority stops: {} answered {op} for {entity:?}, without a lease since before it began",
                            answer.node
                        ));
                    }
                }
            }
        }
        Ok(())
    }
}
