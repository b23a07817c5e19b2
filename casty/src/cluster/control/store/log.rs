//! The log as it is read.

use std::{collections::BTreeMap, ops::RangeBounds};

use openraft::{EntryPayload, entry::RaftEntry as _};

use super::super::raft::{Entry, LogId, Vote};

/// About how many bytes of entries go into one message: what a thread can decode within a millisecond.
const MESSAGE: usize = 64 * 1024;

/// Entries, vote, and how far the log is committed.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    entries: BTreeMap<u64, Entry>,
    bytes: usize,
    purged: Option<LogId>,
    committed: Option<LogId>,
    vote: Option<Vote>,
}

impl Log {
    pub(super) fn append(&mut self, entries: impl IntoIterator<Item = Entry>) {
        for entry in entries {
            self.bytes += size(&entry);
            if let Some(before) = self.entries.insert(entry.log_id().index, entry) {
                self.bytes -= size(&before);
            }
        }
    }

    pub(super) fn truncate_after(&mut self, last: Option<u64>) {
        let gone = self.entries.split_off(&last.map_or(0, |last| last + 1));
        self.bytes -= gone.values().map(size).sum::<usize>();
    }

    pub(super) fn purge(&mut self, upto: LogId) {
        self.purged = self.purged.max(Some(upto));
        while let Some(first) = self.entries.first_entry()
            && *first.key() <= upto.index
        {
            self.bytes -= size(&first.remove());
        }
    }

    pub(super) fn set_vote(&mut self, vote: Vote) {
        self.vote = Some(vote);
    }

    pub(super) fn set_committed(&mut self, committed: Option<LogId>) {
        self.committed = committed;
    }

    pub(super) fn range(&self, range: impl RangeBounds<u64>) -> Vec<Entry> {
        self.entries.range(range).map(|(_, entry)| entry.clone()).collect()
    }

    /// The first entries of the range: one, and then as many as fit into a message.
    pub(super) fn some_of(&self, range: impl RangeBounds<u64>) -> Vec<Entry> {
        let mut bytes = 0;
        let fits = |(_, entry): &(&u64, &Entry)| {
            let first = bytes == 0;
            bytes += size(entry);
            first || bytes <= MESSAGE
        };
        self.entries.range(range).take_while(fits).map(|(_, entry)| entry.clone()).collect()
    }

    pub(super) fn last(&self) -> Option<LogId> {
        self.entries.last_key_value().map(|(_, entry)| entry.log_id()).or(self.purged)
    }

    pub(super) fn purged(&self) -> Option<LogId> {
        self.purged
    }

    pub(super) fn committed(&self) -> Option<LogId> {
        self.committed
    }

    pub(super) fn vote(&self) -> Option<Vote> {
        self.vote
    }
}

fn size(entry: &Entry) -> usize {
    const ELSE: usize = 64;
    match &entry.payload {
        EntryPayload::Normal(command) => ELSE + command.size(),
        EntryPayload::Blank | EntryPayload::Membership(_) => ELSE,
    }
}
