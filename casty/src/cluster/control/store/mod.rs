//! Where log, vote and snapshot are kept.
//!
//! The whole log is in memory for reading, snapshots keep it short. What has to outlive the process goes, in order,
//! through one queue to a writer: a thread with a file, or the disk of a simulation. Without a writer nothing does.

mod durable;
mod file;
mod identity;
mod log;
#[cfg(any(test, feature = "testkit"))]
mod memory;

use std::{
    fmt::Debug,
    io,
    ops::{Bound, RangeBounds},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, future, stream};
use openraft::{
    OptionalSend, RaftLogReader,
    entry::RaftEntry as _,
    storage::{IOFlushed, LogState, RaftLogStorage},
};
use tokio::sync::{mpsc, oneshot};

use super::raft::{Entry, LogId, Snapshot, SnapshotMeta, TypeConfig, Vote};
use crate::sync::lock;
pub(crate) use durable::{Closer, DataDir, OpenError};
pub(crate) use identity::{Identity, Joins};
use log::Log;
#[cfg(any(test, feature = "testkit"))]
pub(crate) use memory::SimDisk;

/// What a writer is asked to put on its disk, one after the other.
enum Write {
    Append(Vec<Entry>, IOFlushed<TypeConfig>),
    /// Entries after this index go, all of them without one.
    Truncate(Option<u64>),
    /// Entries up to this one go.
    Purge(LogId),
    Vote(Vote, Done),
    Committed(Option<LogId>),
    Snapshot(SnapshotMeta, Bytes, Done),
    /// Nothing is kept but who this is from now on.
    Anew(Identity, Done),
    /// Nothing: it is told when all before it is done.
    Barrier(Done),
    /// The last one.
    Close(Done),
}

type Done = oneshot::Sender<io::Result<()>>;

/// The log of one node. Clones are handles to the same.
#[derive(Debug, Clone)]
pub(crate) struct LogStore {
    log: Arc<Mutex<Log>>,
    writer: Option<mpsc::UnboundedSender<Write>>,
}

/// The last snapshot of one node. Clones are handles to the same.
#[derive(Debug, Clone)]
pub(crate) struct Snapshots {
    last: Arc<Mutex<Option<Snapshot>>>,
    writer: Option<mpsc::UnboundedSender<Write>>,
}

impl LogStore {
    /// A log that ends with the process.
    pub(crate) fn in_memory() -> (Self, Snapshots) {
        Self::new(Log::default(), None, None)
    }

    fn new(log: Log, snapshot: Option<Snapshot>, writer: Option<mpsc::UnboundedSender<Write>>) -> (Self, Snapshots) {
        let snapshots = Snapshots { last: Arc::new(Mutex::new(snapshot)), writer: writer.clone() };
        (Self { log: Arc::new(Mutex::new(log)), writer }, snapshots)
    }

    /// Whether there is nothing yet: no entry, no vote.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        let log = lock(&self.log);
        log.last().is_none() && log.vote().is_none()
    }

    /// Returns when all that was written before is on disk.
    pub(crate) async fn sync(&self) -> io::Result<()> {
        ask(self.writer.as_ref(), Write::Barrier).await
    }

    /// Forgets log, vote and snapshot, all at once, while no Raft runs on the store. It is another node's to Raft from then on:
    /// a voter that forgets could vote twice.
    pub(crate) async fn begin_anew(&self, snapshots: &Snapshots, identity: &Identity) -> io::Result<()> {
        ask(self.writer.as_ref(), |done| Write::Anew(identity.clone(), done)).await?;
        *lock(&self.log) = Log::default();
        *lock(&snapshots.last) = None;
        Ok(())
    }

    fn write(&self, write: Write) -> io::Result<()> {
        match &self.writer {
            Some(writer) => writer.send(write).map_err(|_| gone()),
            None => Ok(()),
        }
    }
}

impl Snapshots {
    pub(super) fn current(&self) -> Option<Snapshot> {
        lock(&self.last).clone()
    }

    /// Keeps a snapshot in place of the last one, if it is newer. It is on disk when this returns.
    pub(super) async fn save(&self, meta: SnapshotMeta, data: Bytes) -> io::Result<()> {
        if lock(&self.last).as_ref().is_some_and(|last| last.meta.last_log_id >= meta.last_log_id) {
            return Ok(());
        }
        ask(self.writer.as_ref(), |done| Write::Snapshot(meta.clone(), data.clone(), done)).await?;
        let mut last = lock(&self.last);
        if last.as_ref().is_none_or(|last| last.meta.last_log_id < meta.last_log_id) {
            *last = Some(Snapshot { meta, snapshot: data });
        }
        Ok(())
    }
}

/// The first index of the range, and the one after its last.
fn bounds(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let from = match range.start_bound() {
        Bound::Included(from) => *from,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let to = match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(to) => *to,
        Bound::Unbounded => u64::MAX,
    };
    (from, to)
}

/// Has something written, and waits for it.
async fn ask(writer: Option<&mpsc::UnboundedSender<Write>>, write: impl FnOnce(Done) -> Write) -> io::Result<()> {
    let Some(writer) = writer else { return Ok(()) };
    let (done, is_done) = oneshot::channel();
    writer.send(write(done)).map_err(|_| gone())?;
    is_done.await.unwrap_or_else(|_| Err(gone()))
}

fn gone() -> io::Error {
    io::Error::other("the writer of the raft store has ended")
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<R>(&mut self, range: R) -> Result<Vec<Entry>, io::Error>
    where
        R: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        Ok(lock(&self.log).range(range))
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, io::Error> {
        Ok(lock(&self.log).some_of(start..end))
    }

    async fn entries_stream<R>(&mut self, range: R) -> impl Stream<Item = io::Result<Entry>> + OptionalSend
    where
        R: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        // A part at a time, so that none holds up the thread.
        let (from, to) = bounds(&range);
        let log = self.log.clone();
        let parts = stream::unfold(from, move |from| {
            let part = if from < to { lock(&log).some_of(from..to) } else { Vec::new() };
            let next = part.last().map(|last| last.log_id().index + 1);
            future::ready(next.map(|next| (stream::iter(part.into_iter().map(Ok)), next)))
        });
        parts.flatten()
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(lock(&self.log).vote())
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, io::Error> {
        let log = lock(&self.log);
        Ok(LogState { last_purged_log_id: log.purged(), last_log_id: log.last() })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        ask(self.writer.as_ref(), |done| Write::Vote(*vote, done)).await?;
        lock(&self.log).set_vote(*vote);
        Ok(())
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        lock(&self.log).set_committed(committed);
        self.write(Write::Committed(committed))
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        Ok(lock(&self.log).committed())
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<TypeConfig>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<Entry> = entries.into_iter().collect();
        match &self.writer {
            Some(writer) => {
                lock(&self.log).append(entries.iter().cloned());
                writer.send(Write::Append(entries, callback)).map_err(|_| gone())
            }
            None => {
                lock(&self.log).append(entries);
                callback.io_completed(Ok(()));
                Ok(())
            }
        }
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> Result<(), io::Error> {
        let last = last.map(|id| id.index);
        lock(&self.log).truncate_after(last);
        self.write(Write::Truncate(last))
    }

    async fn purge(&mut self, upto: LogId) -> Result<(), io::Error> {
        lock(&self.log).purge(upto);
        self.write(Write::Purge(upto))
    }
}
