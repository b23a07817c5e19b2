//! One node, which asks all entities all the time and tells on its output what it is asked on its input.

use std::{
    io::{BufRead as _, Write as _},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use casty::prelude::*;

use super::now;

#[message(reply = u64)]
struct Count(u64);

#[actor]
#[sharded(name = "counters", sync = quorum)]
#[derive(Default)]
struct Counter {
    count: u64,
}

#[actor]
impl Counter {
    #[handler]
    fn count(&mut self, Count(by): Count) -> u64 {
        self.count += by;
        self.count
    }
}

/// What the asks of this node came to.
#[derive(Default)]
struct Book {
    /// For each entity, when the newest ask that was answered began.
    answered: Vec<AtomicU64>,
    took: Mutex<Vec<u64>>,
    failed: AtomicU64,
}

pub(crate) fn run(id: &str, seeds: &str, fast: bool, entities: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async move {
        let raft = if fast { RaftConfig::fast() } else { RaftConfig::default() };
        let seeds = seeds.split(',').filter(|seed| !seed.is_empty()).map(str::to_owned);
        let system = ActorSystem::distributed("127.0.0.1:0").node_id(id).seeds(seeds).raft(raft).start().await.expect("a node");
        let cluster = system.cluster().expect("a cluster");
        say(&format!("ready {}", cluster.address()));
        let book = Arc::new(Book { answered: (0..entities).map(|_| AtomicU64::new(0)).collect(), ..Book::default() });
        for entity in 0..entities {
            tokio::spawn(ask(system.clone(), entity, book.clone()));
        }
        let (orders, mut received) = tokio::sync::mpsc::unbounded_channel();
        std::thread::spawn(move || {
            std::io::stdin().lock().lines().map_while(Result::ok).try_for_each(|line| orders.send(line)).ok();
        });
        while let Some(order) = received.recv().await {
            let (verb, rest) = order.split_once(' ').unwrap_or((&order, ""));
            match verb {
                "since" => {
                    let since: u64 = rest.parse().unwrap_or(0);
                    while !book.answered.iter().all(|at| at.load(Relaxed) > since) {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    say(&format!("all {}", now()));
                }
                "leader" => say(&format!("leader {}", cluster.leader().map_or_else(String::new, |id| id.to_string()))),
                "forget" => {
                    book.took.lock().expect("nobody panics").clear();
                    book.failed.store(0, Relaxed);
                }
                "asks" => {
                    let mut took = book.took.lock().expect("nobody panics").clone();
                    took.sort_unstable();
                    let at = |part: f64| took.get(((took.len().max(1) - 1) as f64 * part) as usize).copied().unwrap_or(0);
                    say(&format!("asks {} {} {} {}", took.len(), book.failed.load(Relaxed), at(0.99), at(1.0)));
                }
                "leave" => {
                    if let Err(error) = cluster.leave().await {
                        eprintln!("{error}");
                    }
                    std::process::exit(0);
                }
                _ => {}
            }
        }
    });
}

async fn ask(system: ActorSystem, entity: usize, book: Arc<Book>) {
    let counter = system.sharded::<Counter>().entity(format!("c{entity}"));
    loop {
        let begun = now();
        match counter.ask(Count(1)).await {
            Ok(_) => {
                book.answered[entity].store(begun, Relaxed);
                book.took.lock().expect("nobody panics").push(now() - begun);
            }
            Err(error) => {
                if book.failed.fetch_add(1, Relaxed) < 3 {
                    eprintln!("{error}");
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}
