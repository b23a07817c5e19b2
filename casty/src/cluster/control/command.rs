//! What can be proposed to the cluster, and what comes of it.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::cluster::{
    Incarnation, NodeId, NodeKey,
    placement::{Epoch, Proposal, Slot, Stage, TypeNumber, TypeSettings},
    swim::SealKey,
};

/// The oldest and the newest version of the protocol that a node speaks.
pub(crate) type Protocols = (u16, u16);

/// How long a lease is, in milliseconds; 0 if that is not said.
pub(crate) type LeaseMillis = u32;

/// An entry of the log. Each can be applied again without changing anything, unless others came between.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Command {
    /// The cluster begins. Only the first one counts, and the first one that has a key.
    Genesis {
        cluster_id: u128,
        name: Arc<str>,
        /// How long leases are.
        #[serde(default)]
        lease: LeaseMillis,
        /// What datagrams are sealed with, where there is no secret for that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seal: Option<SealKey>,
    },
    /// The cluster goes on without its majority: what speaks for a lower generation is of the past.
    Generation { generation: u64 },
    /// A node is to be a member, or one again.
    Join {
        node: NodeKey,
        raft_id: u64,
        address: Arc<str>,
        protocol: Protocols,
        /// The proposer knows that the one who holds this node id, by another raft id, has no lease any more.
        takes_over: bool,
        /// How long the node takes leases to be.
        #[serde(default)]
        lease: LeaseMillis,
        /// It was a member before, and asks because it is none any more.
        #[serde(default)]
        returns: bool,
    },
    /// A member does not answer any more. Its names are free.
    Down {
        node: NodeKey,
        /// The entry that made it what the proposer takes it for: one that has come back since is meant no more.
        #[serde(default)]
        since: Option<u64>,
    },
    /// A member has gone in good order. Its names are free.
    Leave {
        node: NodeKey,
        /// As for `Down`.
        #[serde(default)]
        since: Option<u64>,
    },
    /// A member stays one and serves nothing until it joins again. Its names are free.
    Away { node: NodeKey },
    /// The entry of a member that is down goes.
    Forget { id: NodeId },
    /// An operator says that a start of a node which is not up is over for good, and what it remembered with it. It never is
    /// a member again.
    GiveUp { node: NodeKey },
    /// Actors of one node want names.
    Register { owner: NodeKey, names: Vec<NameClaim> },
    /// Names and the actors that give them up. What another actor holds by now stays.
    Unregister { owner: NodeKey, names: Vec<(Arc<str>, u64)> },
    /// Types of entities, as a program has them. What was agreed on first stays.
    Declare { types: Vec<(Arc<str>, TypeSettings)> },
    /// Other settings for a type of entities, in place of those that hold from the version `after` of the type table. The slots
    /// follow, configuration by configuration.
    Settings { name: Arc<str>, after: u64, settings: TypeSettings },
    /// Slots get other nodes. Each is named once, with the epoch that its new configuration follows, and the places of that
    /// one's members in `nodes`. What does not fit the state any more is left out.
    Slots { nodes: Vec<NodeKey>, configurations: Vec<(Slot, Epoch, Vec<u16>)> },
    /// Configurations whose primary the node is have come so far.
    Reached { node: NodeKey, slots: Vec<(Slot, Epoch, Stage)> },
    /// An operator accepts that what only lost copies of these slots had is lost.
    AcceptLoss { slots: Vec<(Slot, Epoch)> },
    /// Nothing.
    Nothing,
}

/// An actor that wants a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NameClaim {
    pub(crate) name: Arc<str>,
    /// What kind of actor it is.
    pub(crate) kind: Arc<str>,
    pub(crate) actor: u64,
}

/// What came of a [`Command`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// Done, or there was nothing to do.
    Done,
    /// To a `Genesis`: the cluster that there is, this one or an older one.
    Cluster { cluster_id: u128, name: Arc<str> },
    /// To a `Join`: the node is a member.
    Joined { cluster_id: u128, generation: u64 },
    /// To a `Join`: it is none.
    Refused(JoinRefused),
    /// To a `Register`: for each claim what came of it, in order.
    Registered(Vec<NameResult>),
    /// To a `Settings`: the same of the one type, if there is such a type. To a `Declare`: for each type its number and what holds for it, in order. Fewer if no numbers are left.
    Declared(Vec<(TypeNumber, TypeSettings)>),
    /// To a `GiveUp`: whether that start of the node is over. It is not if it is up by now.
    Over(bool),
}

/// Why a node is not let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(crate) enum JoinRefused {
    /// There was a start of this node that is not older. A start with a greater incarnation than that can join.
    #[error("a start of this node with incarnation {0:?} is known already")]
    NewerIncarnation(Incarnation),
    /// An operator has given this start of the node up. A later start can join.
    #[error("this start of the node was given up")]
    GivenUp,
    /// Another process goes by this node id, and nothing says that it has ended. It may have lapsed later.
    #[error("the node id is in use by the node at {address} (incarnation {incarnation:?})")]
    IdInUse { incarnation: Incarnation, address: Arc<str> },
    /// Leases would overlap that must not.
    #[error("leases are {0} ms long in this cluster")]
    OtherLease(LeaseMillis),
    /// There is no cluster yet to join.
    #[error("the cluster has not begun")]
    NoCluster,
}

/// What came of a [`NameClaim`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum NameResult {
    /// The actor holds the name, now or since before.
    Held,
    /// Another actor does.
    Taken { by: NodeKey, kind: Arc<str>, actor: u64 },
    /// The claimant's node is not a serving member.
    NotMember,
}

impl Command {
    /// That these configurations begin.
    pub(crate) fn slots(proposals: &[Proposal]) -> Self {
        let mut places = BTreeMap::new();
        let mut nodes = Vec::new();
        let mut place = |node: &NodeKey| {
            *places.entry(node.clone()).or_insert_with(|| {
                nodes.push(node.clone());
                // So many nodes are in no few configurations. What is out of range would be left out.
                u16::try_from(nodes.len() - 1).unwrap_or(u16::MAX)
            })
        };
        let configuration = |proposal: &Proposal| {
            let members = proposal.members.iter().map(&mut place).collect();
            (proposal.slot, proposal.after, members)
        };
        let configurations = proposals.iter().map(configuration).collect();
        Self::Slots { nodes, configurations }
    }

    /// About how many bytes it takes in a log.
    pub(crate) fn size(&self) -> usize {
        const FIELDS: usize = 64;
        match self {
            Self::Join { address, .. } => FIELDS + address.len(),
            Self::Register { names, .. } => FIELDS + names.iter().map(|it| it.name.len() + it.kind.len() + 32).sum::<usize>(),
            Self::Unregister { names, .. } => FIELDS + names.iter().map(|(name, _)| name.len() + 16).sum::<usize>(),
            Self::Declare { types } => FIELDS + types.iter().map(|(name, _)| name.len() + FIELDS).sum::<usize>(),
            Self::Slots { nodes, configurations } => {
                let members = |(.., members): &(Slot, Epoch, Vec<u16>)| 12 + 2 * members.len();
                let nodes = nodes.iter().map(|node| node.id.as_str().len() + 40).sum::<usize>();
                FIELDS + nodes + configurations.iter().map(members).sum::<usize>()
            }
            Self::Settings { name, .. } => 2 * FIELDS + name.len(),
            Self::Reached { slots, .. } => FIELDS + slots.len() * 20,
            Self::AcceptLoss { slots } => FIELDS + slots.len() * 12,
            Self::Genesis { .. }
            | Self::Generation { .. }
            | Self::Down { .. }
            | Self::Leave { .. }
            | Self::Away { .. }
            | Self::Forget { .. }
            | Self::GiveUp { .. }
            | Self::Nothing => FIELDS,
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Genesis { cluster_id, name, .. } => write!(f, "genesis of {name} ({cluster_id:032x})"),
            Self::Generation { generation } => write!(f, "generation {generation}"),
            Self::Join { node, address, .. } => write!(f, "join of {node} at {address}"),
            Self::Down { node, .. } => write!(f, "down {node}"),
            Self::Leave { node, .. } => write!(f, "leave of {node}"),
            Self::Away { node } => write!(f, "away {node}"),
            Self::Forget { id } => write!(f, "forget {id}"),
            Self::GiveUp { node } => write!(f, "{node} given up"),
            Self::Register { owner, names } => write!(f, "{} names for {owner}", names.len()),
            Self::Unregister { owner, names } => write!(f, "{} names given up by {owner}", names.len()),
            Self::Declare { types } => write!(f, "{} types", types.len()),
            Self::Settings { name, settings, .. } => write!(f, "{settings} for {name}"),
            Self::Slots { configurations, .. } => write!(f, "{} slots", configurations.len()),
            Self::Reached { node, slots } => write!(f, "how far {} slots of {node} are", slots.len()),
            Self::AcceptLoss { slots } => write!(f, "the loss of {} slots accepted", slots.len()),
            Self::Nothing => f.write_str("nothing"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Cluster { cluster_id, name } => write!(f, "cluster {name} ({cluster_id:032x})"),
            Self::Joined { .. } => f.write_str("joined"),
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::Registered(names) => write!(f, "{} names", names.len()),
            Self::Declared(types) => write!(f, "{} types", types.len()),
            Self::Over(over) => write!(f, "{}", if *over { "over" } else { "not over" }),
        }
    }
}
