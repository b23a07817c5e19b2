//! No message is handled twice, `idempotent` ones excepted.

use std::collections::HashSet;

use super::{Held, Moment};

#[derive(Default)]
pub(super) struct Once(HashSet<(u64, u64)>);

impl Once {
    pub(super) fn check(&mut self, moment: &Moment<'_>) -> Held {
        for handled in moment.handled.iter().filter(|handled| !handled.idempotent) {
            if !self.0.insert((handled.sender, handled.number)) {
                return Err(format!("no message is handled twice: number {} of sender {} was", handled.number, handled.sender));
            }
        }
        Ok(())
    }
}
