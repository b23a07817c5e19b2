//! Who is asked for the leader next.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use super::leader::Leader;
use crate::{cluster::transport::Callee, sync::lock};

#[derive(Debug, Default)]
pub(super) struct Inquiry {
    /// Who of those who may know the leader is asked next.
    turn: AtomicUsize,
    /// The leader that did not answer last. It may be one no more, and nobody has told this node.
    doubted: Mutex<Option<u64>>,
}

impl Inquiry {
    /// Who leads, as far as is known, or else one of `known`, who may know: raft tells those who were removed nothing, and
    /// those who were paused not yet.
    pub(super) fn whom(&self, leader: Option<Leader>, known: BTreeSet<&str>) -> Option<Callee> {
        let leader = leader.map(|leader| Callee { address: leader.node.address, raft_id: Some(leader.raft_id) });
        let doubted = leader.as_ref().is_some_and(|leader| leader.raft_id == *lock(&self.doubted));
        if leader.is_some() && !doubted {
            return leader;
        }
        // A doubted leader has its turn, too.
        let turn = self.turn.load(Relaxed) % (known.len() + 1);
        known.into_iter().nth(turn).map(|address| Callee { address: address.into(), raft_id: None }).or(leader)
    }

    pub(super) fn answered(&self, who: Option<&Callee>) {
        let mut doubted = lock(&self.doubted);
        if who.is_some_and(|who| who.raft_id == *doubted) {
            *doubted = None;
        }
    }

    /// `leader` is who leads, as far as is known.
    pub(super) fn no_answer(&self, who: Option<&Callee>, leader: Option<&Leader>) {
        self.turn.fetch_add(1, Relaxed);
        if let Some(leader) = leader
            && who.is_some_and(|who| who.raft_id == Some(leader.raft_id))
        {
            *lock(&self.doubted) = Some(leader.raft_id);
        }
    }
}
