//! One run: a cluster, its use, its troubles, and what is demanded of it.

use std::{
    cell::RefCell,
    sync::{Arc, Mutex},
    time::Duration,
};

use casty::{
    ActorSystem,
    testkit::{Cluster, Running},
};
use tokio::time::Instant;

use crate::{
    actors::{Clerk, Question, Watched},
    book::Book,
    calls,
    dice::Dice,
    faults::Faults,
    history::{Histories, Said},
    invariants::{Invariants, Moment},
    ledgers::{self, LEDGERS, Ledger, Name},
    mortals::{self, Lives},
    plan::Plan,
    workload,
};

/// Steps between two looks.
const LOOK: u32 = 5;
/// How long everything may take to come back once all is healed.
const RECOVERY: Duration = Duration::from_secs(25);
/// How long a node may take to go in good order: its `shutdown_timeout`, and a bit.
const GOING: Duration = Duration::from_secs(35);
/// After so long a link gives up a connection on which nothing comes.
const LINKS: Duration = Duration::from_secs(12);
/// So long all has to stay well then.
const CALM: Duration = Duration::from_secs(3);
/// How long an entity may take to answer once all is healed.
const ANSWERS: Duration = Duration::from_secs(10);
/// Events that are shown of a run that failed.
const SHOWN: usize = 160;

thread_local! {
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Panics of a node's tasks fail the run, wherever they are caught.
pub(crate) fn note_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.to_string();
        eprintln!("{text}");
        PANICS.with_borrow_mut(|panics| panics.push(text));
    }));
}

pub(crate) fn panicked() -> String {
    PANICS.take().into_iter().next().unwrap_or_else(|| "a panic".into())
}

/// A run in which all promises held.
pub(crate) struct Done {
    /// Simulated.
    pub(crate) time: Duration,
    pub(crate) events: Vec<String>,
}

pub(crate) struct Run {
    plan: Plan,
    cluster: Cluster,
    book: Book,
    faults: Faults,
    invariants: Invariants,
    histories: Histories,
    lives: Lives,
    dice: Dice,
    /// The starts of nodes that are in use.
    in_use: Vec<Option<u64>>,
    steps: u32,
    events: Vec<String>,
}

pub(crate) fn run(seed: u64) -> Result<Done, String> {
    let (plan, dice) = Plan::of(seed);
    run_as(plan, dice)
}

pub(crate) fn run_as(plan: Plan, dice: Dice) -> Result<Done, String> {
    drop(PANICS.take());
    drop(mortals::deaths());
    let mut run = Run::new(plan, dice);
    match run.whole() {
        Ok(()) => Ok(Done { time: run.cluster.elapsed(), events: run.events }),
        Err(why) => {
            run.write_down();
            let from = run.events.len().saturating_sub(SHOWN);
            Err(format!(
                "{why}\nafter {:?}, {:?}\n{}\n{:?}",
                run.cluster.elapsed(),
                run.plan,
                run.events[from..].join("\n"),
                run.cluster
            ))
        }
    }
}

impl Run {
    fn new(plan: Plan, mut dice: Dice) -> Self {
        Self {
            cluster: plan.cluster().begin(),
            book: Book::default(),
            faults: Faults::new(&plan, dice.fork()),
            invariants: Invariants::new(&plan),
            histories: Histories::default(),
            lives: Lives::default(),
            dice,
            in_use: vec![None; plan.nodes],
            steps: 0,
            events: Vec::new(),
            plan,
        }
    }

    fn whole(&mut self) -> Result<(), String> {
        if !self.plan.early {
            self.recover(Duration::from_secs(if self.plan.fast { 3 } else { 5 }))
                .map_err(|why| format!("the cluster does not form: {why}"))?;
        }
        let until = self.cluster.elapsed() + self.plan.trouble;
        while self.cluster.elapsed() < until {
            self.faults.strike(&mut self.cluster, &self.book);
            self.step()?;
        }
        self.faults.heal(&mut self.cluster, &self.book);
        self.those_who_go_have_gone()?;
        self.recover(RECOVERY).map_err(|why| format!("not everything came back: {why}"))?;
        let answers = self.book.answers();
        self.pass(CALM)?;
        // A simulated connection that lost something stands still until it is given up.
        self.recover(LINKS).map_err(|why| format!("it did not stay whole: {why}"))?;
        let until = self.cluster.elapsed() + LINKS;
        while self.book.answers() == answers {
            if self.cluster.elapsed() > until {
                return Err("nobody was answered after all was healed".into());
            }
            self.step()?;
        }
        self.book.stop();
        self.everybody_asks_everybody()?;
        self.pass(Duration::from_secs(1))?;
        let said = self.entities_tell()?;
        self.watches_are_told()?;
        self.invariants.at_rest(&self.cluster, &self.histories, &said)?;
        self.what_is_lost_is_accepted(&said)
    }

    fn step(&mut self) -> Result<(), String> {
        self.cluster.step();
        self.steps += 1;
        if self.steps.is_multiple_of(LOOK) {
            self.look()?;
        }
        Ok(())
    }

    fn look(&mut self) -> Result<(), String> {
        self.faults.note(&self.cluster);
        self.use_nodes();
        if PANICS.with_borrow(|panics| !panics.is_empty()) {
            return Err(panicked());
        }
        let (handled, told, events, wrong) = self.book.take();
        let now = self.cluster.elapsed();
        self.events.extend(events.into_iter().map(|event| format!("{now:?} {event}")));
        self.write_down();
        if let Some(wrong) = wrong {
            return Err(wrong);
        }
        let seen = (0..self.cluster.size()).map(|node| self.cluster.inspect(node)).collect();
        let calls = self.book.calls();
        self.histories.add(&calls);
        self.lives.check(self.book.mortals())?;
        let moment = Moment { now, cluster: &self.cluster, faults: &self.faults, seen, handled, told, calls: &calls };
        self.invariants.check(&moment, &mut self.events)
    }

    fn write_down(&mut self) {
        let faults = self.faults.events.drain(..);
        self.events.extend(faults.map(|(at, fault)| format!("{at:?} {fault}")));
    }

    /// Nodes that have started are put to use.
    fn use_nodes(&mut self) {
        for node in 0..self.cluster.size() {
            let started = self.cluster.inspect(node).map(|seen| seen.incarnation);
            if started == self.in_use[node] {
                continue;
            }
            self.in_use[node] = started;
            if started.is_none() || self.book.is_over() {
                continue;
            }
            for _ in 0..2 {
                let (book, dice) = (self.book.clone(), self.dice.fork());
                drop(self.cluster.begin(node, |system| workload::send(system, node, book, dice)));
                let (book, dice) = (self.book.clone(), self.dice.fork());
                drop(self.cluster.begin(node, |system| calls::call(system, node, book, dice)));
            }
            let (book, dice) = (self.book.clone(), self.dice.fork());
            drop(self.cluster.begin(node, |system| mortals::meddle(system, book, dice)));
            let (book, dice) = (self.book.clone(), self.dice.fork());
            drop(self.cluster.begin(node, |system| workload::keep(system, node, book, dice)));
        }
    }

    fn pass(&mut self, time: Duration) -> Result<(), String> {
        let until = self.cluster.elapsed() + time;
        while self.cluster.elapsed() < until {
            self.step()?;
        }
        Ok(())
    }

    /// Lets time pass until nobody is about to go any more.
    fn those_who_go_have_gone(&mut self) -> Result<(), String> {
        let until = self.cluster.elapsed() + GOING;
        while self.faults.has_those_who_go() {
            if self.cluster.elapsed() > until {
                return Err(format!("somebody who is about to go has not gone after {GOING:?}"));
            }
            self.faults.nurse(&mut self.cluster, &self.book);
            self.step()?;
        }
        Ok(())
    }

    /// Lets time pass until all nodes that run are one cluster.
    fn recover(&mut self, limit: Duration) -> Result<(), String> {
        let until = self.cluster.elapsed() + limit;
        loop {
            let whole = self.cluster.whole();
            if whole.is_ok() || self.cluster.elapsed() >= until {
                self.events.push(format!("{:?} whole", self.cluster.elapsed()));
                return whole;
            }
            self.faults.nurse(&mut self.cluster, &self.book);
            for _ in 0..LOOK {
                self.step()?;
            }
        }
    }

    /// A remote ask works between every pair of nodes that run.
    fn everybody_asks_everybody(&mut self) -> Result<(), String> {
        let nodes: Vec<_> = (0..self.cluster.size()).filter(|node| self.cluster.is_running(*node)).collect();
        let mut named = Vec::new();
        for node in &nodes {
            let book = self.book.clone();
            let name = format!("last-{node}");
            named.push(self.cluster.begin(*node, |system| async move {
                system.spawn(Clerk::new(&book)).name(name).await.map(drop).map_err(|error| error.to_string())
            }));
        }
        self.all(named)?;
        let mut asked = Vec::new();
        for from in &nodes {
            for to in &nodes {
                let (name, sender, pair) = (format!("last-{to}"), self.book.count(), format!("{from} asks {to}"));
                asked.push(self.cluster.begin(*from, |system| async move {
                    // A connection that lost something may break only now.
                    let mut last = String::new();
                    for number in 1..4 {
                        let found = system.lookup::<Clerk>(&name).await.map_err(|error| format!("{pair}: {error}"))?;
                        let clerk = found.ok_or_else(|| format!("{pair}: there is no {name}"))?;
                        match clerk.ask(Question { sender, number }).await {
                            Ok(_) => return Ok(()),
                            Err(error) => last = format!("{pair}: {error}"),
                        }
                    }
                    Err(last)
                }));
            }
        }
        self.all(asked)
    }

    /// Every entity answers on every node. Returns what they say.
    fn entities_tell(&mut self) -> Result<Said, String> {
        // Nothing is to be done to them any more.
        let until = self.cluster.elapsed() + Duration::from_secs(6);
        while self.book.open_calls() > 0 && self.cluster.elapsed() < until {
            self.step()?;
        }
        let nodes: Vec<_> = (0..self.cluster.size()).filter(|node| self.cluster.is_running(*node)).collect();
        let said = Arc::new(Mutex::new(Said::new()));
        let mut asked = Vec::new();
        for node in nodes {
            for name in LEDGERS {
                let said = said.clone();
                asked.push(self.cluster.begin(node, move |system| async move {
                    let told = tell(&system, name).await;
                    let mut said = said.lock().unwrap();
                    let before = said.entry(name).or_insert_with(|| told.clone());
                    if told.is_err() {
                        before.clone_from(&told);
                    }
                    match told {
                        Err(why) => Err(format!("{name:?} does not answer on node-{node}: {why}")),
                        Ok(_) => Ok(()),
                    }
                }));
            }
        }
        let all = self.all(asked);
        let said = said.lock().unwrap().clone();
        let best = (0..self.cluster.size()).find(|node| self.cluster.started(*node).is_some()).unwrap_or_default();
        // Where too many copies are gone, silence is right.
        let is_lost =
            |(kind, id): Name| !self.faults.were_gentle() && !self.cluster.has_enough_copies(best, Cluster::slot_of(kind, id), 1);
        if said.iter().all(|(name, said)| said.is_ok() || is_lost(*name)) {
            return Ok(said);
        }
        let slot = |(kind, id): Name| {
            let slot = Cluster::slot_of(kind, id);
            let serves = |node: &usize| self.cluster.served_slots(*node).contains(&slot);
            let serving: Vec<_> = (0..self.cluster.size()).filter(serves).collect();
            format!("{kind} {id}: slot {slot} {:?}, served by {serving:?}", self.cluster.configurations(best, slot))
        };
        all.map(|()| said).map_err(|why| format!("{why}\n{}", LEDGERS.map(slot).join("\n")))
    }

    /// Of which too many copies are gone answers again once that is accepted.
    fn what_is_lost_is_accepted(&mut self, said: &Said) -> Result<(), String> {
        let is_lost = |said: &Result<Vec<ledgers::Done>, String>| said.as_ref().is_err_and(|why| why.contains("accept_loss"));
        // Of whom stays away it is not known whether it is over: it is waited for.
        if (0..self.cluster.size()).any(|node| !self.cluster.is_running(node)) {
            return Ok(());
        }
        let lost: Vec<Name> = said.iter().filter(|(_, said)| is_lost(said)).map(|(name, _)| *name).collect();
        let Some(node) = (0..self.cluster.size()).find(|node| self.cluster.started(*node).is_some()) else { return Ok(()) };
        let slots = lost.clone();
        let mut told = Vec::new();
        for name @ (kind, id) in lost {
            self.events.push(format!("{:?} the loss of {name:?} is accepted", self.cluster.elapsed()));
            told.push(self.cluster.begin(node, move |system| async move {
                let cluster = system.cluster().expect("it is a node");
                let accepted = ledgers::accept_loss(&cluster, kind, id).await;
                match (accepted, tell(&system, name).await) {
                    (Ok(_), Ok(_)) => Ok(()),
                    (Ok(_), Err(why)) => Err(format!("{name:?} does not answer though its loss is accepted: {why}")),
                    (Err(error), _) => Err(format!("the loss of {name:?} cannot be accepted: {error}")),
                }
            }));
        }
        self.all(told).map_err(|why| {
            let slots = slots.into_iter().map(|(kind, id)| {
                let slot = Cluster::slot_of(kind, id);
                let served = (0..self.cluster.size()).filter(|node| self.cluster.served_slots(*node).contains(&slot));
                let served: Vec<_> = served.collect();
                format!("\n{kind} {id}: {:?}, served by {served:?}", self.cluster.configurations(node, slot))
            });
            format!("{why}{}", slots.collect::<String>())
        })
    }

    fn all(&mut self, mut running: Vec<Running<Result<(), String>>>) -> Result<(), String> {
        for _ in 0..16_000 {
            let mut open = Vec::new();
            for mut one in running {
                match one.take() {
                    Some(done) => done?,
                    None if one.is_lost() => return Err("a task has gone".into()),
                    None => open.push(one),
                }
            }
            if open.is_empty() {
                return Ok(());
            }
            running = open;
            self.step()?;
        }
        Err(format!("{} tasks do not end", running.len()))
    }

    /// Who is watched still is alive.
    fn watches_are_told(&mut self) -> Result<(), String> {
        for (node, watcher) in self.book.watchers() {
            let watched = self.cluster.on(node, |_| async move { watcher.ask(Watched).await });
            let watched = watched.map_err(|error| format!("the watcher on {node}: {error}"))?;
            for (name, actor) in watched {
                let is_it = |(here, id): &(String, String)| *here == name && *id == actor;
                if !(0..self.cluster.size()).any(|node| self.cluster.named_here(node).iter().any(is_it)) {
                    return Err(format!("node-{node} was not told that {name} {actor} has ended"));
                }
            }
        }
        Ok(())
    }
}

/// What was done to an entity, as it says itself, with some patience.
async fn tell(system: &ActorSystem, name: Name) -> Result<Vec<ledgers::Done>, String> {
    let ledger = Ledger::of(system, name.0, name.1);
    let until = Instant::now() + ANSWERS;
    loop {
        match ledger.tell(Duration::from_secs(5)).await {
            Ok(done) => return Ok(done),
            Err(error) if Instant::now() > until => return Err(error.to_string()),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}
