//! Circles of actors that wait for each other across nodes.
//!
//! Within a node each actor says whom it waits for. A question to another node carries who waits for its answer, so that
//! the other node sees the circle that it would close.

use std::sync::{
    Arc, Mutex,
    atomic::{
        AtomicBool, AtomicUsize,
        Ordering::{Relaxed, SeqCst},
    },
};

use slab::Slab;

use super::{
    ActorId, FarPort, Waiting,
    asking::{leads_to, waits_elsewhere},
    far::CHAIN,
    stack,
};
use crate::{ActorSystem, cluster::NodeKey, reply::Refusal, sync::lock, wire::CodecError};

/// How many questions of other nodes are looked through for one answer, at most.
const LOOKED_AT: usize = 1024;

/// The questions of other nodes' actors that are not answered yet.
#[derive(Default)]
pub(crate) struct FarQuestions {
    open: Mutex<Slab<Arc<Question>>>,
    len: AtomicUsize,
}

struct Question {
    /// Who was asked, here.
    target: ActorId,
    /// Who waits for the answer.
    chain: Vec<Waiting>,
    /// It was handled, and its answer comes later.
    late: AtomicBool,
}

impl FarQuestions {
    /// Those that somebody waits for until the handler has ended.
    fn held(&self) -> Vec<Arc<Question>> {
        if self.len.load(SeqCst) == 0 {
            return Vec::new();
        }
        let open = lock(&self.open);
        open.iter()
            .map(|(_, question)| question)
            .filter(|question| !question.late.load(Relaxed))
            .take(LOOKED_AT)
            .cloned()
            .collect()
    }

    /// Whom `waiter` waits for on this node by way of others.
    pub(super) fn awaited_by(&self, this: &NodeKey, waiter: ActorId) -> Vec<ActorId> {
        let held = self.held().into_iter();
        let its = held.filter(|question| question.chain.iter().any(|(node, actor)| *actor == waiter && node == this));
        its.map(|question| question.target).collect()
    }
}

/// Who waits for the answer to a question that the actor on whose turn this runs is about to ask: itself, and those of other
/// nodes that wait for it.
pub(crate) fn of_asker(system: &ActorSystem) -> Vec<Waiting> {
    let (Some(asker), Some(links)) = (stack::current(system), system.links()) else { return Vec::new() };
    let mut chain = vec![(links.this_node().clone(), asker)];
    for question in system.far_questions().held() {
        if chain.len() >= CHAIN {
            break;
        }
        if question.target == asker || leads_to(system, question.target, asker) {
            for waiting in &question.chain {
                if !chain.contains(waiting) {
                    chain.push(waiting.clone());
                }
            }
        }
    }
    chain.truncate(CHAIN);
    chain
}

/// Whether `target`, asked by those of `chain`, is or waits for one of them.
pub(super) fn is_circle(system: &ActorSystem, target: ActorId, chain: &[Waiting]) -> bool {
    let Some(links) = system.links() else { return false };
    let here = chain.iter().filter(|(node, _)| node == links.this_node());
    here.map(|(_, actor)| *actor).any(|actor| actor == target || leads_to(system, target, actor))
}

/// Whom an actor of this node that waits for other nodes waits for here in the end.
pub(super) fn through_others(system: &ActorSystem, waiter: ActorId) -> Vec<ActorId> {
    if system.far_questions().len.load(SeqCst) == 0 || !waits_elsewhere(system, waiter) {
        return Vec::new();
    }
    let Some(links) = system.links() else { return Vec::new() };
    system.far_questions().awaited_by(links.this_node(), waiter)
}

/// The port of a question that is remembered until it is answered.
pub(super) struct Remembered {
    port: Option<Box<dyn FarPort>>,
    system: ActorSystem,
    question: Arc<Question>,
    key: usize,
}

impl Remembered {
    pub(super) fn port(
        system: &ActorSystem,
        target: ActorId,
        mut chain: Vec<Waiting>,
        port: Box<dyn FarPort>,
    ) -> Box<dyn FarPort> {
        chain.truncate(CHAIN);
        let question = Arc::new(Question { target, chain, late: AtomicBool::new(false) });
        let questions = system.far_questions();
        let key = lock(&questions.open).insert(question.clone());
        questions.len.fetch_add(1, SeqCst);
        Box::new(Self { port: Some(port), system: system.clone(), question, key })
    }
}

impl FarPort for Remembered {
    fn answer(mut self: Box<Self>, encode: &dyn Fn(&mut Vec<u8>) -> Result<(), CodecError>) {
        let port = self.port.take();
        drop(self);
        if let Some(port) = port {
            port.answer(encode);
        }
    }

    fn refuse(mut self: Box<Self>, why: Refusal) {
        let port = self.port.take();
        drop(self);
        if let Some(port) = port {
            port.refuse(why);
        }
    }

    fn is_late(&self) {
        self.question.late.store(true, Relaxed);
    }
}

impl Drop for Remembered {
    fn drop(&mut self) {
        let questions = self.system.far_questions();
        let forgotten = lock(&questions.open).try_remove(self.key);
        drop(forgotten);
        questions.len.fetch_sub(1, SeqCst);
    }
}
