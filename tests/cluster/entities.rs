//! Entities: reached from every node, wherever they are, and still there when nodes come and go.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use casty::prelude::*;
use tokio::{task::JoinHandle, time::Instant};

use crate::common::*;

#[message(reply = u64)]
struct Count(u64);

#[message(reply = u64)]
struct Counted;

#[message(reply = String)]
struct Where;

#[message]
struct Note(u64);

#[message(reply = Vec<u64>)]
struct Noted;

#[actor]
#[sharded(name = "tallies", sync = quorum)]
#[derive(Default)]
struct Tally {
    count: u64,
    notes: Vec<u64>,
}

#[actor]
impl Tally {
    #[handler]
    fn count(&mut self, Count(by): Count) -> u64 {
        self.count += by;
        self.count
    }

    #[handler]
    fn counted(&self, _: Counted) -> u64 {
        self.count
    }

    #[handler]
    fn place(&self, _: Where, ctx: &Context<Self>) -> String {
        of(ctx.system()).node_id().to_string()
    }

    #[handler]
    fn note(&mut self, Note(number): Note) {
        self.notes.push(number);
    }

    #[handler]
    fn noted(&self, _: Noted) -> Vec<u64> {
        self.notes.clone()
    }
}

/// Nobody waits for its copies.
#[actor]
#[sharded(name = "loose-tallies")]
#[derive(Default)]
struct Loose {
    count: u64,
}

#[actor]
impl Loose {
    #[handler]
    fn count(&mut self, Count(by): Count) -> u64 {
        self.count += by;
        self.count
    }
}

#[actor]
#[singleton(name = "tally-of-all", sync = quorum)]
#[derive(Default)]
struct Total {
    count: u64,
}

#[actor]
impl Total {
    #[handler]
    fn count(&mut self, Count(by): Count) -> u64 {
        self.count += by;
        self.count
    }

    #[handler]
    fn place(&self, _: Where, ctx: &Context<Self>) -> String {
        of(ctx.system()).node_id().to_string()
    }
}

/// Where those were awake that are to be without a message.
static AWAKE: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

#[actor]
#[sharded(name = "reminders", sync = quorum, remember = true)]
#[derive(Default)]
struct Reminder {
    #[casty(id)]
    id: String,
    count: u64,
}

#[actor]
impl Reminder {
    async fn on_start(&mut self, ctx: &mut Context<Self>) {
        AWAKE.lock().unwrap().push((self.id.clone(), of(ctx.system()).node_id().to_string()));
    }

    #[handler]
    fn count(&mut self, Count(by): Count) -> u64 {
        self.count += by;
        self.count
    }

    #[handler]
    fn place(&self, _: Where, ctx: &Context<Self>) -> String {
        of(ctx.system()).node_id().to_string()
    }
}

/// Counts each of so many entities up, in turn, until it is told to stop.
struct Clients {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<(u64, Duration, Vec<AskError>)>>,
}

impl Clients {
    fn on(system: &ActorSystem, entities: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = (0..entities).map(|at| {
            let (tally, stop) = (system.sharded::<Tally>().entity(format!("t{at}")), stop.clone());
            tokio::spawn(async move {
                let (mut count, mut longest, mut errors) = (0, Duration::ZERO, Vec::new());
                while !stop.load(Relaxed) {
                    let begun = Instant::now();
                    match tally.ask(Count(1)).await {
                        Ok(_) => count += 1,
                        Err(error) => errors.push(error),
                    }
                    longest = longest.max(begun.elapsed());
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                (count, longest, errors)
            })
        });
        Self { tasks: tasks.collect(), stop }
    }

    /// What each counted, and the longest time that any ask took.
    async fn end(self) -> (Vec<u64>, Duration) {
        self.stop.store(true, Relaxed);
        let (mut counts, mut longest) = (Vec::new(), Duration::ZERO);
        for task in self.tasks {
            let (count, took, errors) = task.await.unwrap();
            assert!(errors.is_empty(), "{errors:?}");
            counts.push(count);
            longest = longest.max(took);
        }
        (counts, longest)
    }
}

async fn counted(system: &ActorSystem, counts: &[u64]) {
    for (at, count) in counts.iter().enumerate() {
        assert_eq!(system.sharded::<Tally>().entity(format!("t{at}")).ask(Counted).await.unwrap(), *count, "t{at}");
    }
}

async fn homes(system: &ActorSystem, entities: usize) -> BTreeSet<String> {
    let mut homes = BTreeSet::new();
    for at in 0..entities {
        homes.insert(system.sharded::<Tally>().entity(format!("t{at}")).ask(Where).await.unwrap());
    }
    homes
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entity_is_the_same_from_each_node_and_they_spread_over_all() {
    let systems = cluster(3).await;
    for (at, system) in systems.iter().enumerate() {
        for entity in 0..20 {
            let tally = system.sharded::<Tally>().entity(format!("t{entity}"));
            assert_eq!(tally.ask(Count(1)).await.unwrap(), at as u64 + 1);
        }
    }
    until("all nodes have some", async || homes(&systems[0], 20).await.len() == 3).await;
    counted(&systems[1], &[3; 20]).await;
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sends_of_one_task_come_in_order() {
    let systems = cluster(3).await;
    for system in &systems {
        let tally = system.sharded::<Tally>().entity("notes");
        let begun = tally.ask(Noted).await.unwrap().len() as u64;
        for number in 0..50 {
            tally.send(Note(begun + number)).await.unwrap();
        }
    }
    let noted = systems[0].sharded::<Tally>().entity("notes").ask(Noted).await.unwrap();
    assert_eq!(noted, (0..150).collect::<Vec<_>>());
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_leaves_under_load_and_nobody_notices() {
    let mut systems = cluster(3).await;
    let clients = Clients::on(&systems[0], 30);
    until("all nodes have some", async || homes(&systems[0], 30).await.len() == 3).await;
    let gone = systems.pop().unwrap();
    of(&gone).leave().await.unwrap();
    until("it has none any more", async || homes(&systems[1], 30).await.len() == 2).await;
    let (counts, longest) = clients.end().await;
    println!("{} asks, the longest {longest:?}", counts.iter().sum::<u64>());
    counted(&systems[1], &counts).await;
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_shuts_down_under_load_and_nobody_notices() {
    let mut systems = cluster(3).await;
    let clients = Clients::on(&systems[0], 30);
    until("all nodes have some", async || homes(&systems[0], 30).await.len() == 3).await;
    systems.pop().unwrap().shutdown().await;
    let (counts, longest) = clients.end().await;
    println!("{} asks, the longest {longest:?}", counts.iter().sum::<u64>());
    counted(&systems[1], &counts).await;
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_comes_in_under_load_and_gets_its_part() {
    let mut systems = cluster(2).await;
    let clients = Clients::on(&systems[0], 30);
    until("both nodes have some", async || homes(&systems[0], 30).await.len() == 2).await;
    let seed = of(&systems[0]).address().to_owned();
    systems.push(node("n3", &[&seed]).start().await.unwrap());
    until("all nodes have some", async || homes(&systems[1], 30).await.len() == 3).await;
    let (counts, longest) = clients.end().await;
    println!("{} asks, the longest {longest:?}", counts.iter().sum::<u64>());
    counted(&systems[2], &counts).await;
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_through_a_node_that_has_ended_is_told() {
    let systems = cluster(2).await;
    let (here, there) = (systems[0].sharded::<Loose>(), systems[0].sharded::<Tally>());
    assert_eq!(here.entity("a").ask(Count(1)).await.unwrap(), 1);
    end(systems).await;
    let sent = tokio::time::timeout(BOUND, here.entity("a").send(Count(1))).await.expect("it waits for nothing");
    assert!(!sent.unwrap_err().may_have_been_handled());
    let asked = there.entity("b").ask(Count(1)).await.unwrap_err();
    assert!(!asked.may_have_been_handled(), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_remembered_wakes_on_another_node_without_a_message() {
    let mut systems = cluster(2).await;
    until("both nodes have some", async || homes(&systems[0], 30).await.len() == 2).await;
    let mut moved = Vec::new();
    let gone = of(&systems[1]).node_id().to_string();
    for number in 0..20 {
        let reminder = systems[0].sharded::<Reminder>().entity(format!("r{number}"));
        assert_eq!(reminder.ask(Count(1)).await.unwrap(), 1);
        if reminder.ask(Where).await.unwrap() == gone {
            moved.push(format!("r{number}"));
        }
    }
    assert!(!moved.is_empty());
    systems.pop().unwrap().shutdown().await;
    let here = of(&systems[0]).node_id().to_string();
    let is_awake = |id: &String| AWAKE.lock().unwrap().contains(&(id.clone(), here.clone()));
    until("all of them are awake here", async || moved.iter().all(is_awake)).await;
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_singleton_is_one_and_goes_on_when_its_node_leaves() {
    let mut systems = cluster(3).await;
    for (at, system) in systems.iter().enumerate() {
        assert_eq!(system.singleton::<Total>().ask(Count(1)).await.unwrap(), at as u64 + 1);
    }
    let home = systems[0].singleton::<Total>().ask(Where).await.unwrap();
    let at = systems.iter().position(|system| of(system).node_id().as_str() == home).unwrap();
    let gone = systems.remove(at);
    of(&gone).leave().await.unwrap();
    for (at, system) in systems.iter().enumerate() {
        assert_eq!(system.singleton::<Total>().ask(Count(1)).await.unwrap(), at as u64 + 4);
    }
    end(systems).await;
}
