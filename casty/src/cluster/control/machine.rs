//! The state machine as openraft drives it.

use std::{
    io, mem,
    sync::{Arc, Weak},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use openraft::{
    EntryPayload, OptionalSend, RaftSnapshotBuilder,
    entry::RaftEntry as _,
    storage::{EntryResponder, RaftStateMachine},
};
use tokio::sync::mpsc;

use super::{
    command::Answer,
    publish::{Changed, Listeners, Published},
    raft::{LogId, Membership, Snapshot, SnapshotMeta, StoredMembership, TypeConfig},
    snapshot::{self, Frozen},
    state::{Change, State},
    store::Snapshots,
};
use crate::host::Host;

/// After how many bytes of commands the other tasks of the thread get a turn: well within a millisecond.
const TURN: usize = 32 * 1024;

/// Applies what is committed, and shows it to the rest of the node.
#[derive(Debug)]
pub(crate) struct Machine {
    host: Host,
    state: State,
    applied: Option<LogId>,
    membership: StoredMembership,
    snapshots: Snapshots,
    published: Published,
    listeners: Listeners,
    changes: Vec<Change>,
    /// Held by all that may still write for it.
    here: Arc<()>,
}

impl Machine {
    /// An empty one. Raft fills it from the snapshot and the log when it starts. The receiver gets each change in order.
    pub(crate) fn new(host: Host, snapshots: Snapshots) -> (Self, Published, mpsc::UnboundedReceiver<Changed>) {
        let published = Published::new(&State::default());
        let (listeners, receiver) = Listeners::new();
        (Self::after(host, snapshots, published.clone(), listeners), published, receiver)
    }

    /// One that has applied nothing, and tells what is other than was shown by the one before.
    pub(super) fn after(host: Host, snapshots: Snapshots, published: Published, listeners: Listeners) -> Self {
        Self {
            host,
            state: published.state(),
            applied: None,
            membership: StoredMembership::default(),
            snapshots,
            published,
            listeners,
            changes: Vec::new(),
            here: Arc::default(),
        }
    }

    pub(super) fn listeners(&self) -> Listeners {
        self.listeners.clone()
    }

    /// Lives for as long as it may apply anything, or store a snapshot.
    pub(super) fn life(&self) -> Weak<()> {
        Arc::downgrade(&self.here)
    }

    /// Holds this membership and what `change` makes of the state from the entry after the last one, whoever agreed to it.
    /// For [`super::recover_alone`].
    pub(super) fn adopt(&mut self, id: LogId, membership: Membership, change: impl FnOnce(&mut State)) {
        self.applied = Some(id);
        self.membership = StoredMembership::new(Some(id), membership);
        change(&mut self.state);
    }

    /// Shows what the entry at `index` changed.
    fn publish(&mut self, index: u64) {
        let shown =
            |change: &Change| !matches!(change, Change::NameTaken { .. } | Change::NameFreed { .. } | Change::NamesChanged);
        if self.changes.iter().any(shown) {
            self.published.show(index, &self.state);
        }
        self.listeners.tell(index, &mut self.changes);
    }

    /// Has what is left of freed names cleared away, elsewhere.
    fn sweep(&mut self) {
        if !self.state.litter.is_empty() {
            let (names, litter) = (self.state.names.clone(), mem::take(&mut self.state.litter));
            let host = self.host.clone();
            self.host.spawn(async move { drop(host.blocking(move || names.sweep(litter)).await) });
        }
    }
}

impl RaftStateMachine<TypeConfig> for Machine {
    type SnapshotData = Bytes;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        Ok((self.applied, self.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        let mut work = 0;
        while let Some(next) = entries.next().await {
            let (entry, responder) = next?;
            let id = entry.log_id();
            self.applied = Some(id);
            let answer = match entry.payload {
                EntryPayload::Blank => Answer::Done,
                EntryPayload::Membership(membership) => {
                    self.membership = StoredMembership::new(Some(id), membership);
                    Answer::Done
                }
                EntryPayload::Normal(command) => {
                    work += command.size();
                    self.state.apply(id.index, command, &mut self.changes)
                }
            };
            self.publish(id.index);
            self.published.has_applied(id.index);
            self.sweep();
            if let Some(responder) = responder {
                responder.send(answer);
            }
            if work > TURN {
                work = 0;
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        let meta = SnapshotMeta { last_log_id: self.applied, last_membership: self.membership.clone() };
        let (host, snapshots) = (self.host.clone(), self.snapshots.clone());
        Builder { host, meta, state: Some(self.state.freeze()), snapshots, _of: self.here.clone() }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, data: Bytes) -> Result<(), io::Error> {
        let bytes = data.clone();
        let new = self.host.blocking(move || snapshot::decode(&bytes)).await??;
        self.snapshots.save(meta.clone(), data).await?;
        let index = meta.last_log_id.map_or(0, |id| id.index);
        self.changes = self.state.changes_to(&new);
        let old = self.state.names.replace(&new.names);
        self.state = State { names: self.state.names.clone(), litter: mem::take(&mut self.state.litter), ..new };
        self.applied = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        self.publish(index);
        self.published.has_applied(index);
        self.host.blocking(move || drop(old)).await
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        Ok(self.snapshots.current())
    }
}

/// Makes a snapshot beside what is applied meanwhile.
pub(crate) struct Builder {
    host: Host,
    meta: SnapshotMeta,
    state: Option<Frozen>,
    snapshots: Snapshots,
    _of: Arc<()>,
}

impl RaftSnapshotBuilder<TypeConfig> for Builder {
    type SnapshotData = Bytes;

    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        let state = self.state.take().ok_or_else(|| io::Error::other("a builder makes one snapshot"))?;
        let data = Bytes::from(self.host.blocking(move || state.encode()).await??);
        self.snapshots.save(self.meta.clone(), data.clone()).await?;
        Ok(Snapshot { meta: self.meta.clone(), snapshot: data })
    }
}
