//! One node of a simulated cluster, and what runs on it.

use std::{
    fmt,
    path::Path,
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard},
};

use futures_util::FutureExt as _;
use tokio::task::JoinHandle;

use crate::{
    ActorSystem, DistributedBuilder,
    cluster::SimDisk,
    host::{Host, SimNode},
    sync::lock,
};

/// Where a node with a disk has it.
pub(super) const DISK: &str = "/data";

pub(super) type Start = Rc<dyn Fn() -> DistributedBuilder>;

pub(super) struct Node {
    name: String,
    sim: Arc<SimNode>,
    state: Arc<Mutex<State>>,
}

/// What its process does.
pub(super) enum State {
    Starting,
    Started(Host, ActorSystem),
    Failed(String),
    Crashed,
}

impl Node {
    /// A host of the simulation that starts a system.
    pub(super) fn new(sim: &mut turmoil::Sim<'static>, name: String, seed: u64, start: Start) -> Self {
        let node = Arc::new(SimNode::new(sim.lookup(name.as_str()), seed));
        let state = Arc::new(Mutex::new(State::Starting));
        let (for_node, for_state) = (node.clone(), state.clone());
        sim.host(name.as_str(), move || {
            let (start, state, node) = (start.clone(), for_state.clone(), for_node.clone());
            async move {
                let host = Host::simulated(node);
                let main = host.clone();
                let run = async move {
                    let started = start().start().await;
                    *lock(&state) = match started {
                        Ok(system) => State::Started(main, system),
                        Err(error) => State::Failed(error.to_string()),
                    };
                    std::future::pending::<()>().await;
                };
                host.gated(run).await;
                Ok(())
            }
        });
        Self { name, sim: node, state }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn sim(&self) -> &SimNode {
        &self.sim
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(super) fn state(&self) -> String {
        self.lock().to_string()
    }

    pub(super) fn disk(&self) -> SimDisk {
        self.sim.disk(Path::new(DISK))
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("starting"),
            Self::Started(..) => f.write_str("started"),
            Self::Failed(why) => write!(f, "could not start: {why}"),
            Self::Crashed => f.write_str("crashed"),
        }
    }
}

/// What runs on a node. See [`Cluster::begin`](super::Cluster::begin).
pub struct Running<T> {
    task: Option<JoinHandle<T>>,
    lost: bool,
}

impl<T> Running<T> {
    pub(super) fn new(task: JoinHandle<T>) -> Self {
        Self { task: Some(task), lost: false }
    }

    /// What came of it, once, when it is done.
    ///
    /// # Panics
    /// As it did.
    pub fn take(&mut self) -> Option<T> {
        if !self.task.as_ref()?.is_finished() {
            return None;
        }
        match self.task.take()?.now_or_never()? {
            Ok(done) => Some(done),
            Err(error) => {
                self.lost = true;
                if let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                }
                None
            }
        }
    }

    /// Whether it ended with a crash of its node.
    pub fn is_lost(&self) -> bool {
        self.lost
    }
}

impl<T> fmt::Debug for Running<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.task.is_some() { "Running(..)" } else { "Running(done)" })
    }
}
