//! What a client sends to one entity, each begun after the one before it was handed over, is handled in that order, unless
//! the entity moves meanwhile.

use std::collections::HashMap;

use super::Held;
use crate::{
    history::{Histories, Said},
    ledgers::Op,
};

#[derive(Default)]
pub(super) struct InOrderEntities;

impl InOrderEntities {
    #[expect(clippy::unused_self, reason = "like the others")]
    pub(super) fn at_rest(&self, histories: &Histories, said: &Said) -> Held {
        for (name, operations) in histories.all() {
            let Some(Ok(done)) = said.get(&name) else { continue };
            let together: HashMap<Op, u64> = operations.iter().map(|it| (it.op, it.together)).collect();
            let mut last: HashMap<u32, (Op, u64)> = HashMap::new();
            for it in done {
                let Op(client, _) = it.op;
                let Some((before, by)) = last.insert(client, (it.op, it.by)) else { continue };
                // Activations have their numbers from where the beginnings have them.
                let stayed = by == it.by && together.get(&it.op).is_some_and(|together| it.by < *together);
                if it.op < before && stayed {
                    return Err(format!("in order: {name:?} handled {} after {before}", it.op));
                }
            }
        }
        Ok(())
    }
}
