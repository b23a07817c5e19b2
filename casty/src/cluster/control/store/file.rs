//! The file of a data directory: tables of redb.

use std::{
    io,
    path::{Path, PathBuf},
};

use openraft::entry::RaftEntry as _;
use redb::{Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, TableDefinition, TableError, WriteTransaction};
use serde::{Serialize, de::DeserializeOwned};

use super::{Identity, OpenError, Write, log::Log};
use crate::cluster::control::raft::{LogId, Snapshot};

/// The version of what follows. A newer one is refused.
const FORMAT: u32 = 1;

/// By name: each a value in MessagePack, the snapshot's data as it is.
const VALUES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("values");
/// By index: the entry in MessagePack.
const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");

const FORMAT_KEY: &str = "format";
const IDENTITY: &str = "identity";
const VOTE: &str = "vote";
const COMMITTED: &str = "committed";
const PURGED: &str = "purged";
const SNAPSHOT_META: &str = "snapshot-meta";
const SNAPSHOT_DATA: &str = "snapshot-data";

pub(super) struct RaftFile {
    database: Database,
    path: PathBuf,
    /// Goes with the next write: nothing is lost without it but time.
    committed: Option<Option<LogId>>,
    /// Why nothing is written any more.
    broken: Option<(io::ErrorKind, String)>,
}

/// What a start finds.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) identity: Option<Identity>,
    pub(super) log: Log,
    pub(super) snapshot: Option<Snapshot>,
}

impl RaftFile {
    /// # Errors
    /// If the file is of a newer format, or none of ours. It has not been changed then.
    pub(super) fn new(database: Database, path: PathBuf) -> Result<Self, OpenError> {
        let file = Self { database, path, committed: None, broken: None };
        match file.value::<u32>(FORMAT_KEY)? {
            Some(found) if found > FORMAT => Err(OpenError::NewerFormat { path: file.path, found, known: FORMAT }),
            _ => Ok(file),
        }
    }

    pub(super) fn load(&self) -> Result<Loaded, OpenError> {
        let mut log = Log::default();
        if let Some(purged) = self.value(PURGED)? {
            log.purge(purged);
        }
        if let Some(vote) = self.value(VOTE)? {
            log.set_vote(vote);
        }
        log.set_committed(self.value(COMMITTED)?);
        self.load_entries(&mut log)?;
        let snapshot = match self.value(SNAPSHOT_META)? {
            Some(meta) => Some(Snapshot { meta, snapshot: self.bytes(SNAPSHOT_DATA)?.unwrap_or_default().into() }),
            None => None,
        };
        let covered = snapshot.as_ref().and_then(|snapshot| snapshot.meta.last_log_id);
        if log.purged() > covered {
            return Err(self.corrupt("the log goes on after a snapshot that is not there"));
        }
        Ok(Loaded { identity: self.value(IDENTITY)?, log, snapshot })
    }

    fn load_entries(&self, log: &mut Log) -> Result<(), OpenError> {
        let read = self.database.begin_read().map_err(|error| self.bad(error.into()))?;
        let table = match read.open_table(LOG) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(()),
            Err(error) => return Err(self.bad(error.into())),
        };
        for row in table.iter().map_err(|error| self.bad(error.into()))? {
            let (index, entry) = row.map_err(|error| self.bad(error.into()))?;
            let entry: crate::cluster::control::raft::Entry = self.decode("an entry of the log", entry.value())?;
            let expected = log.last().map_or(0, |last| last.index + 1);
            if index.value() != expected || entry.log_id().index != expected {
                return Err(self.corrupt(&format!("the log has no entry {expected}")));
            }
            log.append([entry]);
        }
        Ok(())
    }

    pub(super) fn save_identity(&mut self, identity: &Identity) -> io::Result<()> {
        self.transact(|transaction| {
            let mut values = transaction.open_table(VALUES).map_err(redb_error)?;
            values.insert(FORMAT_KEY, &encode(&FORMAT)?[..]).map_err(redb_error)?;
            values.insert(IDENTITY, &encode(identity)?[..]).map_err(redb_error)?;
            Ok(())
        })
    }

    /// Makes the writes durable, all or none of them. After a failure there is no other write.
    pub(super) fn write(&mut self, writes: &[Write], flush: bool) -> io::Result<()> {
        if let Some((kind, why)) = &self.broken {
            return Err(io::Error::new(*kind, why.clone()));
        }
        for write in writes {
            match write {
                Write::Committed(committed) => self.committed = Some(*committed),
                Write::Anew(..) => self.committed = None,
                _ => {}
            }
        }
        let lazy = writes.iter().all(|write| matches!(write, Write::Committed(_)));
        if lazy && !(flush && self.committed.is_some()) {
            return Ok(());
        }
        let committed = self.committed.take();
        let written = self.transact(|transaction| {
            writes.iter().try_for_each(|write| carry_out(transaction, write))?;
            match committed {
                Some(committed) => put(transaction, COMMITTED, committed.as_ref()),
                None => Ok(()),
            }
        });
        if let Err(error) = &written {
            self.broken = Some((error.kind(), error.to_string()));
        }
        written
    }

    fn transact(&self, work: impl FnOnce(&WriteTransaction) -> io::Result<()>) -> io::Result<()> {
        let run = || {
            let transaction = self.database.begin_write().map_err(redb_error)?;
            work(&transaction)?;
            transaction.commit().map_err(redb_error)
        };
        run().map_err(|error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", self.path.display())))
    }

    fn value<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, OpenError> {
        match self.bytes(key)? {
            Some(bytes) => self.decode(key, &bytes).map(Some),
            None => Ok(None),
        }
    }

    fn bytes(&self, key: &str) -> Result<Option<Vec<u8>>, OpenError> {
        let read = self.database.begin_read().map_err(|error| self.bad(error.into()))?;
        let table = match read.open_table(VALUES) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(self.bad(error.into())),
        };
        let value = table.get(key).map_err(|error| self.bad(error.into()))?;
        Ok(value.map(|value| value.value().to_vec()))
    }

    fn decode<T: DeserializeOwned>(&self, what: &str, bytes: &[u8]) -> Result<T, OpenError> {
        rmp_serde::from_slice(bytes).map_err(|error| self.corrupt(&format!("{what} can not be read: {error}")))
    }

    fn corrupt(&self, what: &str) -> OpenError {
        OpenError::Corrupt { path: self.path.clone(), what: what.into() }
    }

    fn bad(&self, error: redb::Error) -> OpenError {
        match error {
            redb::Error::Io(error) => OpenError::Io { path: self.path.clone(), error },
            error => self.corrupt(&error.to_string()),
        }
    }
}

fn carry_out(transaction: &WriteTransaction, write: &Write) -> io::Result<()> {
    match write {
        Write::Append(entries, _) => {
            let mut log = transaction.open_table(LOG).map_err(redb_error)?;
            for entry in entries {
                log.insert(entry.log_id().index, &encode(entry)?[..]).map_err(redb_error)?;
            }
            Ok(())
        }
        Write::Truncate(last) => {
            let mut log = transaction.open_table(LOG).map_err(redb_error)?;
            log.retain_in(last.map_or(0, |last| last + 1).., |_, _| false).map_err(redb_error)
        }
        Write::Purge(upto) => {
            let mut log = transaction.open_table(LOG).map_err(redb_error)?;
            log.retain_in(..=upto.index, |_, _| false).map_err(redb_error)?;
            drop(log);
            put(transaction, PURGED, Some(upto))
        }
        Write::Vote(vote, _) => put(transaction, VOTE, Some(vote)),
        Write::Snapshot(meta, data, _) => {
            put(transaction, SNAPSHOT_META, Some(meta))?;
            let mut values = transaction.open_table(VALUES).map_err(redb_error)?;
            values.insert(SNAPSHOT_DATA, &data[..]).map_err(redb_error).map(drop)
        }
        Write::Anew(identity, _) => {
            let mut log = transaction.open_table(LOG).map_err(redb_error)?;
            log.retain(|_, _| false).map_err(redb_error)?;
            drop(log);
            let mut values = transaction.open_table(VALUES).map_err(redb_error)?;
            for gone in [VOTE, COMMITTED, PURGED, SNAPSHOT_META, SNAPSHOT_DATA] {
                values.remove(gone).map_err(redb_error)?;
            }
            values.insert(IDENTITY, &encode(identity)?[..]).map_err(redb_error).map(drop)
        }
        // The former is written with the next batch.
        Write::Committed(_) | Write::Barrier(_) | Write::Close(_) => Ok(()),
    }
}

fn put(transaction: &WriteTransaction, key: &str, value: Option<&impl Serialize>) -> io::Result<()> {
    let mut values = transaction.open_table(VALUES).map_err(redb_error)?;
    match value {
        Some(value) => values.insert(key, &encode(value)?[..]).map(drop),
        None => values.remove(key).map(drop),
    }
    .map_err(redb_error)
}

fn encode(value: &impl Serialize) -> io::Result<Vec<u8>> {
    rmp_serde::to_vec_named(value).map_err(io::Error::other)
}

fn redb_error(error: impl Into<redb::Error>) -> io::Error {
    match error.into() {
        redb::Error::Io(error) => error,
        error => io::Error::other(error),
    }
}

pub(super) fn open_error(path: &Path, error: DatabaseError) -> OpenError {
    let path = path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => OpenError::Locked { path },
        DatabaseError::Storage(redb::StorageError::Io(error)) if error.kind() != io::ErrorKind::InvalidData => {
            OpenError::Io { path, error }
        }
        error => OpenError::Corrupt { path, what: error.to_string() },
    }
}
