//! What a client sends to one entity, each begun after the one before it was handed over, is handled in that order, unless
//! the entity moves meanwhile. Of what it was told that it may be handled yet, that is so: also after what it sends then.

use std::collections::HashMap;

use super::Held;
use crate::{
    history::{Histories, Said},
    ledgers::{Op, Operation, Outcome},
};

#[derive(Default)]
pub(super) struct InOrderEntities;

impl InOrderEntities {
    #[expect(clippy::unused_self, reason = "like the others")]
    pub(super) fn at_rest(&self, histories: &Histories, said: &Said) -> Held {
        for (name, operations) in histories.all() {
            let Some(Ok(done)) = said.get(&name) else { continue };
            let all: HashMap<Op, &Operation> = operations.iter().map(|it| (it.op, it)).collect();
            let mut last: HashMap<u32, (Op, u64)> = HashMap::new();
            for it in done {
                let Op(client, _) = it.op;
                let Some((before, by)) = last.insert(client, (it.op, it.by)) else { continue };
                // Activations have their numbers from where the beginnings have them.
                let stayed = by == it.by && all.get(&it.op).is_some_and(|one| it.by < one.together);
                let pair = all.get(&it.op).zip(all.get(&before));
                let may_be_late = pair.is_some_and(|(one, next)| was_told_before(one, next));
                if it.op < before && stayed && !may_be_late {
                    let said: Vec<_> = operations.iter().filter(|other| [it.op, before].contains(&other.op)).collect();
                    return Err(format!("in order: {name:?} handled {} after {before}: {said:?}", it.op));
                }
            }
        }
        Ok(())
    }
}

/// Whether who sent it was told that it may be handled yet, before sending the next.
fn was_told_before(one: &Operation, next: &Operation) -> bool {
    matches!(one.ended, Some((ended, Outcome::Unknown(_))) if ended < next.began)
}
