//! No silence: an answer comes from who handled the message, and what was said not to have been handled never is.

use std::collections::HashSet;

use super::{Held, Moment};

#[derive(Default)]
pub(super) struct NotHandled {
    handled: HashSet<(u64, u64)>,
    refused: HashSet<(u64, u64)>,
}

impl NotHandled {
    pub(super) fn check(&mut self, moment: &Moment<'_>) -> Held {
        self.handled.extend(moment.handled.iter().map(|handled| (handled.sender, handled.number)));
        for told in &moment.told {
            let message = (told.sender, told.number);
            if told.surely && !self.handled.contains(&message) {
                return Err(format!(
                    "no silence: number {} of sender {} was answered, and never handled",
                    told.number, told.sender
                ));
            }
            if !told.maybe {
                self.refused.insert(message);
            }
        }
        let wrong = moment
            .told
            .iter()
            .map(|told| (told.sender, told.number))
            .chain(moment.handled.iter().map(|it| (it.sender, it.number)));
        for message in wrong {
            if self.refused.contains(&message) && self.handled.contains(&message) {
                return Err(format!(
                    "no silence: number {} of sender {} was said not to be handled, and was",
                    message.1, message.0
                ));
            }
        }
        Ok(())
    }
}
