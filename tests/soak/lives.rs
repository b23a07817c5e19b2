//! What drivers do that begins and ends: short lives, names, watches, subscriptions, and whole systems.

use std::{sync::Arc, time::Instant};

use casty::{LookupError, prelude::*};
use tokio::time::sleep;

use crate::{
    bank::Watch,
    books::Books,
    cast::{Act, Boss, Job, Leaf, MS, Slow, Work},
    load::Driver,
    random::{Rng, mailbox, supervision},
};

impl Driver {
    /// Spawned, told things, and stopped: asks end with an answer, or with `Stopped`.
    pub(crate) async fn a_short_life(&mut self) {
        let (stage, books) = (self.stage.clone(), self.stage.books.clone());
        let spawn = stage.system.spawn(Leaf::make(None)).mailbox(mailbox(&mut self.rng)).supervision(supervision(&mut self.rng));
        let leaf = match books.wait("a spawn of a leaf", None, spawn).await {
            Ok(leaf) => leaf,
            Err(error) => return books.wrong(format_args!("a leaf did not start: {error}")),
        };
        let (warden, _) = &stage.wardens[self.pick_warden()];
        if self.rng.one_in(4) {
            drop(warden.try_send(Watch::Begin((&leaf).into())));
        }
        for _ in 0..self.rng.below(8) {
            drop(leaf.try_send(Work(self.job())));
        }
        let job = self.job();
        let (n, mark) = (job.n, job.mark.clone());
        let asking = books.ask("an ask of a leaf", leaf.label(), leaf.ask(Work(job)), n, mark);
        if self.rng.one_in(2) {
            let stopping = async {
                leaf.stop();
            };
            tokio::join!(asking, stopping);
        } else {
            asking.await;
            leaf.stop();
        }
        books.wait("the end of a leaf", Some(leaf.label()), leaf.stopped()).await;
        if leaf.is_alive() || !matches!(leaf.try_send(Work(self.job())), Err(TrySendError::Stopped { .. })) {
            books.wrong(format_args!("{} takes messages after its end", leaf.label()));
        }
        if self.rng.one_in(4) {
            drop(warden.try_send(Watch::Begin((&leaf).into())));
        }
    }

    fn pick_warden(&mut self) -> usize {
        self.rng.pick(&[0, 1, 2, 3, 4])
    }

    pub(crate) async fn watch(&mut self) {
        let Some(worker) = self.stage.worker(&mut self.rng) else { return };
        let (stage, at) = (self.stage.clone(), self.pick_warden());
        let (warden, _) = &stage.wardens[at];
        let watch = match self.rng.below(100) {
            0 => Watch::Upset,
            1..10 => Watch::End((&worker).into()),
            _ => Watch::Begin((&worker).into()),
        };
        drop(stage.books.wait("a send to a warden", Some(warden.label()), warden.send(watch)).await);
    }

    /// A name that only this driver uses: it is taken as long as its actor is there, and free after.
    pub(crate) async fn a_name(&mut self) {
        let (stage, books) = (self.stage.clone(), self.stage.books.clone());
        let name = format!("driver-{}", self.me);
        let spawn = || stage.system.spawn(Leaf::make(None)).name(&name);
        let leaf = match books.wait("a spawn under a name", None, spawn()).await {
            Ok(leaf) => leaf,
            Err(error) => return books.wrong(format_args!("a name that is free: {error}")),
        };
        let again = books.wait("a spawn under a taken name", None, spawn()).await;
        if !matches!(again, Err(SpawnError::NameTaken { .. })) {
            books.wrong(format_args!("{name} was given twice: {again:?}"));
        }
        let (found, other) = (stage.system.lookup::<Leaf>(&name).await, stage.system.lookup::<Boss>(&name).await);
        if !matches!(&found, Ok(Some(found)) if *found == leaf) || !matches!(other, Err(LookupError::WrongType { .. })) {
            books.wrong(format_args!("{name} was not found: {found:?}, {other:?}"));
        }
        if self.rng.one_in(2) {
            leaf.stop();
        } else {
            drop(leaf.try_send(Work(Job::new(Act::Stop, 0, Vec::new()))));
        }
        books.wait("the end of a name", Some(leaf.label()), leaf.stopped()).await;
        let found = stage.system.lookup::<Leaf>(&name).await;
        if !matches!(found, Ok(None)) {
            books.wrong(format_args!("{name} is not free: {found:?}"));
        }
    }

    /// Subscribes for a moment.
    pub(crate) async fn listen(&mut self) {
        let mut events = self.stage.system.events();
        for _ in 0..self.rng.below(20) {
            if self.stage.books.wait("an event", None, events.next()).await.is_none() {
                self.stage.books.wrong(format_args!("the events ended before the system"));
            }
        }
    }

    /// A system that is shut down while several tasks spawn and ask; some handlers never end.
    pub(crate) async fn a_world(&mut self) {
        let (books, census) = (self.stage.books.clone(), Arc::new(()));
        let hangs = self.rng.one_in(4);
        let limit = if hangs { 20 * MS } else { 10_000 * MS };
        let system = ActorSystem::builder().shutdown_timeout(limit).build();
        let settlers: Vec<_> = (0..3)
            .map(|_| settle(books.clone(), system.clone(), census.clone(), Rng::new(self.rng.next()), hangs))
            .map(tokio::spawn)
            .collect();
        sleep(self.rng.micros(3000)).await;
        let began = Instant::now();
        books.wait("the end of a small system", None, system.shutdown()).await;
        if !hangs && began.elapsed() >= limit {
            books.wrong(format_args!("a small system whose handlers all end did not end within {limit:?}"));
        }
        for settler in settlers {
            drop(books.wait("a task of a small system", None, settler).await);
        }
        drop(system);
        let left = || match Arc::strong_count(&census) {
            1 => None,
            left => Some(format!("{} actors of a small system are left after its end (handlers that hang: {hangs})", left - 1)),
        };
        self.stage.soon(left).await;
    }
}

async fn settle(books: Arc<Books>, system: ActorSystem, census: Arc<()>, mut rng: Rng, hangs: bool) {
    loop {
        let spawn = system.spawn(Leaf::make(Some(census.clone())));
        let leaf = match if rng.one_in(2) { spawn.name("settler").await } else { spawn.await } {
            Ok(leaf) => leaf,
            Err(SpawnError::ShuttingDown { .. }) => return,
            Err(SpawnError::NameTaken { .. }) => continue,
            Err(error) => return books.wrong(format_args!("a leaf did not start in a small system: {error}")),
        };
        let act = match rng.below(10) {
            0 if hangs => Act::Hang,
            1..6 => Act::Hire,
            _ => Act::Nap(rng.micros(200)),
        };
        let job = Job::new(act, rng.below(1000), Vec::new());
        let (n, mark) = (job.n, job.mark.clone());
        let asking = leaf.ask(Slow(job)).timeout(MS + rng.micros(1000));
        books.ask("an ask in a small system", leaf.label(), asking, n, mark).await;
    }
}
