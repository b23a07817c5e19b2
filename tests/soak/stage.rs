//! Where it all takes place: the two systems, who lives there now, and how it is set up and cleared away.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use casty::prelude::*;
use tokio::time::sleep;

use crate::{
    bank::{Account, Ledger, Warden, Watchlist},
    books::{Books, MESSAGES, STATES},
    cast::Boss,
    random::Rng,
    worker::Worker,
};

const WORKERS: usize = 192;
const BOSSES: usize = 6;
/// For what follows at once, on a machine that has other things to do too.
const SOON: Duration = Duration::from_secs(15);

pub(crate) struct Stage {
    pub(crate) books: Arc<Books>,
    pub(crate) system: ActorSystem,
    /// The ledgers' own system: its dead letters are those of the ledgers that drop messages, and no others.
    bank: ActorSystem,
    pub(crate) ledgers: Vec<(ActorRef<Ledger>, Arc<Account>)>,
    /// The first of the ledgers, which takes everything.
    pub(crate) relay: ActorRef<Ledger>,
    pub(crate) wardens: Vec<(ActorRef<Warden>, Arc<Mutex<Watchlist>>)>,
    workers: Mutex<Vec<ActorRef<Worker>>>,
    bosses: Mutex<Vec<ActorRef<Boss>>>,
    over: AtomicBool,
}

impl Stage {
    pub(crate) async fn set(drivers: usize) -> casty::Result<Arc<Self>> {
        let (books, bank) = (Arc::new(Books::default()), ActorSystem::new());
        // An actor that is between two instances, or ends, may have others wait for as long as this.
        let system = ActorSystem::builder().ask_timeout(Duration::from_secs(1)).build();
        let unfailing = SupervisorConfig::always();
        let slow = SupervisorConfig { backoff_initial: Duration::from_micros(200), backoff_max: SOON / 1000, ..unfailing };
        let mut ledgers = Vec::new();
        for (name, mailbox, lossy) in [
            ("unbounded", Mailbox::unbounded(), false),
            ("wait", Mailbox::bounded(64, Overflow::Wait), false),
            ("wait for one", Mailbox::bounded(1, Overflow::Wait), false),
            ("fail", Mailbox::bounded(64, Overflow::Fail), false),
            ("drop newest", Mailbox::bounded(32, Overflow::DropNewest), true),
            ("drop oldest", Mailbox::bounded(32, Overflow::DropOldest), true),
        ] {
            let account = Account::new(name, lossy, drivers);
            let ledger = bank.spawn(Ledger::make(&books)).name(name).mailbox(mailbox);
            ledgers.push((ledger.supervision(if lossy { slow } else { unfailing }).await?, account));
        }
        let mut wardens = Vec::new();
        for mailbox in [
            Mailbox::unbounded(),
            Mailbox::bounded(4, Overflow::Wait),
            Mailbox::bounded(4, Overflow::Fail),
            Mailbox::bounded(4, Overflow::DropNewest),
            Mailbox::bounded(4, Overflow::DropOldest),
        ] {
            let list = Arc::default();
            let warden = system.spawn(Warden::make(&books, &list)).mailbox(mailbox).supervision(unfailing);
            wardens.push((warden.await?, list));
        }
        let relay = ledgers[0].0.clone();
        let (workers, bosses, over) = (Mutex::default(), Mutex::default(), AtomicBool::new(false));
        Ok(Arc::new(Self { books, system, bank, ledgers, relay, wardens, workers, bosses, over }))
    }

    /// Takes a worker in; if there are many, another one has to go.
    pub(crate) fn enlist(&self, worker: ActorRef<Worker>) {
        if let Some(displaced) = exchange(&self.workers, worker, WORKERS, self.books.roll()) {
            displaced.stop();
        }
    }

    pub(crate) fn enlist_boss(&self, boss: ActorRef<Boss>) {
        if let Some(displaced) = exchange(&self.bosses, boss, BOSSES, self.books.roll()) {
            displaced.stop();
        }
    }

    /// One of the workers, seldom one that has ended.
    pub(crate) fn worker(&self, rng: &mut Rng) -> Option<ActorRef<Worker>> {
        one_of(&self.workers, rng, ActorRef::is_alive)
    }

    pub(crate) fn boss(&self, rng: &mut Rng) -> Option<ActorRef<Boss>> {
        one_of(&self.bosses, rng, ActorRef::is_alive)
    }

    pub(crate) fn workers(&self) -> usize {
        self.workers.lock().unwrap().len()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(SeqCst)
    }

    pub(crate) fn end(&self) {
        self.over.store(true, SeqCst);
    }

    /// Ends everything, and looks at what is left. The drivers have ended.
    pub(crate) async fn clear(&self) {
        let books = &self.books;
        let bosses = std::mem::take(&mut *self.bosses.lock().unwrap());
        for boss in bosses {
            boss.stop();
            books.wait("the end of a boss", Some(boss.label()), boss.stopped()).await;
        }
        // A boss may have enlisted workers until now.
        let workers = std::mem::take(&mut *self.workers.lock().unwrap());
        for worker in workers {
            worker.stop();
            books.wait("the end of a worker", Some(worker.label()), worker.stopped()).await;
        }
        let stay = i64::try_from(self.ledgers.len() + self.wardens.len()).unwrap_or_default();
        let staying = || match STATES.load(SeqCst) {
            states if states == stay => None,
            states => Some(format!("{states} actors live where {stay} were not stopped")),
        };
        self.soon(staying).await;
        for (warden, list) in &self.wardens {
            let due = || match list.lock().unwrap().due() {
                0 => None,
                due => Some(format!("{:?} was not told of {due} ends", warden.label())),
            };
            self.soon(due).await;
        }
        for (_, account) in &self.ledgers {
            self.soon(|| account.fault()).await;
        }
        let lost: u64 = self.ledgers.iter().filter(|(_, account)| account.lossy).map(|(_, account)| account.lost()).sum();
        let dead = self.bank.dead_letters();
        if dead != lost {
            books.wrong(format_args!("the ledgers dropped {lost} entries, of which {dead} are dead letters"));
        }
        books.wait("the end of the system", None, self.system.shutdown()).await;
        books.wait("the end of the bank", None, self.bank.shutdown()).await;
        for (what, count) in [("actors", &STATES), ("messages", &MESSAGES)] {
            let left = || match count.load(SeqCst) {
                0 => None,
                left => Some(format!("{left} {what} are left after the end")),
            };
            self.soon(left).await;
        }
        books.check_asks();
    }

    /// What `fault` finds is to be settled soon.
    pub(crate) async fn soon(&self, fault: impl Fn() -> Option<String>) {
        let began = Instant::now();
        while let Some(what) = fault() {
            if began.elapsed() > SOON {
                return self.books.wrong(format_args!("{what}"));
            }
            sleep(Duration::from_millis(5)).await;
        }
    }
}

fn exchange<T>(among: &Mutex<Vec<T>>, new: T, most: usize, roll: u64) -> Option<T> {
    let mut among = among.lock().unwrap();
    if among.len() < most {
        among.push(new);
        return None;
    }
    let at = usize::try_from(roll).unwrap_or_default() % among.len();
    Some(std::mem::replace(&mut among[at], new))
}

fn one_of<T: Clone>(among: &Mutex<Vec<T>>, rng: &mut Rng, is_alive: fn(&T) -> bool) -> Option<T> {
    let mut among = among.lock().unwrap();
    loop {
        let at = usize::try_from(rng.below(among.len().max(1) as u64)).unwrap_or_default();
        let one = among.get(at)?;
        if is_alive(one) || rng.one_in(4) {
            return Some(one.clone());
        }
        among.swap_remove(at);
    }
}
