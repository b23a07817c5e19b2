//! What an entity has to say, held back until the state that it follows from is kept.
//!
//! The output commit of rollback-recovery: Elnozahy, Alvisi, Wang, Johnson, "A Survey of Rollback-Recovery Protocols in
//! Message-Passing Systems", 2002, section 2.4.

use std::{
    collections::VecDeque,
    fmt, mem,
    sync::{
        Arc, Mutex, Weak,
        atomic::{
            AtomicBool, AtomicUsize,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
};

use super::{FarRefusal, Pass, Patience, Refusal};
use crate::sync::lock;

/// With so many outputs held that leave so late that it is seen, the entity takes no more.
const MANY: usize = 1024;
/// With so many in any case.
const MOST: usize = 100_000;

/// An answer that somebody waits for and that may not leave yet.
pub(crate) trait Held: Send + Sync {
    /// It goes to who waits, or waits on for another entity that owes it.
    fn leave(self: Arc<Self>);
    /// It never will.
    fn fail(&self, why: Refusal);
}

/// What waits to leave.
pub(crate) enum Output {
    Answer(Arc<dyn Held>),
    Send(Box<dyn FnOnce() + Send>),
}

impl Output {
    fn leave(self) {
        match self {
            Self::Answer(answer) => answer.leave(),
            Self::Send(send) => send(),
        }
    }

    fn fail(self, why: &Refusal) {
        if let Self::Answer(answer) = self {
            answer.fail(why.clone());
        }
    }
}

/// Whether a change of an entity's state is kept, as the entity's version behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// It is.
    Kept(u64),
    /// It will be; [`Outputs::kept`] tells.
    Pending(u64),
}

/// The outputs of one activation of an entity.
pub(crate) struct Outputs {
    itself: Weak<Self>,
    pass: Arc<Pass>,
    patience: Arc<Patience>,
    state: Mutex<State>,
    /// The handler in hand changes nothing.
    reading: AtomicBool,
    /// Nothing is held, and all is kept.
    idle: AtomicBool,
    /// There is an output of the handler in hand.
    said: AtomicBool,
    /// More are held than the entity may add to.
    crowded: AtomicBool,
    /// Messages whose answers come later.
    open: AtomicUsize,
}

#[derive(Default)]
struct State {
    /// Of the handler in hand: it is not known yet what they follow from.
    said: Vec<Output>,
    held: VecDeque<Waiting>,
    /// Somebody looks whether they are held for too long.
    looked_at: bool,
    written: u64,
    kept: u64,
    ended: Option<Refusal>,
}

/// An output that is held back.
struct Waiting {
    /// The version that it follows from.
    version: u64,
    /// See [`Patience::now`].
    since: u32,
    output: Output,
}

impl Outputs {
    pub(crate) fn new(pass: Arc<Pass>, patience: Arc<Patience>) -> Arc<Self> {
        Arc::new_cyclic(|itself| Self {
            itself: itself.clone(),
            pass,
            patience,
            state: Mutex::default(),
            reading: AtomicBool::new(false),
            idle: AtomicBool::new(true),
            said: AtomicBool::new(false),
            crowded: AtomicBool::new(false),
            open: AtomicUsize::new(0),
        })
    }

    /// The handler in hand changes nothing.
    pub(crate) fn reads(&self) {
        self.reading.store(true, Relaxed);
    }

    /// Whether what the handler in hand says may leave at once.
    pub(crate) fn passes(&self) -> bool {
        // Who sees a lease that was granted anew sees what was ended before: whether all is kept is looked at last.
        self.reading.load(Relaxed) && !self.said.load(Relaxed) && self.pass.is_open() && self.idle.load(Acquire)
    }

    /// Whether so much is held that the entity is to take nothing that adds to it: what it changes does not get to where it is
    /// kept.
    pub(crate) fn is_crowded(&self) -> bool {
        self.crowded.load(Relaxed)
    }

    /// Said by the handler in hand.
    pub(crate) fn say(&self, output: Output) {
        let mut state = lock(&self.state);
        if let Some(why) = state.ended.clone() {
            drop(state);
            return output.fail(&why);
        }
        state.said.push(output);
        self.said.store(true, Release);
    }

    /// Said by anybody else, or after the handler: it follows from what the state is now.
    pub(crate) fn say_late(&self, output: Output) {
        let mut state = lock(&self.state);
        if let Some(why) = state.ended.clone() {
            drop(state);
            return output.fail(&why);
        }
        let (version, since) = (state.written, self.patience.now());
        state.held.push_back(Waiting { version, since, output });
        let leaving = self.flush(&mut state);
        drop(state);
        leaving.into_iter().for_each(Output::leave);
    }

    /// The handler in hand has ended, with what came of its change, if it made one.
    pub(crate) fn handled(&self, change: Option<Wait>) {
        self.reading.store(false, Relaxed);
        if change.is_none() && !self.said.load(Acquire) {
            return;
        }
        let mut state = lock(&self.state);
        match change {
            Some(Wait::Kept(version)) => {
                state.written = state.written.max(version);
                state.kept = state.kept.max(version);
            }
            Some(Wait::Pending(version)) => state.written = state.written.max(version),
            None => {}
        }
        let (said, version, since) = (mem::take(&mut state.said), state.written, self.patience.now());
        self.said.store(false, Relaxed);
        state.held.extend(said.into_iter().map(|output| Waiting { version, since, output }));
        let leaving = self.flush(&mut state);
        drop(state);
        leaving.into_iter().for_each(Output::leave);
    }

    /// The handler in hand has ended, and what it changed cannot be kept.
    pub(crate) fn spoilt(&self, why: &Refusal) {
        self.reading.store(false, Relaxed);
        self.said.store(false, Relaxed);
        let said = mem::take(&mut lock(&self.state).said);
        said.into_iter().for_each(|output| output.fail(why));
    }

    /// What the entity was up to that version is kept.
    pub(crate) fn kept(&self, version: u64) {
        let mut state = lock(&self.state);
        state.kept = state.kept.max(version);
        let leaving = self.flush(&mut state);
        drop(state);
        leaving.into_iter().for_each(Output::leave);
    }

    /// The activation is over. What has not left never will: whether it was kept is not known.
    pub(crate) fn end(&self) {
        let why = Refusal::from(FarRefusal::NotReplicated);
        let mut state = lock(&self.state);
        state.ended = Some(why.clone());
        let said = mem::take(&mut state.said);
        let held = mem::take(&mut state.held);
        self.idle.store(false, Release);
        drop(state);
        said.into_iter().chain(held.into_iter().map(|waiting| waiting.output)).for_each(|output| output.fail(&why));
    }

    /// Those whose answers have been held since before that look are told that nobody knows whether they are kept. What is to
    /// be sent to others waits on. Returns how much does.
    pub(super) fn give_up_before(&self, look: u32) -> usize {
        let mut state = lock(&self.state);
        let mut given_up = Vec::new();
        if state.held.front().is_some_and(|waiting| waiting.since < look) {
            let is_late = |waiting: &Waiting| waiting.since < look && matches!(waiting.output, Output::Answer(_));
            let (late, left) = mem::take(&mut state.held).into_iter().partition::<VecDeque<_>, _>(is_late);
            (given_up, state.held) = (late.into(), left);
        }
        let left = state.held.len();
        state.looked_at = left > 0;
        self.count(&state);
        drop(state);
        let why = Refusal::from(FarRefusal::NotReplicated);
        given_up.into_iter().for_each(|waiting: Waiting| waiting.output.fail(&why));
        left
    }

    /// Whether all that was written is kept, and nothing waits to leave.
    pub(crate) fn is_settled(&self) -> bool {
        let state = lock(&self.state);
        state.held.is_empty() && state.said.is_empty() && state.kept >= state.written
    }

    /// Whether answers are to come that the entity has promised.
    pub(crate) fn has_open(&self) -> bool {
        self.open.load(Relaxed) > 0
    }

    /// What may leave now.
    fn flush(&self, state: &mut State) -> Vec<Output> {
        let mut leaving = Vec::new();
        while let Some(waiting) = state.held.front()
            && waiting.version <= state.kept
        {
            if !self.pass.is_open() {
                self.pass.stuck(self.itself.clone());
                break;
            }
            leaving.extend(state.held.pop_front().map(|waiting| waiting.output));
        }
        if !state.held.is_empty() && !mem::replace(&mut state.looked_at, true) {
            self.patience.enter(self.itself.clone());
        }
        self.idle.store(state.held.is_empty() && state.kept >= state.written && state.ended.is_none(), Release);
        self.count(state);
        leaving
    }

    /// Many may be on their way where all is well. Those that two looks have found are not.
    fn count(&self, state: &State) {
        let is_late = || state.held.front().is_some_and(|waiting| self.patience.now().saturating_sub(waiting.since) > 1);
        self.crowded.store(state.held.len() >= MOST || (state.held.len() >= MANY && is_late()), Relaxed);
    }
}

impl fmt::Debug for Outputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outputs")
    }
}

/// A message whose answer comes later, while it lives.
pub(super) struct Open(pub(super) Arc<Outputs>);

impl Open {
    pub(super) fn new(outputs: Arc<Outputs>) -> Self {
        outputs.open.fetch_add(1, Relaxed);
        Self(outputs)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}
