//! A data directory: identity, log, vote and snapshot in one file, behind a thread.

use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use redb::Database;
use tokio::sync::{mpsc, oneshot};

use super::{
    Identity, LogStore, Snapshots, Write,
    file::{Loaded, RaftFile},
};
use crate::{cluster::NodeId, host::Host};

/// The name of the file in a data directory.
const FILE: &str = "raft.redb";

/// At most so many writes share a sync.
const BATCH: usize = 1024;

/// How much of the file redb keeps in memory. All that is read often is in memory anyway.
const CACHE: usize = 8 * 1024 * 1024;

/// An open data directory. It is locked until it is closed, or nobody has a handle to its store any more.
pub(crate) struct DataDir {
    /// Of this start.
    pub(crate) identity: Identity,
    /// Of the last start, if there was one.
    pub(crate) previous: Option<Identity>,
    pub(crate) store: LogStore,
    pub(crate) snapshots: Snapshots,
    writer: mpsc::UnboundedSender<Write>,
}

/// Why a data directory can not be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// Trying again can help once the other process has ended.
    #[error("{} is in use by another process, or by another node of this one", path.display())]
    Locked { path: PathBuf },
    /// What is there can not be trusted. The node can start from an empty directory, as a new one.
    #[error("{} is damaged: {what}", path.display())]
    Corrupt { path: PathBuf, what: String },
    /// A newer version of casty has written it.
    #[error("{} has format {found}, and this version of casty knows none above {known}", path.display())]
    NewerFormat { path: PathBuf, found: u32, known: u32 },
    /// The directory is another node's.
    #[error("{} belongs to the node {theirs}, not to {asked}", path.display())]
    OtherNode { path: PathBuf, theirs: NodeId, asked: NodeId },
    /// The file system refuses.
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
}

impl DataDir {
    /// Opens the directory for one start of a node, and makes it if there is none. Without a node id the node has the one
    /// that the directory was made for, or one at random.
    ///
    /// # Errors
    /// As [`OpenError`] tells. Nothing has been changed then.
    pub(crate) async fn open(host: &Host, dir: &Path, node_id: Option<NodeId>) -> Result<Self, OpenError> {
        let (host_of_file, path) = (host.clone(), dir.join(FILE));
        let failed = {
            let path = path.clone();
            move |error| OpenError::Io { path, error }
        };
        let file = move || Self::open_file(&host_of_file, &path, node_id);
        host.blocking(file).await.map_err(failed)?
    }

    fn open_file(host: &Host, path: &Path, node_id: Option<NodeId>) -> Result<Self, OpenError> {
        let failed = |error| OpenError::Io { path: path.into(), error };
        let dir = path.parent().unwrap_or(path);
        make_private(dir, path).map_err(failed)?;
        let database =
            Database::builder().set_cache_size(CACHE).create(path).map_err(|error| super::file::open_error(path, error))?;
        // So that the file is found after a power failure.
        std::fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
        Self::of(host, database, path, node_id)
    }

    /// Starts from what the database has. Blocks.
    pub(in crate::cluster::control) fn of(
        host: &Host,
        database: Database,
        path: &Path,
        node_id: Option<NodeId>,
    ) -> Result<Self, OpenError> {
        let mut file = RaftFile::new(database, path.into())?;
        let Loaded { identity: previous, log, snapshot } = file.load()?;
        let identity = identity(host, path, previous.as_ref(), node_id)?;
        file.save_identity(&identity).map_err(|error| OpenError::Io { path: path.into(), error })?;
        let (writer, writes) = mpsc::unbounded_channel();
        host.thread("casty-raft-store", move || write_all(file, writes))
            .map_err(|error| OpenError::Io { path: path.into(), error })?;
        let (store, snapshots) = LogStore::new(log, snapshot, Some(writer.clone()));
        Ok(Self { identity, previous, store, snapshots, writer })
    }

    /// What closes it, for when Raft has ended.
    pub(crate) fn closer(&self) -> Closer {
        Closer(self.writer.clone())
    }
}

/// Closes a data directory.
#[derive(Debug, Clone)]
pub(crate) struct Closer(mpsc::UnboundedSender<Write>);

impl Closer {
    /// Writes what is left, and returns when the directory can be opened again. Later writes fail.
    pub(crate) async fn close(self) {
        let (done, closed) = oneshot::channel();
        if self.0.send(Write::Close(done)).is_ok() {
            let _ = closed.await;
        }
    }
}

fn identity(host: &Host, path: &Path, previous: Option<&Identity>, asked: Option<NodeId>) -> Result<Identity, OpenError> {
    match (previous, asked) {
        (Some(previous), Some(asked)) if previous.node_id != asked => {
            Err(OpenError::OtherNode { path: path.into(), theirs: previous.node_id.clone(), asked })
        }
        (Some(previous), _) => Ok(previous.next(host)),
        (None, Some(asked)) => Ok(Identity::new(host, asked)),
        (None, None) => Ok(Identity::new(host, NodeId::from(format!("node-{:016x}", host.random())))),
    }
}

/// Makes the directory and an empty file, where there are none, as this process's user's only: a log holds a key.
fn make_private(dir: &Path, file: &Path) -> io::Result<()> {
    if let Some(above) = dir.parent() {
        std::fs::create_dir_all(above)?;
    }
    let (mut directory, mut empty) = (DirBuilder::new(), OpenOptions::new());
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        directory.mode(0o700);
        empty.mode(0o600);
    }
    // It may be there already.
    directory.recursive(true).create(dir)?;
    match empty.write(true).create_new(true).open(file) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// The thread of the file: one transaction and one sync for all that waits, then the callbacks.
fn write_all(mut file: RaftFile, mut writes: mpsc::UnboundedReceiver<Write>) {
    let mut batch = Vec::new();
    while let Some(first) = writes.blocking_recv() {
        batch.push(first);
        while batch.len() < BATCH
            && let Ok(next) = writes.try_recv()
        {
            batch.push(next);
        }
        let closes = batch.iter().position(|write| matches!(write, Write::Close(_)));
        // What comes after is dropped, and so told that the writer has ended.
        batch.truncate(closes.map_or(batch.len(), |at| at + 1));
        let written = file.write(&batch, closes.is_some());
        if closes.is_some() {
            drop(file);
            batch.drain(..).for_each(|write| write.done(&written));
            return;
        }
        batch.drain(..).for_each(|write| write.done(&written));
    }
    let _ = file.write(&[], true);
}

impl Write {
    fn done(self, result: &io::Result<()>) {
        let result = result.as_ref().copied().map_err(|error| io::Error::new(error.kind(), error.to_string()));
        match self {
            Self::Append(_, callback) => callback.io_completed(result),
            Self::Vote(_, done) | Self::Snapshot(_, _, done) | Self::Anew(_, done) | Self::Barrier(done) | Self::Close(done) => {
                drop(done.send(result))
            }
            Self::Truncate(_) | Self::Purge(_) | Self::Committed(_) => {}
        }
    }
}
