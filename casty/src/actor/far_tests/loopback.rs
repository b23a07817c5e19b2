//! Links that join the systems of one process, by bytes: what the tests of remote references run on.

use std::{
    collections::HashMap,
    future::ready,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
};

use crate::{
    ActorSystem, LookupError, SpawnError,
    actor::{ActorId, Answer, FarAddress, FarPort, Incoming, Links, NotSent, Parcel, Received, Soon, TellEnd, Unsent, Wants},
    cluster::{Incarnation, NodeKey},
    error::ActorLabel,
    reply::{FarRefusal, Refusal},
    sync::lock,
    wire::CodecError,
};

/// Two or more systems, and the wires between them.
#[derive(Default)]
pub(super) struct Net {
    nodes: Mutex<HashMap<String, (NodeKey, ActorSystem)>>,
    names: Mutex<HashMap<Arc<str>, FarAddress>>,
    /// Nobody reaches anybody.
    pub(super) cut: AtomicBool,
    /// Links take nothing for now.
    pub(super) full: AtomicBool,
    pub(super) room: tokio::sync::Notify,
    /// Parcels that were taken.
    pub(super) sent: AtomicUsize,
    watches: Mutex<HashMap<(FarAddress, String, ActorId), Watch>>,
}

struct Watch {
    there: ActorId,
    tell: Arc<Mutex<Option<TellEnd>>>,
}

pub(super) const LIMIT: usize = 10_000;

impl Net {
    pub(super) fn node(self: &Arc<Self>, name: &str) -> ActorSystem {
        static STARTS: AtomicU64 = AtomicU64::new(1);
        let system = ActorSystem::new();
        let key = NodeKey { id: name.into(), incarnation: Incarnation(STARTS.fetch_add(1, SeqCst)) };
        system.set_links(Arc::new(Link { net: self.clone(), this: key.clone() }));
        lock(&self.nodes).insert(name.to_owned(), (key, system.clone()));
        system
    }

    /// The node is declared down.
    pub(super) fn lose(&self, name: &str) {
        lock(&self.nodes).remove(name);
        let lost: Vec<_> = lock(&self.watches).extract_if(|(to, ..), _| to.node.id.as_str() == name).collect();
        for (_, watch) in lost {
            if let Some(tell) = lock(&watch.tell).take() {
                tell(crate::StopReason::NodeLost);
            }
        }
    }

    fn system(&self, node: &NodeKey) -> Result<ActorSystem, Refusal> {
        if self.cut.load(SeqCst) {
            return Err(Refusal::unreachable("the wire is cut"));
        }
        let nodes = lock(&self.nodes);
        let found = nodes.get(node.id.as_str()).filter(|(key, _)| key == node).map(|(_, system)| system.clone());
        found.ok_or_else(|| Refusal::unreachable("no such node"))
    }
}

struct Link {
    net: Arc<Net>,
    this: NodeKey,
}

impl Link {
    fn system(&self) -> ActorSystem {
        lock(&self.net.nodes)[self.this.id.as_str()].1.clone()
    }
}

impl Links for Link {
    fn this_node(&self) -> &NodeKey {
        &self.this
    }

    fn send(&self, to: &Arc<FarAddress>, parcel: &mut Parcel<'_>) -> Result<usize, NotSent> {
        let there = self.net.system(&to.node)?;
        if self.net.full.load(SeqCst) {
            let net = self.net.clone();
            return Err(NotSent::Full(Box::pin(async move { net.room.notified().await })));
        }
        let mut body = Vec::new();
        parcel.encode(&mut body).map_err(Refusal::from)?;
        if body.len() > LIMIT {
            return Err(FarRefusal::TooLarge { bytes: body.len() as u64, limit: LIMIT as u64 }.into());
        }
        let (name, wants, chain) = (parcel.name(), parcel.wants(), parcel.chain().to_vec());
        let answer = parcel.take_answer();
        let (here, to) = (self.system(), to.clone());
        self.net.sent.fetch_add(1, SeqCst);
        let host = here.host().clone();
        host.spawn(async move {
            let (reply, receipt) = match wants {
                Wants::Answer => (answer.map(|answer| Box::new(Port { answer, system: here.clone() }) as Box<dyn FarPort>), None),
                Wants::Receipt | Wants::Nothing => (None, answer),
            };
            let mut received = there.receive(to.actor, Incoming { name, body: &body, wants, reply, chain });
            if let Received::Waits(for_room) = received {
                received = match for_room.await {
                    Ok(()) => Received::Taken,
                    Err(Unsent::Far(why)) => Received::Refused(why),
                    Err(_) => Received::Refused(Refusal::Stopped),
                };
            }
            if let Some(receipt) = receipt {
                match received {
                    Received::Refused(why) => receipt.refuse(why),
                    _ => receipt.answer(&here, &[]),
                }
            }
        });
        Ok(1)
    }

    fn stop(&self, to: &Arc<FarAddress>) -> Result<(), Refusal> {
        self.net.system(&to.node)?.stop_for(to.actor);
        Ok(())
    }

    fn watch(&self, to: &Arc<FarAddress>, watcher: ActorId, tell: TellEnd) {
        let key = ((**to).clone(), self.this.id.to_string(), watcher);
        let there = ActorId::outside();
        let tell = Arc::new(Mutex::new(Some(tell)));
        if lock(&self.net.watches).contains_key(&key) {
            return;
        }
        lock(&self.net.watches).insert(key.clone(), Watch { there, tell: tell.clone() });
        let net = self.net.clone();
        if let Ok(system) = self.net.system(&to.node) {
            system.watch_for(
                to.actor,
                there,
                Box::new(move |reason| {
                    lock(&net.watches).remove(&key);
                    let mut bytes = Vec::new();
                    reason.encode(&mut bytes);
                    if let Some(tell) = lock(&tell).take() {
                        tell(crate::StopReason::decode(&bytes).expect("just encoded"));
                    }
                }),
            );
        }
    }

    fn unwatch(&self, to: &Arc<FarAddress>, watcher: ActorId) {
        let key = ((**to).clone(), self.this.id.to_string(), watcher);
        let watch = lock(&self.net.watches).remove(&key);
        if let (Some(watch), Ok(system)) = (watch, self.net.system(&to.node)) {
            system.unwatch_for(to.actor, watch.there);
        }
    }

    fn register(&self, name: &Arc<str>, kind: &'static str, actor: ActorId) -> Soon<Result<(), SpawnError>> {
        if self.net.cut.load(SeqCst) {
            return Box::pin(ready(Err(SpawnError::Unavailable { name: name.clone(), reason: "the wire is cut".into() })));
        }
        let address = FarAddress { node: self.this.clone(), actor, kind: kind.into(), name: Some(name.clone()) };
        let mut names = lock(&self.net.names);
        let registered = match names.get(name) {
            Some(taken) => Err(SpawnError::NameTaken { name: name.clone(), by: ActorLabel::far(Arc::new(taken.clone())) }),
            None => {
                names.insert(name.clone(), address);
                Ok(())
            }
        };
        Box::pin(async move {
            tokio::task::yield_now().await;
            registered
        })
    }

    fn unregister(&self, name: &Arc<str>, actor: ActorId) {
        let mut names = lock(&self.net.names);
        if names.get(name).is_some_and(|taken| taken.actor == actor && taken.node == self.this) {
            names.remove(name);
        }
    }

    fn lookup(&self, name: &str) -> Soon<Result<Option<FarAddress>, LookupError>> {
        let root = name.split('/').next().unwrap_or(name);
        let found = lock(&self.net.names).get(root).and_then(|root| self.net.system(&root.node).ok()?.lookup_for(name));
        Box::pin(ready(Ok(found)))
    }
}

/// The way back.
struct Port {
    answer: Box<dyn Answer>,
    system: ActorSystem,
}

impl FarPort for Port {
    fn answer(self: Box<Self>, encode: &dyn Fn(&mut Vec<u8>) -> Result<(), CodecError>) {
        let mut body = Vec::new();
        match encode(&mut body) {
            Ok(()) if body.len() > LIMIT => self.answer.refuse(Refusal::bad_answer(&"too large")),
            Ok(()) => self.answer.answer(&self.system, &body),
            Err(error) => self.answer.refuse(Refusal::bad_answer(&error)),
        }
    }

    fn refuse(self: Box<Self>, why: Refusal) {
        let mut bytes = Vec::new();
        why.encode(&mut bytes);
        self.answer.refuse(Refusal::decode(&bytes).expect("just encoded"));
    }
}
