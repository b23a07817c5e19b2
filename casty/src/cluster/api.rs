//! What a program sees of its cluster.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use super::{ClusterError, Incarnation, NodeId, NodeKey, RecoverError, control, placement::slot_of, running::Running, shard};
use crate::{Entity, EntityId, Event, ReplicationConfig, system::Events};

/// The cluster that a system is a node of. Cheap to clone.
///
/// ```no_run
/// use casty::prelude::*;
///
/// # async fn example() -> casty::Result<()> {
/// let system = ActorSystem::distributed("127.0.0.1:0").start().await?;
/// let cluster = system.cluster().expect("started as a node of one");
/// println!("{} at {}: {:?}", cluster.node_id(), cluster.address(), cluster.members());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Cluster(pub(super) Arc<Running>);

/// A node of the cluster, as agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// Its name.
    pub id: NodeId,
    /// Which start of its process.
    pub incarnation: Incarnation,
    /// Where other nodes reach it.
    pub address: Arc<str>,
    /// Whether it serves.
    pub status: MemberStatus,
}

/// Whether a member serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MemberStatus {
    /// It does.
    Up,
    /// It did not answer, and the cluster agreed that it is down. Actors that lived there are gone.
    Down,
    /// It has shut down, keeps what it stored, and is to come back.
    Away,
}

/// What happens in a cluster. See [`Cluster::events`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClusterEvent {
    /// A node serves: a new one, or one that is back.
    MemberUp(Member),
    /// A node did not answer. Its actors are gone, their names free.
    MemberDown {
        /// The node.
        id: NodeId,
        /// The start of it that is down.
        incarnation: Incarnation,
    },
    /// A node serves nothing for now, and keeps what it stored.
    MemberAway {
        /// The node.
        id: NodeId,
    },
    /// A node has left in good order, or its entry was given up after it had been down for long.
    MemberLeft {
        /// The node.
        id: NodeId,
    },
    /// Another node leads, or nobody is known to.
    LeaderChanged(Option<NodeId>),
    /// This node was taken for dead, or a newer start of it has joined: it serves nothing.
    Fenced {
        /// What happened.
        reason: Arc<str>,
    },
    /// A node of another cluster of the same name, or of another generation of this one, was met: each refuses the other. It
    /// is told again after a minute, if it goes on.
    OtherCluster {
        /// Who it was, and what to do.
        reason: Arc<str>,
    },
    /// This node serves parts of all entities that it did not serve before. Which entities are in which of the 1,024 slots
    /// follows from their types and ids.
    SlotsTaken {
        /// Which.
        slots: Arc<[u16]>,
        /// How long the longest of them took, from when it was known here that it was to be served here: until nobody else can
        /// serve it, and everything that was acknowledged is here.
        took: Duration,
        /// Whoever served some of them is gone, and has not handed them over.
        failover: bool,
    },
    /// This node has handed over what it served, and others may serve it.
    SlotsGiven {
        /// Which slots.
        slots: Arc<[u16]>,
        /// How long the longest of them took, from when it was asked for: until the handlers in hand had ended, and what they
        /// changed was kept.
        took: Duration,
    },
    /// So many copies are gone for good that changes that were acknowledged may be lost: of these slots, nothing whose type
    /// does not say `on_loss = accept` is served, and [`StateLost`](crate::AskError::StateLost) is what asks of it come to,
    /// until that is [accepted](Cluster::accept_all_loss). Told once, by the node that is to serve them.
    StateLost {
        /// Which slots.
        slots: Arc<[u16]>,
    },
    /// The timers of this node's control plane are late by over half a lease: the machine is overloaded, or was paused.
    Late(Duration),
}

impl Cluster {
    /// All members, by name; those that are down too.
    pub fn members(&self) -> Vec<Member> {
        let view = self.0.plane.view();
        view.members.iter().map(|(id, member)| Member::new(id.clone(), member)).collect()
    }

    /// The node that leads the control plane, as far as this one knows.
    pub fn leader(&self) -> Option<NodeId> {
        self.0.plane.leader().map(|leader| leader.node.id)
    }

    /// Whether this node leads the control plane, as far as it knows.
    pub fn is_leader(&self) -> bool {
        self.0.plane.leads()
    }

    /// This node's name.
    pub fn node_id(&self) -> &NodeId {
        &self.0.plane.myself().key().id
    }

    /// Which start of this node's process it is.
    pub fn incarnation(&self) -> Incarnation {
        self.0.plane.myself().key().incarnation
    }

    /// Where other nodes reach this one, as `"host:port"`: what they are given as a seed.
    pub fn address(&self) -> &str {
        self.0.plane.myself().address()
    }

    /// What happens from now on. It ends with the system.
    pub fn events(&self) -> ClusterEvents {
        ClusterEvents(self.0.events())
    }

    /// Waits until `count` members are up, this one included, as far as this node knows. It waits for as long as that takes.
    ///
    /// # Errors
    /// [`ClusterError::ShuttingDown`] if the system ends first.
    pub async fn wait_for_members(&self, count: usize) -> Result<(), ClusterError> {
        self.0
            .wait_until(|view| view.members.values().filter(|member| member.status == control::MemberStatus::Up).count() >= count)
            .await
    }

    /// Whether this node holds a lease: it hears from a majority, and may serve.
    pub fn has_lease(&self) -> bool {
        self.0.leases.is_held()
    }

    /// Leaves the cluster in good order: this node hands over what it has, waits for answers to messages that it has passed on to
    /// where their entities are now (a quarter of the system's `shutdown_timeout`, and 4 s at most), gives up its vote, and is
    /// removed. The system ends with it, as by [`shutdown`](crate::ActorSystem::shutdown).
    ///
    /// # Errors
    /// [`ClusterError::Unavailable`], after the system's `shutdown_timeout` at most and a bit, if there is no majority to agree,
    /// or if this node has some of the last copies of entities of which changes [may be lost](Self::accept_loss); the node is a
    /// member still, and its system goes on.
    pub async fn leave(&self) -> Result<(), ClusterError> {
        if *self.0.ending.borrow() {
            return Err(ClusterError::ShuttingDown);
        }
        // As with `hand_over`.
        let leaving: Pin<Box<dyn Future<Output = Result<(), ClusterError>> + Send + '_>> = Box::pin(self.0.leave());
        leaving.await
    }

    /// Makes this node the only voter of its cluster: for when a majority of the voters is gone for good, on one survivor. What
    /// this node knows counts as agreed from then on, and the cluster goes on from it as a new generation, in which this node
    /// leads. Its actors stay, and keep their names; all other nodes are down.
    ///
    /// Whoever is of the former generation, a survivor or one that comes back with its data directory, is refused, and joins
    /// the new one as soon as it meets it: it forgets what it knew of members and names, and keeps its actors. So this is for
    /// nodes that never come back as what they were. If they only cannot be reached, what they agree on meanwhile is lost.
    ///
    /// Copies of entities that they have are waited for: a survivor that joins anew brings them along. Each node that never
    /// comes back is to be [given up](Self::give_up) after this; until then what is not elsewhere stays unavailable.
    ///
    /// ```no_run
    /// # async fn example(system: casty::ActorSystem) -> casty::Result<()> {
    /// let cluster = system.cluster().expect("a node of one");
    /// // Two of three machines have burnt down, and an operator has said so.
    /// match cluster.recover_alone().await {
    ///     Ok(()) => assert!(cluster.is_leader()),
    ///     Err(casty::RecoverError::MajorityAnswers { voters, .. }) => println!("not now: {voters:?} are alive"),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`RecoverError`] says, which is mostly that there is no need.
    pub async fn recover_alone(&self) -> Result<(), RecoverError> {
        self.0.recover_alone().await
    }

    /// Has other settings hold for the entities of a type in the whole cluster: `factor` and `sync_count` as said here, and
    /// `strict` and `on_loss` as this program's attribute of the type says. Returns once that is agreed on. Its 1,024 slots follow
    /// one by one within seconds, those that are not whole at the time once they are: each of them promises what it did until
    /// then, and what is said here from then on. Where more is asked of changes than before, the entities of a slot end as they
    /// do for a move (timers end, messages wait), and are on as many backups as is asked now before they answer again.
    ///
    /// What was agreed on first for a type holds for all programs, and one that says more than that does not start. To ask for
    /// more, have a node that runs change it, and then start programs that say so; to ask for less, the other way round.
    /// `timeout` is each program's own and stays as it is.
    ///
    /// ```no_run
    /// use casty::{ReplicationConfig, prelude::*};
    ///
    /// #[actor]
    /// #[sharded]
    /// #[derive(Default)]
    /// struct Account(u64);
    ///
    /// #[actor]
    /// impl Account {}
    ///
    /// # async fn example(system: ActorSystem) -> casty::Result<()> {
    /// let cluster = system.cluster().expect("a node of one");
    /// // From now on answers wait for one backup of two.
    /// let config = ReplicationConfig { factor: 3, sync_count: 1, ..ReplicationConfig::default() };
    /// cluster.change_replication::<Account>(config).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ClusterError::Setting`] if that cannot be; [`ClusterError::Unavailable`] if the cluster does not agree on it in time. It
    /// may have been done, and can be tried again.
    pub async fn change_replication<A: Entity>(&self, config: ReplicationConfig) -> Result<(), ClusterError> {
        let name = std::any::type_name::<A>();
        let wrong = |why| ClusterError::Setting(format!("replication of `{name}`: {why}"));
        config.check(A::ENTITY.strict).map_err(wrong)?;
        let mut said = A::ENTITY;
        config.put_into(&mut said);
        self.0.change_settings(said.name, shard::settings(&said)).await
    }

    /// Says that a node which is down, or away, never comes back as it was, and that what only it had is lost: its machine has
    /// burnt down, or it keeps nothing and will not be started again. A node that is down may come back with its copies, so
    /// what is not elsewhere is waited for, and [`Unavailable`](crate::AskError::Unavailable) is what asks of it come to; a
    /// node that was given up is not waited for. Where so many copies are gone then that acknowledged changes may be lost,
    /// asks come to [`StateLost`](crate::AskError::StateLost) until that is [accepted](Self::accept_all_loss).
    ///
    /// It works for a node that was down for so long that it is no member any more, too. It cannot be taken back: if that very
    /// process runs after all and was only cut off, it is not let in again, and ends its part in the cluster; once started
    /// anew it is a new node, with nothing.
    ///
    /// `true`: that start of the node is over, by this call or since before. `false`: no such node is known.
    ///
    /// ```no_run
    /// # async fn example(system: casty::ActorSystem) -> casty::Result<()> {
    /// let cluster = system.cluster().expect("a node of one");
    /// // Two machines have burnt down, and an operator has said so.
    /// for node in ["node-3", "node-4"] {
    ///     assert!(cluster.give_up(node).await?, "{node} is unknown");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ClusterError::NodeIsUp`] if the node is up: stop it first. [`ClusterError::Unavailable`] if the cluster does not agree
    /// on it in time; it may have been done, and can be tried again.
    pub async fn give_up(&self, node: impl Into<NodeId>) -> Result<bool, ClusterError> {
        self.0.give_up(node.into()).await
    }

    /// Accepts that acknowledged changes of an entity, and of those in the same one of 1,024 slots, are lost if every copy that
    /// could hold them is gone for good: the best copies left are served from then on. `false`: nothing of the kind is lost.
    ///
    /// Until then asks of it come to [`StateLost`](crate::AskError::StateLost), so that nodes that might come back with their
    /// copies can. What was accepted is not taken back. A singleton has no id: whatever is given for it, `""` say, it is meant.
    ///
    /// # Errors
    /// [`ClusterError::Unavailable`] if the cluster does not agree on it in time. It can be tried again.
    pub async fn accept_loss<A: Entity>(&self, id: impl Into<EntityId>) -> Result<bool, ClusterError> {
        let id = id.into();
        let slot = slot_of(A::ENTITY.name, if A::ENTITY.singleton { "" } else { id.as_str() });
        Ok(self.0.accept_loss(Some(slot)).await? > 0)
    }

    /// The same of all that is lost. Returns of how many of the 1,024 slots that was.
    ///
    /// ```no_run
    /// use casty::{ClusterEvent, prelude::*};
    ///
    /// # async fn example(system: ActorSystem) -> casty::Result<()> {
    /// let cluster = system.cluster().expect("a node of one");
    /// let mut events = cluster.events();
    /// while let Some(event) = events.next().await {
    ///     if let ClusterEvent::StateLost { slots } = event {
    ///         // Here an operator is asked, who knows that those machines never come back.
    ///         println!("{} of {} slots are accepted as lost", cluster.accept_all_loss().await?, slots.len());
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`accept_loss`](Self::accept_loss).
    pub async fn accept_all_loss(&self) -> Result<usize, ClusterError> {
        self.0.accept_loss(None).await
    }

    /// On the heap, and of no type: what awaits it is compiled again in each program, and would be deeper than rustc goes.
    pub(crate) fn hand_over(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.0.hand_over())
    }

    pub(crate) fn shut_down(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.0.shut_down())
    }

    #[cfg(feature = "testkit")]
    pub(crate) fn running(&self) -> &Running {
        &self.0
    }

    /// How many connections were refused so far: strangers, wrong secrets, garbage.
    pub fn refused_connections(&self) -> u64 {
        self.0.refused.count()
    }
}

impl Member {
    pub(super) fn new(id: NodeId, member: &control::Member) -> Self {
        let status = member.status.into();
        Self { id, incarnation: member.incarnation, address: member.address.clone(), status }
    }
}

impl From<control::MemberStatus> for MemberStatus {
    fn from(status: control::MemberStatus) -> Self {
        match status {
            control::MemberStatus::Up => Self::Up,
            control::MemberStatus::Down => Self::Down,
            control::MemberStatus::Away => Self::Away,
        }
    }
}

impl ClusterEvent {
    /// What a change of the replicated state is to a program.
    pub(super) fn of(change: &control::Change) -> Option<Self> {
        use control::Change;
        Some(match change {
            Change::Up { node, member } => Self::MemberUp(Member::new(node.id.clone(), member)),
            Change::Down { node } | Change::Replaced { node, .. } => {
                let NodeKey { id, incarnation } = node.clone();
                Self::MemberDown { id, incarnation }
            }
            Change::Away { node } => Self::MemberAway { id: node.id.clone() },
            Change::Left { node } | Change::Forgotten { node } => Self::MemberLeft { id: node.id.clone() },
            Change::Cluster(_)
            | Change::GivenUp { .. }
            | Change::Moved { .. }
            | Change::NameTaken { .. }
            | Change::NameFreed { .. }
            | Change::NamesChanged
            | Change::Types
            | Change::Slots(_) => return None,
        })
    }

    pub(crate) fn log(&self) {
        match self {
            Self::MemberUp(member) => tracing::info!(id = %member.id, address = %member.address, "a member is up"),
            Self::MemberDown { id, .. } => tracing::warn!(%id, "a member is down"),
            Self::MemberAway { id } => tracing::info!(%id, "a member is away"),
            Self::MemberLeft { id } => tracing::info!(%id, "a member has left"),
            Self::LeaderChanged(Some(leader)) => tracing::info!(%leader, "the cluster has a leader"),
            Self::LeaderChanged(None) => tracing::warn!("the cluster has no leader"),
            Self::Fenced { reason } => tracing::error!(%reason, "this node serves nothing"),
            Self::OtherCluster { reason } => tracing::warn!(%reason, "a node of another cluster"),
            Self::SlotsTaken { slots, took, failover: true } => {
                tracing::info!(slots = slots.len(), ?took, "serves what nodes served that are gone");
            }
            Self::SlotsTaken { slots, took, .. } => tracing::debug!(slots = slots.len(), ?took, "serves more"),
            Self::SlotsGiven { slots, took } => tracing::debug!(slots = slots.len(), ?took, "has handed over"),
            Self::StateLost { slots } => tracing::error!(
                slots = slots.len(),
                "so many copies are gone that changes that were acknowledged may be lost: their entities are not served until \
                 `Cluster::accept_loss` or `accept_all_loss` says that they may be, with the best copies left"
            ),
            Self::Late(late) => tracing::warn!(?late, "the control plane's timers are late: is the machine overloaded?"),
        }
    }
}

/// The events of a cluster from the moment of [`Cluster::events`] on.
///
/// It never holds anybody up: of those that a slow reader leaves waiting, the oldest are left out.
#[derive(Debug)]
pub struct ClusterEvents(Events);

impl ClusterEvents {
    /// The next event; `None` once the system has shut down. Safe to drop half-way, as in a `select!`.
    pub async fn next(&mut self) -> Option<ClusterEvent> {
        loop {
            if let Event::Cluster(event) = self.0.next().await? {
                return Some(event);
            }
        }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cluster({} at {})", self.node_id(), self.address())
    }
}
