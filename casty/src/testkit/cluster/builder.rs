//! How a simulated cluster is to be.

use std::{rc::Rc, time::Duration};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::{
    Cluster, PATIENCE, TICK,
    links::Links,
    node::{self, Node, Start},
};
use crate::{ActorSystem, DistributedBuilder};

/// Segments and datagrams that a simulated socket holds: like a buffer of some megabytes.
const BUFFER: usize = 16 * 1024;
/// Where each node listens.
const PORT: u16 = 4000;

/// Settings of a simulated cluster. See [`Cluster::of`].
#[must_use = "nothing starts before `start`"]
pub struct ClusterBuilder {
    nodes: usize,
    seed: u64,
    disks: bool,
    latency: (Duration, Duration),
    configure: Rc<dyn Fn(usize, DistributedBuilder) -> DistributedBuilder>,
}

impl ClusterBuilder {
    pub(super) fn new(nodes: usize) -> Self {
        let latency = (Duration::ZERO, Duration::from_millis(4));
        Self { nodes, seed: 0, disks: false, latency, configure: Rc::new(|_, builder| builder) }
    }

    /// What all chance follows from; 0 unless set.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Gives each node a simulated disk as its [`data_dir`](DistributedBuilder::data_dir). It outlives a crash, except for what
    /// was not synced.
    pub fn with_disks(mut self) -> Self {
        self.disks = true;
        self
    }

    /// How long anything takes from node to node; up to 4 ms unless set.
    pub fn latency(mut self, least: Duration, most: Duration) -> Self {
        self.latency = (least, most);
        self
    }

    /// Adjusts the settings of each node: its number and what it would start with come in. Seeds (all nodes), name and
    /// address are set already.
    pub fn settings(mut self, configure: impl Fn(usize, DistributedBuilder) -> DistributedBuilder + 'static) -> Self {
        self.configure = Rc::new(configure);
        self
    }

    /// Starts all nodes, and lets time pass until they are one cluster.
    ///
    /// # Panics
    /// If they are not within a minute of simulated time.
    #[track_caller]
    pub fn start(self) -> Cluster {
        let mut cluster = self.begin();
        if let Err(missing) = cluster.recover(PATIENCE) {
            panic!("the nodes are no cluster after {PATIENCE:?}: {missing}\n{cluster:?}");
        }
        cluster
    }

    /// Starts all nodes with the first step, and waits for nothing.
    pub fn begin(self) -> Cluster {
        let mut chance = StdRng::seed_from_u64(self.seed);
        let (least, most) = self.latency;
        let mut sim = turmoil::Builder::new()
            .rng_seed(chance.next_u64())
            .tick_duration(TICK)
            .epoch(std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000))
            .simulation_duration(Duration::MAX)
            .tcp_capacity(BUFFER)
            .udp_capacity(BUFFER)
            .min_message_latency(least)
            .max_message_latency(most)
            .build();
        let names: Vec<String> = (0..self.nodes).map(|number| format!("node-{number}")).collect();
        let seeds: Vec<String> = names.iter().map(|name| format!("{name}:{PORT}")).collect();
        let mut nodes = Vec::new();
        for (number, name) in names.into_iter().enumerate() {
            let (seeds, id, configure, disks) = (seeds.clone(), name.clone(), self.configure.clone(), self.disks);
            let start: Start = Rc::new(move || {
                let mut builder = ActorSystem::distributed(format!("0.0.0.0:{PORT}")).node_id(id.as_str()).seeds(&seeds);
                if disks {
                    builder = builder.data_dir(node::DISK);
                }
                configure(number, builder)
            });
            nodes.push(Node::new(&mut sim, name, chance.next_u64(), start));
        }
        Cluster { sim, links: Links::new(self.nodes), nodes }
    }
}

impl std::fmt::Debug for ClusterBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClusterBuilder({} nodes, seed {})", self.nodes, self.seed)
    }
}
