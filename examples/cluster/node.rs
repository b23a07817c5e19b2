//! What each node runs: it shows its cluster, and asks the counter, wherever that is.

use std::{io, time::Duration};

use casty::{Cluster, MemberStatus, prelude::*};
use tokio::{sync::mpsc, time::interval};

/// Counted, it is answered with who counted, and how many so far.
#[message(reply = Counted)]
struct Visit;

#[message]
struct Counted {
    node: String,
    visits: u64,
}

#[actor]
struct Counter {
    node: String,
    visits: u64,
}

#[actor]
impl Counter {
    #[handler]
    fn visit(&mut self, _: Visit) -> Counted {
        self.visits += 1;
        Counted { node: self.node.clone(), visits: self.visits }
    }
}

/// Name, seed and so on come from the environment: see `CASTY_NODE_ID` and `CASTY_SEEDS` in `stage.rs`.
#[casty::main(distributed, raft = fast)]
pub(crate) async fn main(system: ActorSystem) -> casty::Result<()> {
    let cluster = system.cluster().ok_or("this is no node")?;
    println!("listens on {}", cluster.address());
    let mut shown = String::new();
    let mut events = cluster.events();
    let mut orders = orders();
    let mut ticks = interval(Duration::from_millis(400));
    loop {
        let now = look(&cluster);
        if shown != now {
            println!("{now}");
            shown = now;
        }
        tokio::select! {
            event = events.next() => if event.is_none() { return Ok(()) },
            order = orders.recv() => match order.as_deref() {
                Some("open") => open(&system, &cluster).await?,
                Some("quit") => return Ok(()), // the system shuts down: this node leaves
                _ => std::process::exit(1),    // nobody is there to tell this node to go on
            },
            _ = ticks.tick() => ask(&system).await,
        }
    }
}

fn look(cluster: &Cluster) -> String {
    let up = cluster.members().into_iter().filter(|member| member.status == MemberStatus::Up);
    let members: Vec<_> = up.map(|member| member.id.to_string()).collect();
    let leader = cluster.leader().map_or_else(|| "nobody".to_owned(), |leader| leader.to_string());
    format!("members: {}; leader: {leader}", members.join(", "))
}

/// Its name is taken in the whole cluster, by one node at most.
async fn open(system: &ActorSystem, cluster: &Cluster) -> casty::Result<()> {
    let node = cluster.node_id().to_string();
    match system.spawn(move || Counter { node: node.clone(), visits: 0 }).name("counter").await {
        Ok(counter) => println!("opened {counter:?}"),
        Err(error) => println!("could not open the counter: {error}"),
    }
    Ok(())
}

/// The reference that the look-up gives is the same for an actor here and for one of another node.
async fn ask(system: &ActorSystem) {
    let counter = match system.lookup::<Counter>("counter").await {
        Ok(Some(counter)) => counter,
        Ok(None) => return,
        Err(error) => return println!("cannot look: {error}"),
    };
    match counter.ask(Visit).timeout(Duration::from_millis(500)).await {
        Ok(Counted { node, visits }) => println!("answered by {node}: {visits} visits"),
        Err(error) => println!("not answered: {error}"),
    }
}

/// The lines of standard input.
fn orders() -> mpsc::UnboundedReceiver<String> {
    let (orders, received) = mpsc::unbounded_channel();
    std::thread::spawn(move || io::stdin().lines().map_while(Result::ok).try_for_each(|order| orders.send(order)));
    received
}
