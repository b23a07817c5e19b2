//! An actor handles what one sender sends it in the order in which that was sent; resends of `idempotent` ones excepted.

use std::collections::HashMap;

use super::{Held, Moment};

#[derive(Default)]
pub(super) struct InOrder(HashMap<(u64, u64), u64>);

impl InOrder {
    pub(super) fn check(&mut self, moment: &Moment<'_>) -> Held {
        for handled in moment.handled.iter().filter(|handled| !handled.idempotent) {
            let last = self.0.entry((handled.by, handled.sender)).or_default();
            if handled.number <= *last {
                return Err(format!(
                    "in order: actor {} handled number {} of sender {} after {last}",
                    handled.by, handled.number, handled.sender
                ));
            }
            *last = handled.number;
        }
        Ok(())
    }
}
