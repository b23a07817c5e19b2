//! How long what an entity answers may be held back.

use std::{
    mem,
    sync::{
        Mutex, Weak,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use super::Outputs;
use crate::{metrics, sync::lock, system::WeakSystem};

/// Looks in the time after which an answer is given up: it may be held for longer by one of them.
const LOOKS: u32 = 4;

/// Of the entities of one type, those that hold answers back. They are looked at now and then, so that no answer needs a timer.
#[derive(Default)]
pub(crate) struct Patience {
    /// How many looks there were.
    looks: AtomicU32,
    holding: Mutex<Vec<Weak<Outputs>>>,
}

impl Patience {
    /// Whoever begins to wait now has been seen at no later look.
    pub(super) fn now(&self) -> u32 {
        self.looks.load(Relaxed)
    }

    /// To be looked at from now on.
    pub(super) fn enter(&self, outputs: Weak<Outputs>) {
        lock(&self.holding).push(outputs);
    }

    /// Gives up what has been held for too long. Returns how much is held still.
    pub(crate) fn look(&self) -> usize {
        let look = self.looks.fetch_add(1, Relaxed) + 1;
        let mut holding = mem::take(&mut *lock(&self.holding));
        let mut held = 0;
        holding.retain(|outputs| {
            let left = outputs.upgrade().map_or(0, |outputs| outputs.give_up_before(look.saturating_sub(LOOKS)));
            held += left;
            left > 0
        });
        lock(&self.holding).append(&mut holding);
        held
    }
}

/// Looks for as long as there are entities to look at, so that nothing is held for much longer than `limit`.
pub(crate) async fn keep_looking(kind: &'static str, system: WeakSystem, patience: Weak<Patience>, limit: Duration) {
    let every = (limit / LOOKS).max(Duration::from_millis(1));
    loop {
        let Some(here) = system.upgrade() else { return };
        let host = here.host().clone();
        drop(here);
        host.sleep(every).await;
        let Some(patience) = patience.upgrade() else { return };
        metrics::held(kind, patience.look());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, atomic::AtomicUsize};

    use super::*;
    use crate::{
        host::Host,
        reply::{Output, Pass, Refusal, Wait, outputs::Held},
    };

    #[derive(Default)]
    struct Asker {
        answered: AtomicUsize,
        given_up: AtomicUsize,
    }

    impl Held for Asker {
        fn leave(self: Arc<Self>) {
            self.answered.fetch_add(1, Relaxed);
        }

        fn fail(&self, _: Refusal) {
            self.given_up.fetch_add(1, Relaxed);
        }
    }

    fn counts(asker: &Asker) -> (usize, usize) {
        (asker.answered.load(Relaxed), asker.given_up.load(Relaxed))
    }

    #[tokio::test]
    async fn an_answer_that_is_held_for_too_long_is_given_up_and_what_is_to_be_sent_is_not() {
        let patience = Arc::<Patience>::default();
        let outputs = Outputs::new(Pass::always(&Host::current()), patience.clone());
        let (early, late, sent) = (Arc::new(Asker::default()), Arc::new(Asker::default()), Arc::new(AtomicUsize::new(0)));
        patience.look();
        outputs.say(Output::Answer(early.clone()));
        let send = sent.clone();
        outputs.say(Output::Send(Box::new(move || {
            send.fetch_add(1, Relaxed);
        })));
        outputs.handled(Some(Wait::Pending(1)));
        assert_eq!([patience.look(), patience.look()], [2, 2]);
        outputs.say(Output::Answer(late.clone()));
        outputs.handled(Some(Wait::Pending(2)));
        assert_eq!([patience.look(), patience.look()], [3, 3]);
        assert_eq!(counts(&early), (0, 0));
        assert_eq!(patience.look(), 2);
        assert_eq!((counts(&early), counts(&late)), ((0, 1), (0, 0)));
        outputs.kept(2);
        assert_eq!((counts(&late), sent.load(Relaxed)), ((1, 0), 1));
        assert_eq!(patience.look(), 0);
        assert!(outputs.is_settled());
        // It is looked at again once there is something.
        outputs.say(Output::Answer(late.clone()));
        outputs.handled(Some(Wait::Pending(3)));
        assert_eq!((0..6).map(|_| patience.look()).fold(None, |_, left| Some(left)), Some(0));
        assert_eq!(counts(&late), (1, 1));
    }
}
