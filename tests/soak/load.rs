//! The drivers: each does one random thing after the other until the time is over.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use casty::prelude::*;
use tokio::{join, task::yield_now, time::timeout};

use crate::{
    bank::{Account, Entry, Fate, From},
    books::Mark,
    cast::{Act, Boss, Job, Slow, Work},
    random::{Rng, mailbox, supervision},
    stage::Stage,
    worker::Worker,
};

pub(crate) struct Driver {
    pub(crate) stage: Arc<Stage>,
    pub(crate) me: usize,
    pub(crate) rng: Rng,
    /// Of its last entry.
    number: u64,
}

impl Driver {
    pub(crate) fn new(stage: &Arc<Stage>, me: usize, seed: u64) -> Self {
        Self { stage: stage.clone(), me, rng: Rng::new(seed), number: 0 }
    }

    pub(crate) async fn run(mut self) {
        while !self.stage.is_over() {
            self.stage.books.ops.fetch_add(1, Relaxed);
            // Some keep away from the workers, which may have them wait.
            let steady = self.me.is_multiple_of(4);
            match self.rng.below(if steady { 250 } else { 1000 }) {
                0..150 => self.entries().await,
                150..250 => self.ask_a_ledger().await,
                250..280 => self.relay().await,
                280..450 => self.ask(None).await,
                450..480 => self.ask_some().await,
                480..500 => self.ask_and_leave().await,
                500..700 => self.send().await,
                700..800 => self.ask_slowly().await,
                800..830 => self.ask_a_boss().await,
                830..870 => self.spawn().await,
                870..875 => self.spawn_a_tree().await,
                875..890 => self.stop().await,
                890..940 => self.a_short_life().await,
                940..970 => self.watch().await,
                970..990 => self.a_name().await,
                990..998 => self.listen().await,
                _ if self.rng.one_in(5) => self.a_world().await,
                _ => yield_now().await,
            }
        }
    }

    fn entry(&mut self, account: &Arc<Account>, asked: bool) -> (Entry, u64, Mark) {
        self.number += 1;
        let (amount, mark) = (self.rng.below(1000), Mark::default());
        let (from, poison) = (From::Driver(self.me, self.number), self.rng.one_in(2000));
        (Entry { from, amount, poison, mark: asked.then(|| mark.clone()), fate: Fate::new(account) }, amount, mark)
    }

    async fn entries(&mut self) {
        let stage = self.stage.clone();
        let (ledger, account) = &stage.ledgers[self.rng.pick(&[0, 0, 1, 2, 3, 4, 5])];
        let many = 1 + self.rng.below(64);
        let batch = async {
            for _ in 0..many {
                let (entry, amount, _) = self.entry(account, false);
                let sent = match self.rng.one_in(4) {
                    true => ledger.try_send(entry).map_err(|error| matches!(error, TrySendError::Full { .. })),
                    false => ledger.send(entry).await.map_err(|error| matches!(error, SendError::Full { .. })),
                };
                match sent {
                    Ok(()) => account.sent(amount),
                    Err(true) if !account.lossy => {}
                    Err(full) => self.stage.books.wrong(format_args!("{} refused an entry, full: {full}", account.name)),
                }
            }
        };
        stage.books.wait("entries", Some(ledger.label()), batch).await;
        stage.books.ops.fetch_add(many - 1, Relaxed);
    }

    async fn ask_a_ledger(&mut self) {
        let stage = self.stage.clone();
        let (ledger, account) = self.rng.pick(&[0, 1, 2, 3, 4, 5].map(|at| &stage.ledgers[at]));
        let (entry, amount, mark) = self.entry(account, true);
        let asking = ledger.ask(entry);
        let asking = match self.rng.below(8) {
            0 => asking.timeout(self.rng.micros(2000)),
            _ => asking,
        };
        stage.books.ask("an ask of a ledger", ledger.label(), asking, amount, mark).await;
    }

    /// An entry by way of a worker, which may fail before it comes to it.
    async fn relay(&mut self) {
        let Some(worker) = self.stage.worker(&mut self.rng) else { return };
        let (stage, asked) = (self.stage.clone(), self.rng.one_in(2));
        let account = &stage.ledgers[0].1;
        let (entry, amount, mark) = self.entry(account, asked);
        let entry = Entry { from: From::Relay, ..entry };
        if asked {
            stage.books.ask("an ask by way of a worker", worker.label(), worker.ask(entry), amount, mark).await;
        } else {
            drop(stage.books.wait("an entry by way of a worker", Some(worker.label()), worker.send(entry)).await);
        }
    }

    pub(crate) fn job(&mut self) -> Job {
        Job::new(Act::plain(&mut self.rng), self.rng.below(1 << 40), self.peers())
    }

    fn slow_job(&mut self) -> Job {
        Job::new(Act::slow(&mut self.rng), self.rng.below(1 << 40), self.peers())
    }

    /// Up to three, perhaps one of them twice: then a chain of asks closes a circle.
    fn peers(&mut self) -> Vec<ActorRef<Worker>> {
        let mut peers: Vec<_> = (0..self.rng.below(4)).filter_map(|_| self.stage.worker(&mut self.rng)).collect();
        if peers.len() > 2 && self.rng.one_in(2) {
            peers[0] = peers[2].clone();
        }
        peers
    }

    async fn ask(&mut self, limit: Option<Duration>) {
        let Some(worker) = self.stage.worker(&mut self.rng) else { return };
        let (job, books) = (self.job(), self.stage.books.clone());
        let (what, n, mark) = ("an ask", job.n, job.mark.clone());
        if self.rng.one_in(2) {
            let recipient = worker.recipient();
            books.ask(what, worker.label(), recipient.ask(Work(job)), n, mark).await;
        } else {
            let asking = worker.ask(Work(job));
            let asking = if let Some(limit) = limit { asking.timeout(limit) } else { asking };
            books.ask(what, worker.label(), asking, n, mark).await;
        }
    }

    async fn ask_some(&mut self) {
        let workers: Vec<_> = (0..3).filter_map(|_| self.stage.worker(&mut self.rng)).collect();
        let [a, b, c] = &workers[..] else { return };
        let jobs = [self.job(), self.job(), self.job()];
        let books = &self.stage.books;
        let asks = |worker: &ActorRef<Worker>, job: Job| {
            let (worker, n, mark) = (worker.clone(), job.n, job.mark.clone());
            async move { books.ask("one of three asks", worker.label(), worker.ask(Work(job)), n, mark).await }
        };
        let [x, y, z] = jobs;
        join!(asks(a, x), asks(b, y), asks(c, z));
    }

    /// Drops an ask that may be under way, and one that is not.
    async fn ask_and_leave(&mut self) {
        let Some(worker) = self.stage.worker(&mut self.rng) else { return };
        drop(worker.ask(Work(self.job())));
        drop(worker.send(Work(self.job())));
        let (patience, limit) = (self.rng.micros(1000), self.rng.micros(1500));
        drop(timeout(patience, self.ask(Some(limit))).await);
        let (job, patience) = (self.job(), self.rng.micros(100));
        drop(timeout(patience, worker.send(Work(job))).await);
    }

    async fn send(&mut self) {
        let Some(worker) = self.stage.worker(&mut self.rng) else { return };
        for _ in 0..self.rng.below(16) {
            let message = Work(self.job());
            if self.rng.one_in(3) {
                drop(worker.try_send(message));
            } else {
                drop(self.stage.books.wait("a send", Some(worker.label()), worker.send(message)).await);
            }
            self.stage.books.ops.fetch_add(1, Relaxed);
        }
    }

    async fn ask_slowly(&mut self) {
        let Some(worker) = self.stage.worker(&mut self.rng) else { return };
        let job = self.slow_job();
        if self.rng.one_in(3) {
            drop(worker.try_send(Slow(job)));
        } else {
            let (n, mark) = (job.n, job.mark.clone());
            self.stage.books.ask("a slow ask", worker.label(), worker.ask(Slow(job)), n, mark).await;
        }
    }

    async fn ask_a_boss(&mut self) {
        let Some(boss) = self.stage.boss(&mut self.rng) else { return };
        let mut job = if self.rng.one_in(2) { self.job() } else { self.slow_job() };
        if matches!(job.act, Act::DismissAll | Act::Stop) && !self.rng.one_in(5) {
            job.act = Act::Reply;
        }
        let (n, mark) = (job.n, job.mark.clone());
        self.stage.books.ask("an ask of a boss", boss.label(), boss.ask(Work(job)), n, mark).await;
    }

    async fn spawn(&mut self) {
        let (stage, config, mailbox) = (self.stage.clone(), supervision(&mut self.rng), mailbox(&mut self.rng));
        let spawn = stage.system.spawn(Worker::make(&stage)).supervision(config).mailbox(mailbox);
        match stage.books.wait("a spawn", None, spawn).await {
            Ok(worker) => stage.enlist(worker),
            Err(SpawnError::Failed { .. }) => {}
            Err(error) => stage.books.wrong(format_args!("a worker did not start: {error}")),
        }
    }

    async fn spawn_a_tree(&mut self) {
        let (stage, depth) = (self.stage.clone(), u32::try_from(self.rng.below(3)).unwrap_or_default());
        let spawn = stage.system.spawn(Boss::make(&stage, depth)).supervision(supervision(&mut self.rng));
        match stage.books.wait("a spawn of a tree", None, spawn).await {
            Ok(boss) => stage.enlist_boss(boss),
            Err(SpawnError::Failed { .. }) => {}
            Err(error) => stage.books.wrong(format_args!("a boss did not start: {error}")),
        }
    }

    async fn stop(&mut self) {
        let Some(worker) = self.stage.worker(&mut self.rng) else { return };
        worker.stop();
        if self.rng.one_in(2) {
            self.stage.books.wait("the end of a stopped one", Some(worker.label()), worker.stopped()).await;
        }
    }
}
