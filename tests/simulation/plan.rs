//! What a run is to be, by its seed.

use std::time::Duration;

use casty::{
    RaftConfig,
    testkit::{Cluster, ClusterBuilder},
};

use crate::dice::Dice;

#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) nodes: usize,
    pub(crate) disks: bool,
    pub(crate) fast: bool,
    /// The longest that anything takes on a link where nothing is wrong.
    pub(crate) latency: Duration,
    /// Whether things go wrong before there is a cluster.
    pub(crate) early: bool,
    /// How long things go wrong.
    pub(crate) trouble: Duration,
    /// Whether no more copies of anything are lost at once than may be.
    pub(crate) gentle: bool,
    /// Whether nothing goes wrong, and nodes go and come in good order.
    pub(crate) smooth: bool,
    /// Between two faults, at most.
    pub(crate) pace: u64,
}

impl Plan {
    pub(crate) fn of(seed: u64) -> (Self, Dice) {
        let mut dice = Dice::new(seed);
        let fast = dice.percent(40);
        let mut plan = Self {
            seed,
            nodes: 3 + [0, 0, 0, 1, 2, 2, 3, 4][dice.below(8)],
            disks: dice.percent(55),
            fast,
            latency: dice.millis(1, if fast { 6 } else { 25 }),
            early: dice.percent(20),
            trouble: dice.millis(4000, 10_000),
            pace: [150, 500, 1500, 3000][dice.below(4)],
            gentle: dice.percent(50),
            smooth: dice.percent(8),
        };
        if plan.smooth {
            (plan.early, plan.gentle) = (false, true);
        }
        (plan, dice)
    }

    pub(crate) fn cluster(&self) -> ClusterBuilder {
        let raft = if self.fast { RaftConfig::fast() } else { RaftConfig::default() };
        let cluster = Cluster::of(self.nodes).seed(self.seed).latency(Duration::ZERO, self.latency);
        let cluster = cluster.settings(move |_, node| node.raft(raft));
        if self.disks { cluster.with_disks() } else { cluster }
    }

    /// How long a lease is.
    pub(crate) fn lease(&self) -> Duration {
        Duration::from_millis(if self.fast { 200 } else { 500 })
    }
}
