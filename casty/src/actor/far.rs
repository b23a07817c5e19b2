//! The seam to other nodes: what the local runtime asks of the links between nodes, and what it hands to them.
//!
//! Links, frames and connections are not here: the cluster implements [`Links`].

use std::{
    fmt,
    future::Future,
    hash::{Hash, Hasher},
    pin::Pin,
    sync::Arc,
};

use super::{ActorId, Item, Letter, StopReason, asking::ForRoom};
use crate::{
    ActorSystem, LookupError, Message, SpawnError,
    cluster::NodeKey,
    reply::{FarRefusal, Refusal, ReplyTo},
    wire::CodecError,
};

/// The way to the actors of other nodes, as the cluster gives it to a system.
pub(crate) trait Links: Send + Sync {
    /// The node that this system is.
    fn this_node(&self) -> &NodeKey;

    /// Hands a message over. `Ok`: it is in the link's queue, and the link has taken its [`Answer`]; and so many messages
    /// are on their way to that node. Else the answer was not taken.
    ///
    /// Does not block: called from an actor's turn.
    fn send(&self, to: &Arc<FarAddress>, parcel: &mut Parcel<'_>) -> Result<usize, NotSent>;

    /// Tells the actor to end. `Ok`: it is in the link's queue, or the actor is known to have ended.
    fn stop(&self, to: &Arc<FarAddress>) -> Result<(), Refusal>;

    /// `tell` is called once, when the actor has ended or its node was declared down, unless it is taken back before.
    /// There is one watch for each `watcher` of an actor; a second changes nothing, and its `tell` is dropped.
    fn watch(&self, to: &Arc<FarAddress>, watcher: ActorId, tell: TellEnd);

    fn unwatch(&self, to: &Arc<FarAddress>, watcher: ActorId);

    /// Makes `actor` the one of this name in the whole cluster. Only of actors without a parent.
    ///
    /// [`SpawnError::NameTaken`] with the label of the one that has it, or [`SpawnError::Unavailable`].
    fn register(&self, name: &Arc<str>, kind: &'static str, actor: ActorId) -> Soon<Result<(), SpawnError>>;

    /// The actor has ended: its name is free. Called for one whose name could not be registered, too.
    fn unregister(&self, name: &Arc<str>, actor: ActorId);

    /// The actor of this name, on whichever node. The name of a child begins with that of a root.
    fn lookup(&self, name: &str) -> Soon<Result<Option<FarAddress>, LookupError>>;
}

pub(crate) type Soon<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Told that an actor has ended, and why.
pub(crate) type TellEnd = Box<dyn FnOnce(StopReason) + Send>;

/// An actor of a node.
#[derive(Clone)]
pub(crate) struct FarAddress {
    pub(crate) node: NodeKey,
    /// At its node.
    pub(crate) actor: ActorId,
    /// Its declared name. Empty if it is not known.
    pub(crate) kind: Arc<str>,
    pub(crate) name: Option<Arc<str>>,
}

impl FarAddress {
    pub(crate) fn is_of<A: super::Actor>(&self) -> bool {
        *self.kind == *A::NAME
    }
}

impl PartialEq for FarAddress {
    fn eq(&self, other: &Self) -> bool {
        self.actor == other.actor && self.node == other.node
    }
}

impl Eq for FarAddress {}

impl Hash for FarAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.actor.hash(state);
    }
}

impl fmt::Display for FarAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.kind.is_empty() { "actor" } else { &*self.kind };
        match &self.name {
            Some(name) => write!(f, "{kind} \"{name}\" on {}", self.node.id),
            None => write!(f, "{kind} {} on {}", self.actor, self.node.id),
        }
    }
}

impl fmt::Debug for FarAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a message wants to hear of its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    /// Nothing: it was sent. What becomes of it is an event at most.
    Nothing,
    /// That it lies in the other node's mailbox: an [`Answer`] with an empty body.
    Receipt,
    /// Its answer.
    Answer,
}

/// An actor that waits, itself or through others, for the answer to a message: its node and its id there.
pub(crate) type Waiting = (NodeKey, ActorId);

/// How many waiting actors a message tells of, at most.
pub(crate) const CHAIN: usize = 32;

/// A message to another node's actor.
pub(crate) struct Parcel<'a> {
    content: &'a mut dyn Content,
    receipt: &'a mut Option<Box<dyn Answer>>,
    chain: Vec<Waiting>,
}

impl<'a> Parcel<'a> {
    pub(super) fn new(content: &'a mut dyn Content, receipt: &'a mut Option<Box<dyn Answer>>) -> Self {
        Self { content, receipt, chain: Vec::new() }
    }

    pub(super) fn with_chain(mut self, chain: Vec<Waiting>) -> Self {
        self.chain = chain;
        self
    }

    /// The message's name, which tells its type at the actor that it is for.
    pub(crate) fn name(&self) -> &'static str {
        self.content.name()
    }

    pub(crate) fn wants(&self) -> Wants {
        match &self.receipt {
            Some(_) => Wants::Receipt,
            None if self.content.is_ask() => Wants::Answer,
            None => Wants::Nothing,
        }
    }

    /// Whether it may be sent again after a connection broke.
    pub(crate) fn is_idempotent(&self) -> bool {
        self.content.is_idempotent()
    }

    /// Which actors wait for its answer, at most [`CHAIN`].
    pub(crate) fn chain(&self) -> &[Waiting] {
        &self.chain
    }

    /// Appends its bytes.
    pub(crate) fn encode(&self, into: &mut Vec<u8>) -> Result<(), CodecError> {
        self.content.encode(into)
    }

    /// Who waits for the answer or the receipt. Taken once the link has the message, and not before.
    pub(crate) fn take_answer(&mut self) -> Option<Box<dyn Answer>> {
        self.receipt.take().or_else(|| self.content.take_answer())
    }
}

/// A message whose type its sender knows.
pub(super) trait Content {
    fn name(&self) -> &'static str;
    fn is_ask(&self) -> bool;
    fn is_idempotent(&self) -> bool;
    fn encode(&self, into: &mut Vec<u8>) -> Result<(), CodecError>;
    fn take_answer(&mut self) -> Option<Box<dyn Answer>>;
}

impl<I: Item> Content for I {
    fn name(&self) -> &'static str {
        Item::name(self)
    }

    fn is_ask(&self) -> bool {
        Item::is_ask(self)
    }

    fn is_idempotent(&self) -> bool {
        Item::is_idempotent(self)
    }

    fn encode(&self, into: &mut Vec<u8>) -> Result<(), CodecError> {
        Item::encode(self, into)
    }

    fn take_answer(&mut self) -> Option<Box<dyn Answer>> {
        Item::take_answer(self)
    }
}

impl<M: Message> Content for Letter<M> {
    fn name(&self) -> &'static str {
        M::NAME
    }

    fn is_ask(&self) -> bool {
        self.1.is_ask()
    }

    fn is_idempotent(&self) -> bool {
        M::IDEMPOTENT
    }

    fn encode(&self, into: &mut Vec<u8>) -> Result<(), CodecError> {
        self.0.__encode(into)
    }

    fn take_answer(&mut self) -> Option<Box<dyn Answer>> {
        self.1.take_answer()
    }
}

/// Why a link did not take a message.
pub(crate) enum NotSent {
    /// It never will. The message was not handled.
    Refused(Refusal),
    /// Its queue is full. Ready when another try may find room.
    Full(Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl<R: Into<Refusal>> From<R> for NotSent {
    fn from(why: R) -> Self {
        Self::Refused(why.into())
    }
}

/// Somebody on this node who waits for another node's answer. Dropped, it is told that the connection was lost.
pub trait Answer: Send {
    /// Brings the answer. The references in it are to be `system`'s.
    fn answer(self: Box<Self>, system: &ActorSystem, body: &[u8]);
    /// Tells it that there is none.
    fn refuse(self: Box<Self>, why: Refusal);
    /// Whether it waits still.
    fn is_awaited(&self) -> bool;
}

/// An asker of an `M`, as one that takes the answer's bytes.
pub(crate) struct Awaited<M: Message> {
    reply: Option<ReplyTo<M>>,
    decode: fn(&[u8]) -> Result<M::Reply, CodecError>,
}

impl<M: Message> Awaited<M> {
    pub(crate) fn new(reply: ReplyTo<M>, decode: fn(&[u8]) -> Result<M::Reply, CodecError>) -> Self {
        Self { reply: Some(reply), decode }
    }
}

impl<M: Message> Answer for Awaited<M> {
    fn answer(mut self: Box<Self>, system: &ActorSystem, body: &[u8]) {
        let Some(reply) = self.reply.take() else { return };
        match system.decoding(|| (self.decode)(body)) {
            Ok(answer) => reply.send(answer),
            Err(error) => reply.refuse(Refusal::bad_answer(&error)),
        }
    }

    fn refuse(mut self: Box<Self>, why: Refusal) {
        if let Some(reply) = self.reply.take() {
            reply.refuse(why);
        }
    }

    fn is_awaited(&self) -> bool {
        self.reply.as_ref().is_some_and(ReplyTo::is_awaited)
    }
}

impl<M: Message> Drop for Awaited<M> {
    fn drop(&mut self) {
        if let Some(reply) = self.reply.take() {
            reply.refuse(FarRefusal::ConnectionLost.into());
        }
    }
}

/// The way back to an asker on another node. Exactly one of the two is called, from any thread.
pub trait FarPort: Send {
    /// Sends the answer's bytes. If it has none, or too many, the asker gets [`FarRefusal::BadAnswer`].
    fn answer(self: Box<Self>, encode: &dyn Fn(&mut Vec<u8>) -> Result<(), CodecError>);
    /// Sends why there is none.
    fn refuse(self: Box<Self>, why: Refusal);
    /// The handler has ended, and the answer comes later.
    fn is_late(&self) {}
}

/// Where the answer to one message of another node goes.
pub(crate) struct FarReply<R> {
    port: Box<dyn FarPort>,
    encode: fn(&R, &mut Vec<u8>) -> Result<(), CodecError>,
}

impl<R> FarReply<R> {
    pub(crate) fn new(port: Box<dyn FarPort>, encode: fn(&R, &mut Vec<u8>) -> Result<(), CodecError>) -> Self {
        Self { port, encode }
    }

    pub(crate) fn fill(self, answer: Result<R, Refusal>) {
        match answer {
            Ok(answer) => self.port.answer(&|into| (self.encode)(&answer, into)),
            Err(why) => self.port.refuse(why),
        }
    }

    pub(crate) fn is_late(&self) {
        self.port.is_late();
    }
}

/// A message that came from another node.
pub(crate) struct Incoming<'a> {
    pub(crate) name: &'a str,
    pub(crate) body: &'a [u8],
    /// [`Wants::Receipt`]: the link sends it, when the message is taken.
    pub(crate) wants: Wants,
    /// The asker, with [`Wants::Answer`].
    pub(crate) reply: Option<Box<dyn FarPort>>,
    /// Which actors wait for the answer.
    pub(crate) chain: Vec<Waiting>,
}

/// What became of a message that came from another node.
pub(crate) enum Received {
    /// It is in the mailbox, or was handled.
    Taken,
    /// The mailbox is full, and its senders wait: this future puts it there. The asker is told by it, too.
    Waits(ForRoom),
    /// It was not handled. If it was asked, the asker was told through its port; with [`Wants::Nothing`], it is a dead
    /// letter here.
    Refused(Refusal),
}
