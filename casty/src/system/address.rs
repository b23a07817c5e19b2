//! Addresses: what a reference is while it travels as bytes.

use std::borrow::Cow;
use std::sync::{
    Arc, Mutex, Weak,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use serde::{Deserialize, Serialize};

use super::{ActorSystem, Inner, remote::decoding_for};
use crate::{
    EntityId,
    actor::{ActorId, AnyCell, FarAddress},
    cluster::NodeKey,
    host::Host,
    sync::lock,
};

/// Which actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Address {
    /// Of a system that is in no cluster: its actors are reached within the process.
    Here { system: u64, actor: u64 },
    /// An entity, by the name of its type; of a system that is in no cluster, or of the cluster.
    Entity { system: Option<u64>, kind: Cow<'static, str>, id: EntityId },
    /// Of a node. The kind is empty if it is not known.
    Node { node: NodeKey, actor: u64, kind: Arc<str>, name: Option<Arc<str>> },
}

/// Where an address leads.
pub(crate) enum Found {
    /// To an entity, of the type of this name.
    Entity(ActorSystem, Cow<'static, str>, EntityId),
    Here(Arc<dyn AnyCell>),
    /// To another node.
    Far(ActorSystem, Arc<FarAddress>),
    /// To an actor of this node that has ended.
    Ended(ActorSystem, Arc<FarAddress>),
}

/// Why an address leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoActor {
    #[error("the reference is to an actor of a system that is not in this process")]
    NoSystem,
    #[error("the reference is to an actor that has stopped")]
    Stopped,
    #[error(
        "the reference is to an actor of a cluster's node, and which system of this process is to reach it is not known: \
         decode it where exactly one system is in a cluster, or send it in a message"
    )]
    WhichSystem,
    #[error("the reference is to an entity, and not to an actor")]
    IsEntity,
    #[error("the reference is to an entity of a type that this program does not have, or cannot make")]
    NoType,
}

static SERIALS: AtomicU64 = AtomicU64::new(1);
/// The systems of this process.
static SYSTEMS: Mutex<Vec<(u64, Weak<Inner>)>> = Mutex::new(Vec::new());

/// A number that no other system has, of this process or of another.
pub(super) fn next_serial(host: &Host) -> u64 {
    (host.random() << SHORT) | short(SERIALS.fetch_add(1, Relaxed))
}

/// The part that tells it from the others of its process.
pub(super) fn short(serial: u64) -> u64 {
    serial & ((1 << SHORT) - 1)
}

const SHORT: u32 = 24;

pub(super) fn enter(system: &ActorSystem) {
    let mut systems = lock(&SYSTEMS);
    systems.retain(|(_, other)| other.strong_count() > 0);
    systems.push((system.serial(), Arc::downgrade(&system.0)));
}

/// The systems of this process that are in a cluster.
fn nodes() -> Vec<ActorSystem> {
    let systems: Vec<_> = lock(&SYSTEMS).iter().filter_map(|(_, system)| system.upgrade()).map(ActorSystem).collect();
    systems.into_iter().filter(|system| system.links().is_some()).collect()
}

impl Address {
    pub(crate) fn of(cell: &dyn AnyCell) -> Self {
        let system = cell.system();
        match system.address_of(cell) {
            Some(FarAddress { node, actor, kind, name }) => Self::Node { node, actor: actor.0, kind, name },
            None => Self::Here { system: system.serial(), actor: cell.id().0 },
        }
    }

    pub(crate) fn of_entity(system: &ActorSystem, kind: &'static str, id: &EntityId) -> Self {
        let alone = system.links().is_none().then(|| system.serial());
        Self::Entity { system: alone, kind: kind.into(), id: id.clone() }
    }

    pub(crate) fn find(self) -> Result<Found, NoActor> {
        let (node, actor, kind, name) = match self {
            Self::Here { system, actor } => return find_here(system, ActorId(actor)),
            Self::Entity { system, kind, id } => {
                let system = system.map_or_else(|| system_for(None), system_of)?;
                return Ok(Found::Entity(system, kind, id));
            }
            Self::Node { node, actor, kind, name } => (node, ActorId(actor), kind, name),
        };
        let system = system_for(Some(&node))?;
        let is_here = system.links().is_some_and(|links| links.this_node().id == node.id);
        let is_now = system.links().is_some_and(|links| links.this_node().incarnation == node.incarnation);
        if is_here
            && is_now
            && let Some(cell) = system.find(actor)
        {
            return Ok(Found::Here(cell));
        }
        let address = Arc::new(FarAddress { node, actor, kind, name });
        Ok(if is_here { Found::Ended(system, address) } else { Found::Far(system, address) })
    }
}

fn system_of(serial: u64) -> Result<ActorSystem, NoActor> {
    let system = lock(&SYSTEMS).iter().find(|(other, _)| *other == serial).and_then(|(_, system)| system.upgrade());
    system.map(ActorSystem).ok_or(NoActor::NoSystem)
}

fn find_here(serial: u64, actor: ActorId) -> Result<Found, NoActor> {
    let system = system_of(serial)?;
    system.find(actor).map(Found::Here).ok_or(NoActor::Stopped)
}

/// The system that reaches the actors of `node`, or the entities of a cluster: the one that is decoding, or else that node itself, or else the only one
/// that can be meant.
fn system_for(node: Option<&NodeKey>) -> Result<ActorSystem, NoActor> {
    if let Some(system) = decoding_for() {
        return Ok(system);
    }
    let mut nodes = nodes();
    let is_this = |system: &ActorSystem| system.links().is_some_and(|links| Some(links.this_node()) == node);
    let this = nodes.iter().position(is_this);
    match this {
        Some(this) => Ok(nodes.swap_remove(this)),
        None if nodes.len() == 1 => Ok(nodes.remove(0)),
        None => Err(NoActor::WhichSystem),
    }
}
