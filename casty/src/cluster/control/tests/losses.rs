//! redb on a disk that forgets what was not synced, and on one that is full.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex},
};

use openraft::{
    AsyncRuntime, EntryPayload,
    async_runtime::Oneshot as _,
    storage::{IOFlushed, RaftLogReader as _, RaftLogStorage as _},
    vote::RaftLeaderId as _,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use redb::{Database, StorageBackend};

use super::super::{
    Command, DataDir, LogId, OpenError,
    raft::{Entry, HostRuntime, Vote},
};
use crate::{host::Host, sync::lock};

type Oneshot = <HostRuntime as AsyncRuntime>::Oneshot;

/// A file in memory. Clones are the same file.
#[derive(Debug, Clone, Default)]
struct Disk(Arc<Mutex<Content>>);

#[derive(Debug, Clone, Default)]
struct Content {
    bytes: Vec<u8>,
    synced: Vec<u8>,
    /// Since the last sync, in order: offset and bytes.
    unsynced: Vec<(usize, Vec<u8>)>,
    full: bool,
}

impl Disk {
    /// The disk as it is after a power failure: of what was not synced, any part may be there.
    fn after_power_failure(&self, chance: &mut StdRng) -> Self {
        let Content { synced: mut bytes, unsynced, .. } = lock(&self.0).clone();
        for (from, data) in unsynced.iter().filter(|_| chance.random_bool(0.5)) {
            bytes.resize(bytes.len().max(from + data.len()), 0);
            bytes[*from..from + data.len()].copy_from_slice(data);
        }
        let content = Content { synced: bytes.clone(), bytes, ..Content::default() };
        Self(Arc::new(Mutex::new(content)))
    }

    fn fills_up(&self, full: bool) {
        lock(&self.0).full = full;
    }

    fn open(&self) -> Result<DataDir, OpenError> {
        let database = Database::builder().create_with_backend(self.clone()).expect("redb recovers");
        DataDir::of(&Host::current(), database, Path::new("a disk in memory"), None)
    }
}

fn place(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(io::Error::other)
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(lock(&self.0).bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let from = place(offset)?;
        let content = lock(&self.0);
        out.copy_from_slice(content.bytes.get(from..from + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        lock(&self.0).bytes.resize(place(len)?, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let content = &mut *lock(&self.0);
        content.synced.clone_from(&content.bytes);
        content.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let from = place(offset)?;
        let content = &mut *lock(&self.0);
        if content.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        content.bytes[from..from + data.len()].copy_from_slice(data);
        content.unsynced.push((from, data.to_vec()));
        Ok(())
    }
}

fn id(index: u64) -> LogId {
    LogId::new(Vote::new(1, 1).leader_id.to_committed(), index)
}

fn entry(index: u64) -> Entry {
    let log_id = id(index);
    Entry { log_id, payload: EntryPayload::Normal(Command::Generation { generation: index }) }
}

async fn append(opened: &mut DataDir, from: u64, to: u64) -> io::Result<()> {
    let (signal, signalled) = Oneshot::channel();
    opened.store.append((from..to).map(entry), IOFlushed::signal(signal)).await?;
    signalled.await.expect("the callback is called")
}

#[tokio::test]
async fn what_was_told_to_be_durable_is_there_after_a_power_failure() {
    for seed in 0..20 {
        let mut chance = StdRng::seed_from_u64(seed);
        let mut disk = Disk::default();
        let (mut last, mut vote) = (0, None);
        for round in 1..6 {
            let mut opened = disk.open().expect("what a power failure left");
            let found = opened.store.try_get_log_entries(..).await.expect("entries");
            assert!(found.len() as u64 >= last, "seed {seed}: {last} were durable, {} are there", found.len());
            assert!(found.iter().zip(0..).all(|(found, index)| *found == entry(index)));
            assert_eq!(opened.store.read_vote().await.expect("a vote"), vote, "seed {seed}");
            last = found.len() as u64;
            for _ in 0..chance.random_range(0..8) {
                let more = chance.random_range(1..20);
                append(&mut opened, last, last + more).await.expect("written");
                last += more;
            }
            vote = Some(Vote::new(round, 1));
            opened.store.save_vote(&vote.expect("just set")).await.expect("written");
            // Some that nobody waits for.
            let (signal, _ignored) = Oneshot::channel();
            opened.store.append((last..last + 10).map(entry), IOFlushed::signal(signal)).await.expect("taken");
            disk = disk.after_power_failure(&mut chance);
        }
    }
}

#[tokio::test]
async fn a_full_disk_is_told_with_its_path_and_ends_all_writing() {
    let disk = Disk::default();
    let mut opened = disk.open().expect("a new file");
    append(&mut opened, 0, 10).await.expect("written");
    disk.fills_up(true);
    let error = append(&mut opened, 10, 2000).await.expect_err("nothing can be written");
    assert!(error.to_string().contains("a disk in memory"), "{error}");
    disk.fills_up(false);
    assert!(opened.store.save_vote(&Vote::new(9, 1)).await.is_err(), "what failed once is not trusted again");
}
