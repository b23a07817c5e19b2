//! What `#[sharded]` and `#[singleton]` say.

use std::time::Duration;

/// How many backups have a change before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncCount {
    /// So many. `Of(0)`: none has to.
    Of(u32),
    /// So many that they and the primary are a majority of the copies.
    Quorum,
    /// All of them.
    All,
}

/// What copies survive besides the loss of other copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durable {
    /// Nothing: they live in memory.
    Memory,
    /// The end of their process.
    Disk,
    /// The end of their machine's power.
    Fsync,
}

/// What is done when every copy that could hold an acknowledged change is gone for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnLoss {
    /// Nothing is answered until an operator accepts the loss.
    Refuse,
    /// The best copy left goes on.
    Accept,
}

/// What the attribute of an entity type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntityConfig {
    /// The type's name in the cluster.
    pub name: &'static str,
    /// There is one of it in the whole cluster.
    pub singleton: bool,
    /// All copies, the primary's too.
    pub factor: u32,
    /// How many of the backups have a change before it is answered.
    pub sync: SyncCount,
    /// With fewer backups than `sync` a message that changes state is refused.
    pub strict: bool,
    /// How long a change has to be replicated.
    pub timeout: Duration,
    /// How long an entity may be idle before it is put away.
    pub passivate_after: Duration,
    /// What its copies survive.
    pub durable: Durable,
    /// What is done when its copies are lost.
    pub on_loss: OnLoss,
    /// Entities come back without a message.
    pub remember: bool,
}

impl EntityConfig {
    /// What holds where nothing is said.
    pub const DEFAULT: Self = Self {
        name: "",
        singleton: false,
        factor: 3,
        sync: SyncCount::Of(0),
        strict: false,
        timeout: Duration::from_secs(5),
        passivate_after: Duration::from_secs(600),
        durable: Durable::Memory,
        on_loss: OnLoss::Refuse,
        remember: false,
    };
}
