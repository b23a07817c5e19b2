//! The actors that are never stopped, so that what they were sent can be counted: ledgers, and wardens that watch others.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{
            AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
};

use casty::{ActorId, Terminated, prelude::*};

use crate::books::{Books, MESSAGES, Mark, STATES, Token};

/// How many watches that were taken back are remembered.
const PARDONS: usize = 10_000;

/// What one ledger is to come to. It lies outside of the actor, as the ledger fails and restarts now and then.
pub(crate) struct Account {
    pub(crate) name: &'static str,
    /// Its mailbox drops messages.
    pub(crate) lossy: bool,
    /// The number of the last entry of each driver.
    last: Box<[AtomicU64]>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    made: AtomicU64,
    sent: AtomicU64,
    sent_sum: AtomicU64,
    handled: AtomicU64,
    handled_sends: AtomicU64,
    sum: AtomicU64,
    lost: AtomicU64,
}

impl Account {
    pub(crate) fn new(name: &'static str, lossy: bool, drivers: usize) -> Arc<Self> {
        Arc::new(Self { name, lossy, last: (0..drivers).map(|_| AtomicU64::default()).collect(), counts: Counts::default() })
    }

    pub(crate) fn lost(&self) -> u64 {
        self.counts.lost.load(SeqCst)
    }

    /// An entry was sent well.
    pub(crate) fn sent(&self, amount: u64) {
        self.counts.sent.fetch_add(1, Relaxed);
        self.counts.sent_sum.fetch_add(amount, Relaxed);
    }

    /// What is not right yet, or at all.
    pub(crate) fn fault(&self) -> Option<String> {
        let Counts { made, sent, sent_sum, handled, handled_sends, sum, lost } = &self.counts;
        let [made, sent, sent_sum, handled, handled_sends, sum, lost] =
            [made, sent, sent_sum, handled, handled_sends, sum, lost].map(|count| count.load(SeqCst));
        let right = made == handled + lost && (self.lossy || (sent == handled_sends && sent_sum == sum));
        let name = self.name;
        (!right).then(|| {
            format!(
                "the ledger {name}: {made} entries made, {handled} handled, {lost} lost; of {sent} sent {handled_sends} handled; \
                 {sent_sum} sent, {sum} in the book"
            )
        })
    }
}

/// The life of one entry, until it is handled or lost.
pub(crate) struct Fate {
    account: Arc<Account>,
    handled: bool,
    _life: Token,
}

impl Fate {
    pub(crate) fn new(account: &Arc<Account>) -> Self {
        account.counts.made.fetch_add(1, Relaxed);
        Self { account: account.clone(), handled: false, _life: Token::new(&MESSAGES) }
    }
}

impl Drop for Fate {
    fn drop(&mut self) {
        let Counts { handled, lost, .. } = &self.account.counts;
        if self.handled { handled } else { lost }.fetch_add(1, Relaxed);
    }
}

/// Who made an entry, and its number there.
#[derive(Clone, Copy)]
pub(crate) enum From {
    Driver(usize, u64),
    /// Another actor handed it on, so it may come in any order.
    Relay,
}

#[message(reply = u64, local)]
pub(crate) struct Entry {
    pub(crate) from: From,
    pub(crate) amount: u64,
    pub(crate) poison: bool,
    /// Of an ask.
    pub(crate) mark: Option<Mark>,
    pub(crate) fate: Fate,
}

impl Entry {
    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.fate.account
    }
}

#[actor]
pub(crate) struct Ledger {
    books: Arc<Books>,
    _life: Token,
}

impl Ledger {
    pub(crate) fn make(books: &Arc<Books>) -> impl Fn() -> Self + Send + Sync + 'static {
        let books = books.clone();
        move || Self { books: books.clone(), _life: Token::new(&STATES) }
    }
}

#[actor]
impl Ledger {
    #[handler]
    fn entry(&mut self, mut entry: Entry) -> casty::Result<u64> {
        entry.fate.handled = true;
        let account = &entry.fate.account;
        match &entry.mark {
            Some(mark) => mark.set(),
            None => {
                account.counts.handled_sends.fetch_add(1, Relaxed);
                account.counts.sum.fetch_add(entry.amount, Relaxed);
            }
        }
        if let From::Driver(driver, number) = entry.from {
            let last = account.last[driver].swap(number, Relaxed);
            if last >= number {
                self.books.wrong(format_args!("{}: entry {number} of driver {driver} came after {last}", account.name));
            }
        }
        match entry.poison {
            true if entry.amount.is_multiple_of(2) => panic!("soak"),
            true => Err("soak".into()),
            false => Ok(entry.amount + 1),
        }
    }
}

/// Whom a warden waits for.
#[derive(Default)]
pub(crate) struct Watchlist {
    due: HashSet<ActorId>,
    pardoned: VecDeque<ActorId>,
}

impl Watchlist {
    pub(crate) fn due(&self) -> usize {
        self.due.len()
    }
}

/// Counts that it is told of every end, once.
#[actor]
pub(crate) struct Warden {
    books: Arc<Books>,
    list: Arc<Mutex<Watchlist>>,
    _life: Token,
}

#[message(local)]
pub(crate) enum Watch {
    Begin(AnyRef),
    End(AnyRef),
    /// Fails; watching survives that.
    Upset,
}

impl Warden {
    pub(crate) fn make(books: &Arc<Books>, list: &Arc<Mutex<Watchlist>>) -> impl Fn() -> Self + Send + Sync + 'static {
        let (books, list) = (books.clone(), list.clone());
        move || Self { books: books.clone(), list: list.clone(), _life: Token::new(&STATES) }
    }
}

#[actor]
impl Warden {
    #[handler]
    fn watch(&mut self, watch: Watch, ctx: &mut Context<Self>) -> casty::Result<()> {
        match watch {
            // Who watches one that has ended twice is told twice: so only if it is not due.
            Watch::Begin(whom) => {
                if self.list.lock().unwrap().due.insert(whom.id()) {
                    ctx.watch(&whom);
                }
            }
            Watch::End(whom) => {
                ctx.unwatch(&whom);
                let mut list = self.list.lock().unwrap();
                if list.due.remove(&whom.id()) {
                    // The news may lie in the mailbox already.
                    list.pardoned.push_back(whom.id());
                    if list.pardoned.len() > PARDONS {
                        list.pardoned.pop_front();
                    }
                }
            }
            Watch::Upset => return Err("soak".into()),
        }
        Ok(())
    }

    #[handler]
    fn terminated(&mut self, Terminated { actor, .. }: Terminated) {
        if actor.is_alive() {
            self.books.wrong(format_args!("a warden was told of the end of {actor:?}, which is alive"));
        }
        let mut list = self.list.lock().unwrap();
        if !list.due.remove(&actor.id()) && !list.pardoned.contains(&actor.id()) {
            self.books.wrong(format_args!("a warden was told of {actor:?} again, or without having asked"));
        }
    }
}
