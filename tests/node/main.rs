//! A node as a process, for tests. Its settings are in the environment; each line of its standard input is a number and an
//! order, and is answered with a line of that number.
//!
//! | order | what it does, and answers |
//! | --- | --- |
//! | `status` | `node=.. leader=.. lease=.. up=..,.. down=.. away=.. slots=.. holds=..` |
//! | `claim NAME` | spawns an actor of that name: `claimed`, `taken by ..`, or what went wrong |
//! | `drop NAME` | stops it: `dropped` |
//! | `who NAME` | looks the name up and asks its actor where it lives: the node, `nobody`, or what went wrong |
//! | `load FILE FIRST CLIENTS SEED GENERATION REST` | clients call registers, and write it down in the file: `loaded` |
//! | `rest` | ends them, and answers when all their calls have ended: `rests` |
//! | `tell TYPE ID` | asks a register what was done to it: that as JSON, `lost`, or what went wrong |
//! | `transfer JSON` | goes on with a transfer: `made Some(..)`, or `made None` if it has not come to an end |
//! | `surplus GENERATION` | how much more there is in its accounts than there was, or what went wrong |
//! | `slot NUMBER` | who is to have what is in that slot, as this node knows |
//! | `accept TYPE ID` | accepts that changes of that register are lost: `accepted` |
//! | `accept-all` | the same of all that is lost: of how many slots that was |
//! | `shutdown`, `leave` | ends |

#[path = "../../examples/bank/transfers.rs"]
mod bank;
#[path = "../ledgers/entities.rs"]
mod entities;
mod load;

use std::{
    collections::BTreeMap,
    io,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use casty::{
    Cluster, MemberStatus,
    prelude::*,
    testkit::{configurations, served_slots},
};
use tokio::sync::mpsc;
use tracing_subscriber::EnvFilter;

use crate::{entities::Ledger, load::Load};

#[message(reply = String)]
struct Where;

#[actor]
struct Holder {
    node: String,
}

#[actor]
impl Holder {
    #[handler]
    fn tell(&self, _: Where) -> String {
        self.node.clone()
    }
}

#[derive(Clone)]
struct Node {
    system: ActorSystem,
    cluster: Cluster,
    holds: Arc<Mutex<BTreeMap<String, ActorRef<Holder>>>>,
    load: Arc<Load>,
}

fn main() -> ExitCode {
    // What is logged goes to standard error; answers alone go to standard output.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(false).init();
    node()
}

#[casty::main(distributed)]
async fn node(system: ActorSystem) -> casty::Result<()> {
    let cluster = system.cluster().ok_or("this is no node")?;
    println!("listens on {}", cluster.address());
    let node = Node { system, cluster, holds: Arc::default(), load: Arc::default() };
    let mut orders = orders();
    while let Some(line) = orders.recv().await {
        let Some((number, order)) = line.split_once(' ') else { continue };
        if order == "shutdown" {
            return Ok(());
        }
        let (node, number, order) = (node.clone(), number.to_owned(), order.to_owned());
        tokio::spawn(async move {
            let answer = node.obey(&order).await;
            println!("{number} {answer}");
        });
    }
    // Whoever gave the orders is gone.
    std::process::exit(1)
}

fn orders() -> mpsc::UnboundedReceiver<String> {
    let (orders, received) = mpsc::unbounded_channel();
    std::thread::spawn(move || io::stdin().lines().map_while(Result::ok).try_for_each(|order| orders.send(order)));
    received
}

impl Node {
    async fn obey(&self, order: &str) -> String {
        let (verb, name) = order.split_once(' ').unwrap_or((order, ""));
        match verb {
            "status" => self.status(),
            "claim" => self.claim(name).await,
            "drop" => self.drop(name).await,
            "who" => self.who(name).await,
            "load" => match self.load.begin(&self.system, name).await {
                Ok(()) => "loaded".into(),
                Err(problem) => problem,
            },
            "rest" => {
                self.load.end().await;
                "rests".into()
            }
            "tell" => self.tell(name).await,
            "transfer" => match serde_json::from_str(name) {
                Ok(transfer) => format!("made {:?}", load::make(&self.system, &transfer).await),
                Err(error) => error.to_string(),
            },
            "surplus" => match load::surplus(&self.system, name).await {
                Ok(surplus) => surplus.to_string(),
                Err(error) => format!("failed: {error}"),
            },
            "slot" => self.slot(name),
            "accept" => self.accept(name).await,
            "accept-all" => match self.cluster.accept_all_loss().await {
                Ok(slots) => slots.to_string(),
                Err(error) => format!("failed: {error}"),
            },
            "leave" => match self.cluster.leave().await {
                Ok(()) => std::process::exit(0),
                Err(error) => error.to_string(),
            },
            _ => "there is no such order".into(),
        }
    }

    fn status(&self) -> String {
        let list = |status| {
            let members = self.cluster.members().into_iter().filter(|member| member.status == status);
            members.map(|member| member.id.to_string()).collect::<Vec<_>>().join(",")
        };
        let leader = self.cluster.leader().map_or_else(|| "nobody".to_owned(), |leader| leader.to_string());
        let holds = self.holds.lock().unwrap_or_else(PoisonError::into_inner);
        let holds: Vec<_> = holds.iter().filter(|(_, actor)| actor.is_alive()).map(|(name, _)| name.as_str()).collect();
        format!(
            "node={} leader={leader} lease={} up={} down={} away={} slots={} holds={}",
            self.cluster.node_id(),
            self.cluster.has_lease(),
            list(MemberStatus::Up),
            list(MemberStatus::Down),
            list(MemberStatus::Away),
            served_slots(&self.cluster).len(),
            holds.join(","),
        )
    }

    async fn claim(&self, name: &str) -> String {
        let node = self.cluster.node_id().to_string();
        match self.system.spawn(move || Holder { node: node.clone() }).name(name).await {
            Ok(actor) => {
                self.holds.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), actor);
                "claimed".into()
            }
            Err(SpawnError::NameTaken { by, .. }) => format!("taken by {by}"),
            Err(error) => format!("failed: {error}"),
        }
    }

    async fn drop(&self, name: &str) -> String {
        let held = self.holds.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        let Some(actor) = held else { return "not held".into() };
        let _ = actor.stop().await;
        actor.stopped().await;
        "dropped".into()
    }

    async fn who(&self, name: &str) -> String {
        match self.system.lookup::<Holder>(name).await {
            Ok(Some(actor)) => match actor.ask(Where).timeout(Duration::from_secs(2)).await {
                Ok(node) => node,
                Err(error) => format!("failed: {error}"),
            },
            Ok(None) => "nobody".into(),
            Err(error) => format!("failed: {error}"),
        }
    }

    async fn tell(&self, register: &str) -> String {
        let (kind, id) = register.split_once(' ').unwrap_or((register, ""));
        match Ledger::of(&self.system, kind, id).tell(Duration::from_secs(2)).await {
            Ok(done) => serde_json::to_string(&done).unwrap_or_else(|error| error.to_string()),
            Err(AskError::StateLost { .. }) => "lost".into(),
            Err(error) => format!("failed: {error}"),
        }
    }

    fn slot(&self, number: &str) -> String {
        let number = number.parse().unwrap_or_default();
        let serves = served_slots(&self.cluster).contains(&number);
        format!("{}{:?}", if serves { "served here, " } else { "" }, configurations(&self.cluster, number))
    }

    async fn accept(&self, register: &str) -> String {
        let (kind, id) = register.split_once(' ').unwrap_or((register, ""));
        match entities::accept_loss(&self.cluster, kind, id).await {
            Ok(_) => "accepted".into(),
            Err(error) => format!("failed: {error}"),
        }
    }
}
