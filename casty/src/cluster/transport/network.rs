//! All links of a node, and what comes in from others: the cluster as the local runtime sees it.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::{
        Arc, Mutex, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use tokio::task::JoinHandle;

use super::{
    delivery::Parking,
    door::Refusals,
    greet::Greeted,
    inbound::Inbound,
    letter::Letter,
    link::Link,
    watches::{self, Watches},
};
use crate::{
    ActorSystem, LookupError, SpawnError, StopReason,
    actor::{ActorId, Answer, FarAddress, Links, NotSent, Parcel, Soon, TellEnd},
    cluster::{
        Incarnation, NodeId, NodeKey,
        control::{MemberStatus, Plane},
        myself::Myself,
        names::NameDesk,
        settings::FRAME,
        shard::Shards,
        wire::{DataFrame, Request},
    },
    error::ActorLabel,
    host::Host,
    reply::Refusal,
    sync::lock,
    system::{DeadLetterReason, UNKNOWN, WeakSystem},
};

pub(crate) struct Network {
    itself: Weak<Self>,
    pub(super) host: Host,
    pub(super) plane: Plane,
    system: WeakSystem,
    limit: u32,
    links: RwLock<HashMap<NodeId, Arc<Link>, BuildHasherDefault<NameHasher>>>,
    /// The node has ended. Set while `links` are locked.
    closed: AtomicBool,
    inbound: Mutex<HashMap<NodeId, Session>>,
    sessions: AtomicU64,
    watches: Mutex<Watches>,
    pub(super) desk: NameDesk,
    refused: Arc<Refusals>,
    /// The entities of this node.
    pub(super) shards: Arc<Shards>,
}

/// The connection that another node has to this one.
struct Session {
    incarnation: Incarnation,
    number: u64,
    task: JoinHandle<()>,
    parking: Parking,
}

/// For names of members, which are looked up for each message: as FxHash. Quick matters more than well mixed.
#[derive(Default)]
struct NameHasher(u64);

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            self.0 = (self.0.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(0x517c_c1b7_2722_0a95);
        }
    }

    // What ends a text tells nothing here.
    fn write_u8(&mut self, _: u8) {}

    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
    }
}

impl Network {
    pub(crate) fn shards(&self) -> &Shards {
        &self.shards
    }

    /// `host` is where messages are handled.
    pub(crate) fn new(
        host: Host,
        plane: Plane,
        system: &ActorSystem,
        limit: u32,
        refused: Arc<Refusals>,
        shards: Arc<Shards>,
    ) -> Arc<Self> {
        let desk = NameDesk::open(&host, plane.clone());
        Arc::new_cyclic(|itself| Self {
            itself: itself.clone(),
            host,
            plane,
            system: system.downgrade(),
            limit,
            links: RwLock::default(),
            closed: AtomicBool::new(false),
            inbound: Mutex::default(),
            sessions: AtomicU64::new(0),
            watches: Mutex::default(),
            desk,
            refused,
            shards,
        })
    }

    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    pub(super) fn myself(&self) -> &Myself {
        self.plane.myself()
    }

    pub(super) fn max_frame(&self) -> u32 {
        self.limit
    }

    /// How long what a frame is about may be.
    pub(crate) fn max_message(&self) -> usize {
        self.limit.saturating_sub(FRAME) as usize
    }

    pub(super) fn next_session(&self) -> u64 {
        self.sessions.fetch_add(1, Relaxed) + 1
    }

    pub(super) fn with_system(&self, act: impl FnOnce(&ActorSystem)) {
        if let Some(system) = self.system.upgrade() {
            act(&system);
        }
    }

    /// The node's present start.
    pub(crate) fn key_of(&self, node: &str) -> Option<NodeKey> {
        let view = self.plane.view();
        let (id, member) = view.members.get_key_value(node)?;
        Some(NodeKey { id: id.clone(), incarnation: member.incarnation })
    }

    /// What to dial for this start of the node.
    pub(super) fn address_of(&self, node: &NodeKey) -> Option<Arc<str>> {
        self.plane.view().current(node).map(|member| member.address.clone())
    }

    pub(super) fn dead_letter(&self, to: &Arc<FarAddress>, message: &'static str, reason: DeadLetterReason) {
        self.with_system(|system| system.dead_letter(ActorLabel::far(to.clone()), message, reason));
    }

    /// A message from another node for an actor that is not here, whose sender does not wait.
    pub(super) fn stray(&self, from: &NodeKey, request: &Request<'_>) {
        tracing::debug!(%from, actor = %ActorId(request.actor), message = request.name, "a message for an actor that has ended");
        self.dead_letter_here(ActorId(request.actor), DeadLetterReason::Stopped);
    }

    pub(super) fn dead_letter_here(&self, actor: ActorId, reason: DeadLetterReason) {
        let to = ActorLabel::here(actor, "an actor", None);
        self.with_system(|system| system.dead_letter(to, UNKNOWN, reason));
    }

    /// The link to where the address leads now.
    fn link_to(&self, to: &FarAddress) -> Result<Arc<Link>, Refusal> {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = links.get(&to.node.id)
            && link.peer.incarnation == to.node.incarnation
        {
            return Ok(link.clone());
        }
        drop(links);
        self.find_link(to)
    }

    #[cold]
    fn find_link(&self, to: &FarAddress) -> Result<Arc<Link>, Refusal> {
        if self.closed.load(Relaxed) {
            return Err(Refusal::unreachable("this node is shutting down"));
        }
        let view = self.plane.view();
        let Some(member) = view.members.get(&to.node.id) else {
            return Err(Refusal::unreachable(format!("{} is no member of the cluster", to.node.id)));
        };
        if member.incarnation != to.node.incarnation && to.name.is_none() {
            return Err(Refusal::unreachable(format!("{} has restarted, and the actor had no name", to.node.id)));
        }
        if member.status != MemberStatus::Up {
            return Err(Refusal::unreachable(format!("{} is down", to.node.id)));
        }
        let peer = NodeKey { id: to.node.id.clone(), incarnation: member.incarnation };
        self.link(&peer)
    }

    pub(super) fn link(&self, peer: &NodeKey) -> Result<Arc<Link>, Refusal> {
        let Some(itself) = self.itself.upgrade() else { return Err(Refusal::unreachable("the node has ended")) };
        let mut links = self.links.write().unwrap_or_else(PoisonError::into_inner);
        if self.closed.load(Relaxed) {
            return Err(Refusal::unreachable("this node is shutting down"));
        }
        if let Some(link) = links.get(&peer.id) {
            if link.peer.incarnation >= peer.incarnation {
                return Ok(link.clone());
            }
            let old = link.clone();
            links.insert(peer.id.clone(), Link::new(itself.clone(), peer.clone()));
            drop(links);
            old.close("its node has restarted");
            return self.link(peer);
        }
        let link = Link::new(itself, peer.clone());
        links.insert(peer.id.clone(), link.clone());
        Ok(link)
    }

    /// Hands a message for an entity to the link.
    pub(crate) fn forward(
        &self,
        to: &NodeKey,
        letter: &Letter<'_>,
        answer: Box<dyn Answer>,
    ) -> Result<(), (NotSent, Box<dyn Answer>)> {
        match self.link_of(to) {
            Ok(link) => link.forward(letter, answer),
            Err(why) => Err((why.into(), answer)),
        }
    }

    /// Tells the node something about the copies of a slot, if there is a connection, or one can be made.
    pub(crate) fn tell_slot(&self, to: &NodeKey, slot: u16, write: impl FnOnce(&mut Vec<u8>)) {
        if let Ok(link) = self.link_of(to) {
            link.tell_slot(slot, write);
        }
    }

    fn link_of(&self, to: &NodeKey) -> Result<Arc<Link>, Refusal> {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = links.get(&to.id)
            && link.peer.incarnation == to.incarnation
        {
            return Ok(link.clone());
        }
        drop(links);
        if !self.plane.view().is_up(to) {
            return Err(Refusal::unreachable(format!("{} is down", to.id)));
        }
        self.link(to)
    }

    /// Where a named actor is now, if it is no longer where the address says.
    fn moved(&self, to: &FarAddress) -> Option<Arc<FarAddress>> {
        let name = to.name.as_ref()?;
        let entry = self.plane.published().lookup(name)?;
        let is_elsewhere = entry.owner != to.node && entry.kind == to.kind;
        is_elsewhere.then(|| {
            Arc::new(FarAddress { node: entry.owner, actor: ActorId(entry.actor), kind: entry.kind, name: to.name.clone() })
        })
    }

    /// A connection of another node for its requests.
    pub(crate) fn accept(self: &Arc<Self>, greeted: Greeted) {
        let Some(system) = self.system.upgrade() else { return };
        let (node, incarnation, number) = (greeted.peer.node.clone(), greeted.peer.incarnation, greeted.peer.session);
        let mut inbound = lock(&self.inbound);
        // What was the case when it was greeted may not be any more, and `lost` comes after a change can be seen.
        let view = self.plane.view();
        let is_over = view.members.get(&node).is_some_and(|member| {
            member.incarnation > incarnation || (member.incarnation == incarnation && member.status == MemberStatus::Down)
        });
        let is_past = !view.members.contains_key(&node) && view.is_past(&node, incarnation);
        if is_over || is_past || self.closed.load(Relaxed) {
            tracing::debug!(%node, number, "a connection of a node that is over, or to one");
            return;
        }
        if inbound.get(&node).is_some_and(|there| (there.incarnation, there.number) >= (incarnation, number)) {
            tracing::debug!(%node, number, "a connection that is older than the one there is");
            return;
        }
        let older = inbound.remove(&node);
        let of_it = older.as_ref().filter(|older| older.incarnation == incarnation);
        let parking = of_it.map(|older| older.parking.clone()).unwrap_or_default();
        let (network, parked) = (self.clone(), parking.clone());
        let task = self.host.spawn(async move {
            if let Some(older) = older {
                // What was read from the older one is delivered or dropped before anything of this one is.
                older.task.abort();
                let _ = older.task.await;
            }
            let node = greeted.peer.node.clone();
            let refused = network.refused.clone();
            match Inbound::run(network, system, greeted, parked).await {
                Ok(why) => tracing::debug!(%node, why, "a connection ended"),
                Err(why) => refused.note(&node, &why),
            }
        });
        inbound.insert(node, Session { incarnation, number, task, parking });
    }

    /// This start of the node is gone for good.
    pub(crate) fn lost(&self, node: &NodeKey, why: &str) {
        let mut links = self.links.write().unwrap_or_else(PoisonError::into_inner);
        let is_it = links.get(&node.id).is_some_and(|link| link.peer.incarnation <= node.incarnation);
        let link = if is_it { links.remove(&node.id) } else { None };
        drop(links);
        if let Some(link) = link {
            link.close(why);
        }
        let mut inbound = lock(&self.inbound);
        if inbound.get(&node.id).is_some_and(|session| session.incarnation <= node.incarnation)
            && let Some(session) = inbound.remove(&node.id)
        {
            session.task.abort();
        }
        drop(inbound);
        let told = lock(&self.watches).lost(node);
        told.into_iter().for_each(|tell| tell(StopReason::NodeLost));
    }

    /// The node ends: all links with it.
    pub(crate) fn close(&self) {
        let mut links = self.links.write().unwrap_or_else(PoisonError::into_inner);
        self.closed.store(true, Relaxed);
        let links = std::mem::take(&mut *links);
        links.into_values().for_each(|link| link.close("this node is shutting down"));
        let inbound = std::mem::take(&mut *lock(&self.inbound));
        inbound.into_values().for_each(|session| session.task.abort());
    }

    pub(super) fn watches(&self, peer: &NodeKey) -> bool {
        lock(&self.watches).of(peer).next().is_some()
    }

    /// A new connection: asks again for all that is watched there.
    pub(super) fn watch_again(&self, link: &Arc<Link>) {
        let asked: Vec<_> = lock(&self.watches).of(&link.peer).collect();
        asked.iter().for_each(|asked| asked.tell(link));
    }

    pub(super) fn terminated(&self, watcher: u64, reason: u8, text: &str) {
        let tell = lock(&self.watches).ended(watcher);
        if let Some(tell) = tell {
            tell(watches::decode(reason, text));
        }
    }
}

impl Links for Network {
    fn this_node(&self) -> &NodeKey {
        self.plane.myself().key()
    }

    fn send(&self, to: &Arc<FarAddress>, parcel: &mut Parcel<'_>) -> Result<usize, NotSent> {
        match self.link_to(to) {
            Ok(link) => link.send(to, parcel),
            Err(refusal) => match self.moved(to) {
                Some(now) => self.link_to(&now)?.send(&now, parcel),
                None => Err(refusal.into()),
            },
        }
    }

    fn stop(&self, to: &Arc<FarAddress>) -> Result<(), Refusal> {
        let view = self.plane.view();
        if !view.is_up(&to.node) {
            // It ended with its node.
            return Ok(());
        }
        let link = self.link_to(to)?;
        let asked = lock(&self.watches).stop(&to.node, to.actor);
        if let Some(asked) = asked {
            asked.tell(&link);
            // It may have gone down since the look above.
            if !self.plane.view().is_up(&to.node) {
                self.lost_watch(asked.number);
            }
        }
        Ok(())
    }

    fn watch(&self, to: &Arc<FarAddress>, watcher: ActorId, tell: TellEnd) {
        if !self.plane.view().is_up(&to.node) {
            return tell(StopReason::NodeLost);
        }
        let added = lock(&self.watches).add(&to.node, to.actor, watcher, tell);
        let Some(asked) = added else { return };
        match self.link_to(to) {
            Ok(link) => asked.tell(&link),
            Err(_) => self.lost_watch(asked.number),
        }
        // It may have gone down since the look above.
        if !self.plane.view().is_up(&to.node) {
            self.lost_watch(asked.number);
        }
    }

    fn unwatch(&self, to: &Arc<FarAddress>, watcher: ActorId) {
        let removed = lock(&self.watches).remove(&to.node, to.actor, watcher);
        if let Some((number, _)) = removed
            && let Ok(link) = self.link_to(to)
        {
            link.tell(&DataFrame::Unwatch { watcher: number, actor: to.actor.0, incarnation: to.node.incarnation.0 });
        }
    }

    fn register(&self, name: &Arc<str>, kind: &'static str, actor: ActorId) -> Soon<Result<(), SpawnError>> {
        Box::pin(self.desk.register(name.clone(), kind, actor))
    }

    fn unregister(&self, name: &Arc<str>, actor: ActorId) {
        self.desk.unregister(name.clone(), actor);
    }

    fn lookup(&self, name: &str) -> Soon<Result<Option<FarAddress>, LookupError>> {
        let name: Arc<str> = name.into();
        match self.itself.upgrade() {
            Some(network) => Box::pin(network.find(name)),
            None => Box::pin(async { Ok(None) }),
        }
    }
}

impl Network {
    fn lost_watch(&self, number: u64) {
        let tell = lock(&self.watches).ended(number);
        if let Some(tell) = tell {
            tell(StopReason::NodeLost);
        }
    }
}
