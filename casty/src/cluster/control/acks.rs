//! When each voter last answered this leader, by when it was asked.
//!
//! openraft has such a clock too, but takes the answer to one of several requests that say the same for one to the last of
//! them. A lease counts from the question, or a voter could have turned to another leader in between.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::Instant;

use crate::{host::Host, sync::lock};

/// Clones are handles to the same.
#[derive(Debug, Clone)]
pub(crate) struct Acks {
    host: Host,
    /// By voter: the term, and when it was asked.
    asked: Arc<Mutex<BTreeMap<u64, (u64, Instant)>>>,
}

impl Acks {
    pub(crate) fn new(host: Host) -> Self {
        Self { host, asked: Arc::default() }
    }

    /// A request leaves now.
    pub(super) fn asks(&self) -> Instant {
        self.host.now()
    }

    /// The answer to a request that left at `asked`: the node follows the leader of this term.
    pub(super) fn answered(&self, node: u64, term: u64, asked: Instant) {
        let mut all = lock(&self.asked);
        let last = all.entry(node).or_insert((term, asked));
        *last = (*last).max((term, asked));
    }

    /// How long ago this leader asked what a majority of each set of voters has answered. Itself it need not ask.
    pub(super) fn quorum<'a>(&self, leader: u64, term: u64, voters: impl Iterator<Item = &'a BTreeSet<u64>>) -> Option<Duration> {
        let (all, now) = (lock(&self.asked), self.host.now());
        let answered = |node: &u64| match all.get(node) {
            _ if *node == leader => Some(now),
            Some((of, asked)) if *of == term => Some(*asked),
            _ => None,
        };
        let by_majority = |set: &BTreeSet<u64>| {
            let mut times: Vec<_> = set.iter().map(answered).collect();
            times.sort_unstable_by(|one, other| other.cmp(one));
            times.get(set.len() / 2).copied().flatten()
        };
        let oldest = voters.map(by_majority).min().flatten()?;
        Some(now.saturating_duration_since(oldest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn a_majority_of_each_set_counts_by_when_it_was_asked() {
        let acks = Acks::new(Host::current());
        let (old, new) = (BTreeSet::from([1, 2, 3]), BTreeSet::from([1, 4, 5]));
        let quorum = |term, sets: &[&BTreeSet<u64>]| acks.quorum(1, term, sets.iter().copied());
        assert_eq!(quorum(7, &[&BTreeSet::from([1])]), Some(Duration::ZERO), "it is a majority by itself");
        assert_eq!(quorum(7, &[&old]), None);
        let asked = acks.asks();
        acks.host.sleep(100 * MS).await;
        let again = acks.asks();
        acks.answered(2, 7, asked);
        assert_eq!(quorum(7, &[&old]), Some(100 * MS), "an answer that takes long is as old as its question");
        acks.answered(2, 7, again);
        acks.answered(2, 7, asked);
        assert_eq!(quorum(7, &[&old]), Some(Duration::ZERO), "a late answer takes nothing back");
        assert_eq!(quorum(7, &[&old, &new]), None, "half of a change counts nothing");
        acks.answered(5, 7, asked);
        assert_eq!(quorum(7, &[&old, &new]), Some(100 * MS));
        assert_eq!(quorum(8, &[&old]), None, "each term begins anew");
    }
}
