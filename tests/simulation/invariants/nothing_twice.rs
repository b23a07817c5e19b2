//! What is done to an entity is done once, and what was said not to be handled never.

use casty_tests::ledgers::twice;

use super::Held;
use crate::history::{Histories, Said};

#[derive(Default)]
pub(super) struct NothingTwice;

impl NothingTwice {
    #[expect(clippy::unused_self, reason = "like the others")]
    pub(super) fn at_rest(&self, histories: &Histories, said: &Said) -> Held {
        for (name, operations) in histories.all() {
            if let Some(Ok(done)) = said.get(&name) {
                twice::check(operations, done).map_err(|why| format!("nothing twice: {name:?}: {why}"))?;
            }
        }
        Ok(())
    }
}
