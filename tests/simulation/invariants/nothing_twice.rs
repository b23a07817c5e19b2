//! What is done to an entity is done once, and what was said not to be handled never.

use std::collections::BTreeMap;

use super::Held;
use crate::{
    history::{Histories, Said},
    ledgers::Outcome,
};

#[derive(Default)]
pub(super) struct NothingTwice;

impl NothingTwice {
    #[expect(clippy::unused_self, reason = "like the others")]
    pub(super) fn at_rest(&self, histories: &Histories, said: &Said) -> Held {
        for (name, operations) in histories.all() {
            let Some(Ok(done)) = said.get(&name) else { continue };
            let mut places = BTreeMap::new();
            for (at, it) in done.iter().enumerate() {
                if let Some(first) = places.insert(it.op, at) {
                    return Err(format!("nothing twice: {} was handled as {first} and as {at} by {name:?}: {it:?}", it.op));
                }
            }
            for operation in operations {
                if let Some((_, Outcome::NotHandled(why))) = &operation.ended
                    && places.contains_key(&operation.op)
                {
                    return Err(format!(
                        "nothing twice: {} was said not to be handled by {name:?}, and was: {why}",
                        operation.op
                    ));
                }
            }
        }
        Ok(())
    }
}
