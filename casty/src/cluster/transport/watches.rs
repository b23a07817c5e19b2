//! Death watch from node to node: what actors here watch elsewhere, and what others watch here.

use std::{
    collections::{BTreeMap, HashMap, btree_map, hash_map::Entry},
    sync::{Arc, Mutex},
};

use super::{link::Link, replies::Replies};
use crate::{
    ActorSystem, StopReason,
    actor::{ActorId, TellEnd},
    cluster::{Incarnation, NodeKey, wire::DataFrame},
    sync::lock,
};

/// Actors of other nodes that are watched from here. Pure but for what it calls.
#[derive(Default)]
pub(super) struct Watches {
    next: u64,
    by_number: BTreeMap<u64, Watch>,
    numbers: HashMap<(NodeKey, ActorId, ActorId), u64>,
}

struct Watch {
    node: NodeKey,
    actor: ActorId,
    watcher: ActorId,
    tell: TellEnd,
}

/// Who watches an actor of another node that is to stop, until it has: with a new connection it is told again.
const STOPPER: ActorId = ActorId(u64::MAX);

/// What a peer is asked, on a connection that is new to it too.
pub(super) struct Asked {
    pub(super) number: u64,
    actor: ActorId,
    incarnation: Incarnation,
    stops: bool,
}

impl Asked {
    pub(super) fn tell(&self, link: &Arc<Link>) {
        let (actor, incarnation) = (self.actor.0, self.incarnation.0);
        link.tell(&DataFrame::Watch { watcher: self.number, actor, incarnation });
        if self.stops {
            link.tell(&DataFrame::Stop { actor, incarnation });
        }
    }
}

impl Watches {
    /// Returns what the peer is to be asked, if this watcher had not watched it.
    pub(super) fn add(&mut self, node: &NodeKey, actor: ActorId, watcher: ActorId, tell: TellEnd) -> Option<Asked> {
        let Entry::Vacant(number) = self.numbers.entry((node.clone(), actor, watcher)) else { return None };
        self.next += 1;
        number.insert(self.next);
        let watch = Watch { node: node.clone(), actor, watcher, tell };
        let asked = watch.asked(self.next);
        self.by_number.insert(self.next, watch);
        Some(asked)
    }

    /// The actor is to stop. Returns what the peer is to be asked, unless it has been before.
    pub(super) fn stop(&mut self, node: &NodeKey, actor: ActorId) -> Option<Asked> {
        self.add(node, actor, STOPPER, Box::new(|_| {}))
    }

    /// Takes a watch back. Returns its number.
    pub(super) fn remove(&mut self, node: &NodeKey, actor: ActorId, watcher: ActorId) -> Option<(u64, TellEnd)> {
        let number = self.numbers.remove(&(node.clone(), actor, watcher))?;
        self.by_number.remove(&number).map(|watch| (number, watch.tell))
    }

    /// The watched actor has ended: takes out who is to be told.
    pub(super) fn ended(&mut self, number: u64) -> Option<TellEnd> {
        let watch = self.by_number.remove(&number)?;
        self.numbers.remove(&(watch.node, watch.actor, watch.watcher));
        Some(watch.tell)
    }

    /// The node is gone: takes out all who are to be told.
    pub(super) fn lost(&mut self, node: &NodeKey) -> Vec<TellEnd> {
        let numbers: Vec<u64> = self.of(node).map(|asked| asked.number).collect();
        numbers.into_iter().filter_map(|number| self.ended(number)).collect()
    }

    /// All that one node is asked.
    pub(super) fn of<'a>(&'a self, node: &'a NodeKey) -> impl Iterator<Item = Asked> + 'a {
        let watches = self.by_number.iter().filter(move |(_, watch)| watch.node == *node);
        watches.map(|(number, watch)| watch.asked(*number))
    }
}

impl Watch {
    fn asked(&self, number: u64) -> Asked {
        Asked { number, actor: self.actor, incarnation: self.node.incarnation, stops: self.watcher == STOPPER }
    }
}

/// Actors here that the other side of one connection watches. All of that ends with the connection, and is asked for
/// again on the next one.
pub(super) struct Watched {
    system: ActorSystem,
    replies: Replies,
    here: Incarnation,
    /// Each goes with the end of its actor.
    watched: Arc<Mutex<BTreeMap<(u64, u64), ActorId>>>,
}

impl Watched {
    pub(super) fn new(system: ActorSystem, replies: Replies, here: Incarnation) -> Self {
        Self { system, replies, here, watched: Arc::default() }
    }

    pub(super) fn watch(&mut self, watcher: u64, actor: u64, incarnation: u64) {
        let outside = ActorId::outside();
        match lock(&self.watched).entry((watcher, actor)) {
            btree_map::Entry::Occupied(_) => return,
            btree_map::Entry::Vacant(free) => _ = free.insert(outside),
        }
        let (replies, watched) = (self.replies.clone(), Arc::downgrade(&self.watched));
        let tell = move |reason: StopReason| {
            if let Some(watched) = watched.upgrade() {
                lock(&watched).remove(&(watcher, actor));
            }
            let (reason, text) = encode(&reason);
            replies.frame(&DataFrame::Terminated { watcher, actor, incarnation, reason, text: &text });
        };
        if incarnation == self.here.0 {
            self.system.watch_for(ActorId(actor), outside, Box::new(tell));
        } else {
            tell(StopReason::Stopped);
        }
    }

    pub(super) fn unwatch(&mut self, watcher: u64, actor: u64) {
        let outside = lock(&self.watched).remove(&(watcher, actor));
        if let Some(outside) = outside {
            self.system.unwatch_for(ActorId(actor), outside);
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let watched = std::mem::take(&mut *lock(&self.watched));
        for ((_, actor), outside) in watched {
            self.system.unwatch_for(ActorId(actor), outside);
        }
    }
}

fn encode(reason: &StopReason) -> (u8, String) {
    match reason {
        StopReason::Stopped => (0, String::new()),
        StopReason::Failed(failure) => (1, failure.to_string()),
        StopReason::ParentStopped => (2, String::new()),
        StopReason::Shutdown => (3, String::new()),
        StopReason::Killed => (4, String::new()),
        StopReason::NodeLost => (5, String::new()),
        StopReason::NameLost => (6, String::new()),
        StopReason::Passivated => (7, String::new()),
        StopReason::Moved => (8, String::new()),
    }
}

pub(super) fn decode(reason: u8, text: &str) -> StopReason {
    match reason {
        1 => StopReason::Failed(text.to_owned().into()),
        2 => StopReason::ParentStopped,
        3 => StopReason::Shutdown,
        4 => StopReason::Killed,
        5 => StopReason::NodeLost,
        6 => StopReason::NameLost,
        7 => StopReason::Passivated,
        8 => StopReason::Moved,
        // A reason that a later version has is an end all the same.
        _ => StopReason::Stopped,
    }
}
