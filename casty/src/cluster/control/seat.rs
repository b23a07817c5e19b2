//! This node's seat in Raft: the instance that has it, and what it takes for another one to take its place.

use std::{
    io,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use tokio::sync::mpsc;

use super::{
    Changed, Identity, Joins, LogStore, Machine, Published, Raft, RaftNode, RaftServer, RaftTimes, Snapshots, acks::Acks,
    publish::Listeners, raft, recover_alone,
};
use crate::{
    cluster::{generation::Generation, myself::Myself, transport::Caller},
    host::{Host, watch},
    sync::lock,
};

/// Between two looks whether what the last instance began is done.
const PAUSE: Duration = Duration::from_millis(1);

/// Clones are handles to the same.
#[derive(Clone)]
pub(crate) struct Seat(Arc<Inner>);

/// What an instance of Raft needs.
pub(crate) struct Needs {
    pub(crate) host: Host,
    pub(crate) myself: Arc<Myself>,
    pub(crate) caller: Caller,
    pub(crate) cluster: Arc<str>,
    pub(crate) times: RaftTimes,
    pub(crate) identity: Identity,
    pub(crate) store: LogStore,
    pub(crate) snapshots: Snapshots,
}

struct Inner {
    needs: Needs,
    published: Published,
    listeners: Listeners,
    identity: Mutex<Identity>,
    held: watch::Sender<Held>,
    /// Held by who changes that. True once nobody may any more.
    closed: tokio::sync::Mutex<bool>,
}

/// Who has the seat.
struct Held {
    raft: Raft,
    /// When the others last answered it.
    acks: Acks,
    server: RaftServer,
    /// The life of its state machine.
    life: Weak<()>,
    /// Rises with each instance.
    number: u64,
    /// It is being shut down, and another follows.
    goes: bool,
}

impl Seat {
    /// Starts the first instance from what is stored. The runtime that the caller is in runs all of it.
    pub(crate) async fn take(needs: Needs) -> Result<(Self, Published, mpsc::UnboundedReceiver<Changed>), raft::StartError> {
        let (machine, published, changes) = Machine::new(needs.host.clone(), needs.snapshots.clone());
        let listeners = machine.listeners();
        let held = watch::Sender::new(needs.start(machine, 0).await?);
        let (identity, closed) = (Mutex::new(needs.identity.clone()), tokio::sync::Mutex::new(false));
        let seat = Self(Arc::new(Inner { needs, published: published.clone(), listeners, identity, held, closed }));
        Ok((seat, published, changes))
    }

    /// The instance that has it now.
    pub(crate) fn raft(&self) -> Raft {
        self.0.held.borrow().raft.clone()
    }

    /// The same, and when the others last answered it.
    pub(super) fn with_acks(&self) -> (Raft, Acks) {
        let held = self.0.held.borrow();
        (held.raft.clone(), held.acks.clone())
    }

    /// The same, and its number.
    pub(crate) fn numbered(&self) -> (u64, Raft) {
        let held = self.0.held.borrow();
        (held.number, held.raft.clone())
    }

    /// Answers calls to the instance that has it now.
    pub(crate) fn server(&self) -> RaftServer {
        self.0.held.borrow().server.clone()
    }

    /// Whether another instance follows the one of this number, as soon as it is there.
    pub(crate) async fn has_another_than(&self, number: u64) -> bool {
        let mut held = self.0.held.subscribe();
        let _ = held.wait_for(|held| held.number > number || !held.goes).await;
        held.borrow().number > number
    }

    /// Makes this node the only voter of a new generation of its cluster. Those of the former one are heard no more. Nobody
    /// has the seat for `wait` first, in which this node agrees to nothing. Returns whether it does: not if another has
    /// taken the place of the instance `number` before.
    ///
    /// # Errors
    /// If the store fails, or the seat is closed: no instance has it then.
    pub(crate) async fn go_on_alone(&self, number: u64, wait: Duration) -> io::Result<bool> {
        let Needs { host, myself, store, snapshots, .. } = &self.0.needs;
        let closed = self.0.closed.lock().await;
        if self.0.held.borrow().number != number {
            return Ok(false);
        }
        self.empty(*closed).await?;
        host.sleep(wait).await;
        let node = RaftNode::new(myself.key().id.clone(), myself.address().clone());
        let cluster = recover_alone(host, myself.raft_id(), node, &mut store.clone(), snapshots).await?;
        if let Some(cluster) = &cluster {
            myself.belongs_to(cluster.id, cluster.generation);
        }
        self.fill().await?;
        Ok(cluster.is_some())
    }

    /// Forgets all that this node knew as a part of a generation that is over, and begins with nothing in the one that ended
    /// it, of which nodes may be at `seeds`. `forget` is called in between.
    ///
    /// # Errors
    /// If the store fails, or the seat is closed: no instance has it then.
    pub(crate) async fn begin_anew(
        &self,
        (cluster, generation): (u128, Generation),
        seeds: Vec<String>,
        forget: impl FnOnce(),
    ) -> io::Result<()> {
        let Needs { host, myself, store, snapshots, .. } = &self.0.needs;
        let closed = self.0.closed.lock().await;
        // It has gone on alone meanwhile.
        if !myself.is_ended_by(generation) {
            return Ok(());
        }
        self.empty(*closed).await?;
        let joins = Joins { cluster, generation: generation.0, seeds };
        let identity = lock(&self.0.identity).anew(host, joins);
        store.begin_anew(snapshots, &identity).await?;
        myself.has_new_raft_id(identity.raft_id);
        *lock(&self.0.identity) = identity;
        myself.belongs_to(cluster, generation.0);
        self.0.published.begin_anew();
        forget();
        self.fill().await
    }

    /// Shuts the instance down for good.
    pub(crate) async fn close(&self) {
        let mut closed = self.0.closed.lock().await;
        *closed = true;
        let _ = self.raft().shutdown().await;
    }

    async fn empty(&self, closed: bool) -> io::Result<()> {
        if closed {
            return Err(io::Error::other("the node is ending"));
        }
        let Needs { host, store, .. } = &self.0.needs;
        self.0.held.change(|held| {
            held.goes = true;
            true
        });
        let _ = self.raft().shutdown().await;
        let life = self.0.held.borrow().life.clone();
        while life.strong_count() > 0 {
            host.sleep(PAUSE).await;
        }
        store.sync().await
    }

    async fn fill(&self) -> io::Result<()> {
        let Inner { needs, published, listeners, held, .. } = &*self.0;
        let machine = Machine::after(needs.host.clone(), needs.snapshots.clone(), published.clone(), listeners.clone());
        let number = held.borrow().number + 1;
        let next = needs.start(machine, number).await.map_err(io::Error::other)?;
        held.set(next);
        Ok(())
    }
}

impl Needs {
    async fn start(&self, machine: Machine, number: u64) -> Result<Held, raft::StartError> {
        let life = machine.life();
        let Self { myself, caller, cluster, times, store, .. } = self;
        let acks = Acks::new(self.host.clone());
        let calls = (caller.clone(), acks.clone());
        let raft = raft::start(myself.raft_id(), cluster, *times, calls, store.clone(), machine).await?;
        Ok(Held { server: RaftServer::new(raft.clone()), raft, acks, life, number, goes: false })
    }
}
