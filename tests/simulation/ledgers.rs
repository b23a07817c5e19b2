//! The entities of a run: registers that remember what was done to them.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use casty::{ClusterError, EntityRef, prelude::*};
use serde::{Deserialize, Serialize};

/// Who did it, and what it did before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Op(pub(crate) u32, pub(crate) u32);

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Act {
    Read,
    /// Writes, and is told what was there.
    Swap(u64),
    /// Writes the second if the first is there, and is told what was.
    Cas(u64, u64),
    /// Told nothing.
    Add(u64),
}

impl Act {
    /// What is there afterwards, if that is something else.
    pub(crate) fn on(self, value: u64) -> Option<u64> {
        match self {
            Self::Read => None,
            Self::Swap(to) => Some(to),
            Self::Cas(from, to) => (from == value).then_some(to),
            Self::Add(by) => Some(value + by),
        }
    }
}

/// What has been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) op: Op,
    /// What was there afterwards.
    pub(crate) value: u64,
    /// By which activation.
    pub(crate) by: u64,
}

#[message(reply = Answer)]
#[derive(Debug)]
pub(crate) struct Do(pub(crate) Op, pub(crate) Act);

#[message(reply = Answer)]
pub(crate) struct Look;

#[message(reply = Vec<Done>)]
pub(crate) struct Tell;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// What was there before.
    pub(crate) was: u64,
    /// How much had been done, this included.
    pub(crate) at: usize,
    /// What stands for all that had been done.
    pub(crate) mark: u64,
    pub(crate) by: u64,
    pub(crate) node: String,
}

pub(crate) fn mark(done: &[Done]) -> u64 {
    let mut hasher = DefaultHasher::new();
    done.hash(&mut hasher);
    hasher.finish()
}

static ORDER: AtomicU64 = AtomicU64::new(1);

/// Rises with each call.
pub(crate) fn order() -> u64 {
    ORDER.fetch_add(1, Relaxed)
}

#[derive(Debug)]
struct Activation(u64);

impl Default for Activation {
    fn default() -> Self {
        Self(order())
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Page {
    value: u64,
    done: Vec<Done>,
}

impl Page {
    fn act(&mut self, Do(op, act): Do, by: u64, node: String) -> Answer {
        let was = self.value;
        if let Some(value) = act.on(was) {
            self.value = value;
            self.done.push(Done { op, value, by });
        }
        Answer { was, ..self.look(by, node) }
    }

    fn look(&self, by: u64, node: String) -> Answer {
        Answer { was: self.value, at: self.done.len(), mark: mark(&self.done), by, node }
    }
}

/// Every so many messages there is one that takes some time.
const SLOW: u32 = 8;

fn node(system: &ActorSystem) -> String {
    system.cluster().map(|cluster| cluster.node_id().to_string()).unwrap_or_default()
}

macro_rules! ledger {
    ($name:ident, #[$kind:meta]) => {
        #[actor]
        #[$kind]
        #[derive(Debug, Default)]
        pub(crate) struct $name {
            page: Page,
            #[casty(skip)]
            activation: Activation,
        }

        #[actor]
        impl $name {
            #[handler]
            async fn act(&mut self, message: Do, ctx: &mut Context<Self>) -> Answer {
                let Op(client, number) = message.0;
                if (client + number).is_multiple_of(SLOW) {
                    // Others wait in the mailbox meanwhile.
                    tokio::time::sleep(Duration::from_millis(u64::from(number) * 7 % 45)).await;
                }
                self.page.act(message, self.activation.0, node(ctx.system()))
            }

            #[handler]
            fn look(&self, _: Look, ctx: &Context<Self>) -> Answer {
                self.page.look(self.activation.0, node(ctx.system()))
            }

            #[handler]
            fn tell(&self, _: Tell) -> Vec<Done> {
                self.page.done.clone()
            }
        }
    };
}

ledger!(OneBackup, #[sharded(name = "one", factor = 3, sync = 1)]);
ledger!(Majority, #[sharded(name = "majority", factor = 3, sync = quorum)]);
ledger!(All, #[sharded(name = "all", factor = 3, sync = all)]);
ledger!(Only, #[singleton(name = "only", factor = 3, sync = quorum)]);

/// An entity, by its type and id.
pub(crate) type Name = (&'static str, &'static str);

pub(crate) const LEDGERS: [Name; 7] =
    [("one", "a"), ("one", "b"), ("majority", "a"), ("majority", "b"), ("all", "a"), ("all", "b"), ("only", "")];

/// Its reference, whatever its type is.
pub(crate) enum Ledger {
    OneBackup(EntityRef<OneBackup>),
    Majority(EntityRef<Majority>),
    All(EntityRef<All>),
    Only(EntityRef<Only>),
}

/// What came of a call.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Answered(Answer),
    /// Nobody is to answer, and it is kept.
    Kept,
    NotHandled(String),
    Unknown(String),
}

macro_rules! each {
    ($ledger:expr, $entity:ident => $do:expr) => {
        match $ledger {
            Ledger::OneBackup($entity) => $do,
            Ledger::Majority($entity) => $do,
            Ledger::All($entity) => $do,
            Ledger::Only($entity) => $do,
        }
    };
}

fn outcome<T>(answer: Result<T, AskError>, ok: impl FnOnce(T) -> Outcome) -> Outcome {
    match answer {
        Ok(answer) => ok(answer),
        Err(error) if error.may_have_been_handled() => Outcome::Unknown(error.to_string()),
        Err(error) => Outcome::NotHandled(error.to_string()),
    }
}

/// Accepts that what was done to it is lost. Whether anything was.
pub(crate) async fn accept_loss(system: &ActorSystem, (kind, id): Name) -> Result<bool, ClusterError> {
    let cluster = system.cluster().expect("it is a node");
    match kind {
        "one" => cluster.accept_loss::<OneBackup>(id).await,
        "majority" => cluster.accept_loss::<Majority>(id).await,
        "all" => cluster.accept_loss::<All>(id).await,
        _ => cluster.accept_loss::<Only>(id).await,
    }
}

impl Ledger {
    pub(crate) fn of(system: &ActorSystem, (kind, id): Name) -> Self {
        match kind {
            "one" => Self::OneBackup(system.sharded().entity(id)),
            "majority" => Self::Majority(system.sharded().entity(id)),
            "all" => Self::All(system.sharded().entity(id)),
            _ => Self::Only(system.singleton()),
        }
    }

    pub(crate) async fn call(&self, op: Op, act: Act, limit: Duration) -> Outcome {
        match act {
            Act::Read => outcome(each!(self, entity => entity.ask(Look).timeout(limit).await), Outcome::Answered),
            Act::Add(_) => match each!(self, entity => entity.send(Do(op, act)).await) {
                Ok(()) => Outcome::Kept,
                Err(error) if error.may_have_been_handled() => Outcome::Unknown(error.to_string()),
                Err(error) => Outcome::NotHandled(error.to_string()),
            },
            Act::Swap(_) | Act::Cas(..) => {
                outcome(each!(self, entity => entity.ask(Do(op, act)).timeout(limit).await), Outcome::Answered)
            }
        }
    }

    /// All that has been done.
    pub(crate) async fn tell(&self, limit: Duration) -> Result<Vec<Done>, AskError> {
        each!(self, entity => entity.ask(Tell).timeout(limit).await)
    }
}
