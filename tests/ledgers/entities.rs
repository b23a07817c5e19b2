//! The entities: registers that remember what was done to them, of a type for each promise, and one that is alone.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use casty::{EntityRef, prelude::*};
use casty_tests::ledgers::{Act, Answer, Do, Done, Look, Op, Outcome, Page, Tell};

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

fn node(system: &ActorSystem) -> String {
    system.cluster().map(|cluster| cluster.node_id().to_string()).unwrap_or_default()
}

/// Every so many messages there is one that takes some time.
const SLOW: u32 = 8;

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
                self.page.tell()
            }
        }
    };
}

ledger!(OneBackup, #[sharded(name = "one", factor = 3, sync = 1)]);
ledger!(Majority, #[sharded(name = "majority", factor = 3, sync = quorum)]);
ledger!(All, #[sharded(name = "all", factor = 3, sync = all)]);
ledger!(Only, #[singleton(name = "only", factor = 3, sync = quorum)]);

/// Its reference, whatever its type is.
pub(crate) enum Ledger {
    OneBackup(EntityRef<OneBackup>),
    Majority(EntityRef<Majority>),
    All(EntityRef<All>),
    Only(EntityRef<Only>),
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

/// What an error comes to: its kind goes first.
fn failed(may_have_been_handled: bool, error: &(impl fmt::Debug + fmt::Display)) -> Outcome {
    let kind = format!("{error:?}");
    let kind = kind.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
    let text = format!("{kind}: {error}");
    if may_have_been_handled { Outcome::Unknown(text) } else { Outcome::NotHandled(text) }
}

fn outcome(answer: Result<Answer, AskError>) -> Outcome {
    match answer {
        Ok(answer) => Outcome::Answered(answer),
        Err(error) => failed(error.may_have_been_handled(), &error),
    }
}

impl Ledger {
    pub(crate) fn of(system: &ActorSystem, kind: &str, id: &str) -> Self {
        match kind {
            "one" => Self::OneBackup(system.sharded().entity(id)),
            "majority" => Self::Majority(system.sharded().entity(id)),
            "all" => Self::All(system.sharded().entity(id)),
            _ => Self::Only(system.singleton()),
        }
    }

    pub(crate) async fn call(&self, op: Op, act: Act, limit: Duration) -> Outcome {
        match act {
            Act::Read => outcome(each!(self, entity => entity.ask(Look).timeout(limit).await)),
            Act::Add(_) => match each!(self, entity => entity.send(Do(op, act)).await) {
                Ok(()) => Outcome::Kept,
                Err(error) => failed(error.may_have_been_handled(), &error),
            },
            Act::Swap(_) | Act::Cas(..) => outcome(each!(self, entity => entity.ask(Do(op, act)).timeout(limit).await)),
        }
    }

    /// All that has been done.
    pub(crate) async fn tell(&self, limit: Duration) -> Result<Vec<Done>, AskError> {
        each!(self, entity => entity.ask(Tell).timeout(limit).await)
    }
}

/// Accepts that changes of it are lost.
pub(crate) async fn accept_loss(cluster: &casty::Cluster, kind: &str, id: &str) -> Result<bool, casty::ClusterError> {
    match kind {
        "one" => cluster.accept_loss::<OneBackup>(id).await,
        "majority" => cluster.accept_loss::<Majority>(id).await,
        "all" => cluster.accept_loss::<All>(id).await,
        _ => cluster.accept_loss::<Only>(id).await,
    }
}
