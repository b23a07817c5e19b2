//! Settings of a node, as its program gives them.

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use super::{NodeId, StartError, SwimConfig, start, wire::handshake::Secret};
use crate::{ActorSystem, Entity, EntityId, ReplicationConfig, actor::Mailbox, system::SystemBuilder};

/// How quickly the nodes that lead notice each other's silence. See [`DistributedBuilder::raft`].
///
/// A new leader takes about the longest time plus a random one between both: some 1 s with the defaults.
///
/// ```
/// use casty::RaftConfig;
/// assert!(RaftConfig::fast().election_timeout_max < RaftConfig::default().election_timeout_max);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RaftConfig {
    /// How often the leader makes itself heard; 100 ms unless set.
    pub heartbeat_interval: Duration,
    /// The least silence after which another node may want to lead; 300 ms unless set.
    pub election_timeout_min: Duration,
    /// The longest; 600 ms unless set.
    pub election_timeout_max: Duration,
}

/// The longest time without a leader that can be meant.
const LONGEST_ELECTION: Duration = Duration::from_secs(60);
/// Of a name or an address, in bytes.
const NAME_LIMIT: usize = 255;
/// The least that messages may be limited to, in bytes.
/// Nodes tell each other of copies page by page: a page has to fit.
const LEAST_MESSAGE: usize = 96 * 1024;

/// A message's name and address are in its frame, too.
pub(in crate::cluster) const FRAME: u32 = 4096;

impl RaftConfig {
    /// 50, 100 and 200 ms, with leases of 200 ms and `SwimConfig::fast()` beside it: for a quiet network and machines that
    /// are never overloaded. A node that is silent for about 250 ms is taken for dead.
    pub const fn fast() -> Self {
        Self::millis(50, 100, 200)
    }

    /// 300 ms, 1 s and 2 s: for slow networks. Leases are 1.5 s.
    pub const fn relaxed() -> Self {
        Self::millis(300, 1000, 2000)
    }

    const fn millis(heartbeat: u64, min: u64, max: u64) -> Self {
        Self {
            heartbeat_interval: Duration::from_millis(heartbeat),
            election_timeout_min: Duration::from_millis(min),
            election_timeout_max: Duration::from_millis(max),
        }
    }

    fn check(&self) -> Result<(), StartError> {
        let Self { heartbeat_interval, election_timeout_min, election_timeout_max } = *self;
        if heartbeat_interval < Duration::from_millis(5) {
            let text = format!("RaftConfig: a heartbeat_interval of {heartbeat_interval:?} is too short; 5 ms is the least");
            return Err(StartError::Setting(text));
        }
        if heartbeat_interval.saturating_mul(2) > election_timeout_min {
            let text = "RaftConfig: election_timeout_min must be at least twice heartbeat_interval, or one late heartbeat unseats the leader";
            return Err(StartError::Setting(text.into()));
        }
        if election_timeout_min >= election_timeout_max {
            return Err(StartError::Setting("RaftConfig: election_timeout_max must be above election_timeout_min".into()));
        }
        // Or a lease would end before it is renewed.
        let lease = start::lease_for(*self).length;
        if heartbeat_interval.saturating_mul(4) > lease {
            let text = format!(
                "RaftConfig: with these times leases are {lease:?} long, and a heartbeat_interval of {heartbeat_interval:?} is too long for that; {:?} is the most",
                lease / 4
            );
            return Err(StartError::Setting(text));
        }
        if election_timeout_max > LONGEST_ELECTION {
            let text = format!("RaftConfig: election_timeout_max is above {LONGEST_ELECTION:?}; nobody would lead for as long");
            return Err(StartError::Setting(text));
        }
        Ok(())
    }
}

impl Default for RaftConfig {
    /// 100, 300 and 600 ms.
    fn default() -> Self {
        Self::millis(100, 300, 600)
    }
}

/// Settings of a new node. See [`ActorSystem::distributed`].
#[derive(Clone)]
#[must_use = "nothing starts before `start`"]
pub struct DistributedBuilder(pub(super) Settings);

#[derive(Clone)]
pub(crate) struct Settings {
    pub(super) bind: String,
    pub(super) seeds: Vec<String>,
    pub(super) advertise: Option<String>,
    pub(super) node_id: Option<NodeId>,
    pub(super) cluster: String,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) recover_alone: bool,
    pub(super) raft: RaftConfig,
    pub(super) swim: Option<SwimConfig>,
    pub(super) secret: Option<Secret>,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<super::Tls>,
    pub(super) insecure: bool,
    pub(super) max_message: usize,
    pub(super) away_for: Duration,
    pub(super) system: SystemBuilder,
}

impl Settings {
    /// Whether a node can be made of them. What the network and the disk say comes later.
    fn check(&self) -> Result<(), StartError> {
        self.raft.check()?;
        self.system.check().map_err(StartError::Setting)?;
        let bad = |text: String| Err(StartError::Setting(text));
        if self.recover_alone && self.data_dir.is_none() {
            return bad("recover_alone: there is nothing to go on from without a `.data_dir(..)`".into());
        }
        if self.secret.as_ref().is_some_and(|secret| secret.bytes().is_empty()) {
            return bad(
                "secret: it is empty, and everybody knows that one; leave `.secret(..)` out, or give all nodes the same".into()
            );
        }
        let node_id = self.node_id.as_ref().map(|id| ("node_id", id.as_str()));
        for (what, name) in node_id.into_iter().chain([("cluster_name", &*self.cluster)]) {
            match name.len() {
                0 => return bad(format!("{what}: it is empty; give it a name, or leave it out")),
                length if length > NAME_LIMIT => {
                    return bad(format!("{what}: it has {length} bytes, and the limit is {NAME_LIMIT}"));
                }
                _ if name.contains(char::is_control) => return bad(format!("{what}: {name:?} has control characters")),
                _ => {}
            }
        }
        let advertised = self.advertise.as_ref().map(|address| ("advertise", address));
        for (what, address) in self.seeds.iter().map(|seed| ("seeds", seed)).chain(advertised) {
            check_address(what, address)?;
        }
        if let Some(seed) = self.seeds.iter().find(|seed| seed.ends_with(":0")) {
            return bad(format!("seeds: \"{seed}\" has port 0, which stands for any; write the port that the seed listens on"));
        }
        if self.max_message < LEAST_MESSAGE || u32::try_from(self.max_message).is_err() {
            return bad(format!("max_message: {} is not between {LEAST_MESSAGE} bytes and 4 GiB", self.max_message));
        }
        Ok(())
    }

    /// Whether nodes show each other certificates.
    pub(super) fn has_tls(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    /// The longest frame.
    pub(super) fn limit(&self) -> u32 {
        u32::try_from(self.max_message).unwrap_or(u32::MAX).saturating_add(FRAME)
    }
}

/// Whether it can be dialled at all.
pub(super) fn check_address(what: &str, address: &str) -> Result<(), StartError> {
    let bad = |why: &str| {
        Err(StartError::Setting(format!(
            "{what}: \"{address}\" {why}; write a host and a port, as \"node1:8001\" or \"[::1]:8001\""
        )))
    };
    let Some((host, port)) = address.rsplit_once(':') else { return bad("has no port") };
    if port.parse::<u16>().is_err() {
        return bad(&format!("has no port: \"{port}\" is none"));
    }
    match address.parse::<SocketAddr>() {
        Ok(found) if found.ip().is_unspecified() => bad("is no address that others could dial"),
        Err(_) if host.is_empty() => bad("has no host"),
        Err(_) if host.contains(':') => bad("is an IPv6 address without brackets, or none"),
        Err(_) if address.len() > NAME_LIMIT => bad("is longer than 255 bytes"),
        Err(_) if host.contains(|c: char| c.is_control() || c.is_whitespace()) => bad("is no host's name"),
        _ => Ok(()),
    }
}

impl DistributedBuilder {
    pub(crate) fn new(bind: String) -> Self {
        Self(Settings {
            bind,
            seeds: Vec::new(),
            advertise: None,
            node_id: None,
            cluster: "casty".into(),
            data_dir: None,
            recover_alone: false,
            raft: RaftConfig::default(),
            swim: None,
            secret: None,
            #[cfg(feature = "tls")]
            tls: None,
            insecure: false,
            max_message: 16 << 20,
            away_for: Duration::from_secs(600),
            system: SystemBuilder::default(),
        })
    }

    /// Nodes to join through, as `"host:port"`. Host names are resolved to all their addresses, again at each try; the
    /// node's own address may be among them.
    ///
    /// Without seeds the node makes a cluster. With seeds, for the very first start of a cluster a majority of the seeds
    /// must be up, so that only one cluster is ever made: give all nodes the same list, or each one all but itself. A node
    /// that is nobody's seed only joins.
    pub fn seeds<S: Into<String>>(mut self, seeds: impl IntoIterator<Item = S>) -> Self {
        self.0.seeds = seeds.into_iter().map(Into::into).collect();
        self
    }

    /// What the other nodes dial, as `"host:port"`. If left out, the bind address; for a wildcard such as `0.0.0.0` the
    /// local address that reached a seed. A port of 0 stands for the bound one.
    pub fn advertise(mut self, address: impl Into<String>) -> Self {
        self.0.advertise = Some(address.into());
        self
    }

    /// The node's name, kept across restarts; made up if left out (with a [`data_dir`](Self::data_dir) once for all).
    pub fn node_id(mut self, id: impl Into<String>) -> Self {
        self.0.node_id = Some(NodeId::from(id.into()));
        self
    }

    /// The cluster's name, `"casty"` unless set: nodes of another name are refused.
    pub fn cluster_name(mut self, name: impl Into<String>) -> Self {
        self.0.cluster = name.into();
        self
    }

    /// Where the node keeps what must outlive its process. Memory only if left out.
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.0.data_dir = Some(path.into());
        self
    }

    /// Makes this node the only voter of its cluster, from what its [`data_dir`](Self::data_dir) holds: for when a majority
    /// is gone for good, on one survivor, once. The cluster goes on as a new generation, which nodes of the former one join
    /// anew as soon as they meet it. On a node that runs, [`Cluster::recover_alone`](crate::Cluster::recover_alone) does the same.
    ///
    /// What its log has counts as agreed from then on. If the majority is not gone after all, what it agrees on is lost. The
    /// start takes as long as a lease is, more: whoever has one of the former generation may serve until then.
    pub fn recover_alone(mut self) -> Self {
        self.0.recover_alone = true;
        self
    }

    /// How long a member may be away, or down, before it is none any more: others vote in its place, and its entry goes.
    /// 10 minutes if left out. What the leader of the cluster has been given counts.
    pub fn away_for(mut self, time: Duration) -> Self {
        self.0.away_for = time;
        self
    }

    /// How quickly the cluster's leader is replaced, and with it how long leases are: all nodes have to agree on that, and one
    /// that does not is refused.
    pub fn raft(mut self, raft: RaftConfig) -> Self {
        self.0.raft = raft;
        self
    }

    /// How quickly silent nodes are noticed; follows [`raft`](Self::raft) unless set.
    pub fn swim(mut self, swim: SwimConfig) -> Self {
        self.0.swim = Some(swim);
        self
    }

    /// Who knows it may join. All nodes are given the same; it never crosses the network.
    pub fn secret(mut self, secret: impl AsRef<[u8]>) -> Self {
        self.0.secret = Some(Secret::from(secret.as_ref()));
        self
    }

    /// Encrypts what nodes say to each other, and lets in who has a certificate of the cluster's CA. Needs casty's feature
    /// `tls`.
    ///
    /// Every TCP connection is TLS 1.3, on which both sides show a certificate; the side that dials also checks that the
    /// other's is for the host that it dialled. Datagrams, which only tell who is alive, are not encrypted, but sealed with a
    /// key that only members know. A [`secret`](Self::secret) can be asked for on top. All nodes of a cluster have TLS, or
    /// none. The files are read once, when the node starts: a new certificate is taken with the next start.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: super::Tls) -> Self {
        self.0.tls = Some(tls);
        self
    }

    /// Lets anybody who reaches the bind address join, where that is not loopback.
    pub fn insecure(mut self) -> Self {
        self.0.insecure = true;
        self
    }

    /// The largest message that travels, and the largest state of an entity, in bytes of its encoded form: 16 MiB unless set,
    /// 96 KiB at least. All nodes should have the same.
    pub fn max_message(mut self, bytes: usize) -> Self {
        self.0.max_message = bytes;
        self
    }

    /// The mailbox of every actor that does not declare its own; unbounded unless set.
    pub fn mailbox(mut self, mailbox: Mailbox) -> Self {
        self.0.system = self.0.system.mailbox(mailbox);
        self
    }

    /// How long an `ask` waits that does not say itself; 5 s unless set.
    pub fn ask_timeout(mut self, limit: Duration) -> Self {
        self.0.system = self.0.system.ask_timeout(limit);
        self
    }

    /// How long a shutdown may take, handing over included; 30 s unless set.
    pub fn shutdown_timeout(mut self, limit: Duration) -> Self {
        self.0.system = self.0.system.shutdown_timeout(limit);
        self
    }

    /// How entities of a type are made that needs more than its id, or has no `Default`: called on the node that serves the
    /// entity, each time that it is woken or restarted. See [`SystemBuilder::entities`].
    pub fn entities<A: Entity>(mut self, make: impl Fn(&EntityId) -> A + Send + Sync + 'static) -> Self {
        self.0.system = self.0.system.entities(make);
        self
    }

    /// How the entities of a type are replicated, in place of what their attribute says.
    ///
    /// All nodes are to say the same. What the first node said that had the type is what the cluster agrees on, until
    /// [`Cluster::change_replication`](crate::Cluster::change_replication) changes that. A node that says less follows what is
    /// agreed on, and warns of it in its log; one that says more does not start, as answers would be weaker than its program
    /// says. (`timeout` is each node's own.)
    ///
    /// ```no_run
    /// use casty::{ReplicationConfig, prelude::*};
    ///
    /// #[actor]
    /// #[sharded(name = "accounts")]
    /// #[derive(Default)]
    /// struct Account {
    ///     balance: i64,
    /// }
    ///
    /// #[actor]
    /// impl Account {}
    ///
    /// # async fn example() -> casty::Result<()> {
    /// let system = ActorSystem::distributed("127.0.0.1:0")
    ///     .replication::<Account>(ReplicationConfig { factor: 5, sync_count: 2, ..Default::default() })
    ///     .start()
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub fn replication<A: Entity>(mut self, config: ReplicationConfig) -> Self {
        self.0.system = self.0.system.replication::<A>(config);
        self
    }

    /// Starts the node: it listens, and is a member of its cluster when this returns.
    ///
    /// It waits for the cluster for as long as that takes; what it waits for is logged, and a timeout around it is safe.
    ///
    /// # Errors
    /// [`StartError`]: a setting that cannot be, a taken port, a cluster that refuses this node.
    pub async fn start(self) -> Result<ActorSystem, StartError> {
        self.0.check()?;
        start::start(self.0).await
    }
}

impl fmt::Debug for DistributedBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DistributedBuilder").field("bind", &self.0.bind).field("seeds", &self.0.seeds).finish_non_exhaustive()
    }
}
