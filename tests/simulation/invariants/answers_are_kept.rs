//! What was answered is in every later answer.

use casty_tests::ledgers::kept;

use super::Held;
use crate::history::{Histories, Said};

#[derive(Default)]
pub(super) struct AnswersAreKept;

impl AnswersAreKept {
    #[expect(clippy::unused_self, reason = "like the others")]
    pub(super) fn at_rest(&self, histories: &Histories, said: &Said) -> Held {
        for (name, operations) in histories.all() {
            let checked = match said.get(&name) {
                Some(Ok(done)) => kept::check(operations, &[], done),
                // It is lost, rightly: what was answered before must fit all the same.
                _ => kept::marks(operations),
            };
            checked.map_err(|why| {
                let history = histories.of(name).join("\n  ");
                format!("answers are kept: {name:?}: {why}\n  {history}\n  {:?}", said.get(&name))
            })?;
        }
        Ok(())
    }
}
