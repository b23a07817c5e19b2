//! The place where one ask waits for its one answer.

use std::{
    cell::{Cell, RefCell},
    fmt, mem,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
};

use super::{
    Refusal,
    outputs::{Held, Open, Output, Outputs},
};
use crate::{
    Failure, Message,
    actor::{Answer, FarReply, passes, speaking},
    sync::lock,
    system::Expire,
};

/// Shared by an asker and whoever answers. Written once, read once.
pub(crate) struct Slot<R> {
    state: Mutex<State<R>>,
    /// [`NOT_LATE`], [`FAR`], [`ASIDE`] or [`LATE`]. It only rises.
    late: AtomicU8,
}

/// The message may not have been handled yet.
const NOT_LATE: u8 = 0;
/// As the first; and it is another node's, where this matters.
const FAR: u8 = 1;
/// It was stashed: it is to be handled yet, by this actor or by the one that follows it.
const ASIDE: u8 = 2;
/// It was handled, and its answer comes later.
const LATE: u8 = 3;

enum State<R> {
    Waiting(Option<Waker>),
    Answered(Result<R, Refusal>),
    /// Whoever waits is on another node.
    Far(Box<FarReply<R>>),
    /// The answer goes when an entity's state is kept.
    Bound(Box<Bound<R>>),
    /// The answer was taken, or nobody waits for it any more.
    Closed,
}

/// An answer of an entity, and who waits for it.
struct Bound<R> {
    asker: Asker<R>,
    /// Once it is there.
    answer: Option<R>,
    /// While it is not.
    open: Option<Open>,
}

enum Asker<R> {
    Here(Option<Waker>),
    Far(FarReply<R>),
}

impl<R: Send + 'static> Slot<R> {
    /// Puts the answer in, if somebody waits for it still, and wakes the asker. What an entity answers waits until its state
    /// is kept.
    pub(crate) fn fill(self: &Arc<Self>, answer: Result<R, Refusal>) {
        let answer = match answer {
            Ok(answer) if !passes() => match speaking() {
                Some(outputs) => return self.say(&outputs, answer),
                None => Ok(answer),
            },
            // Whoever it was passed on to did not handle it; a handler has had it all the same.
            Err(why) if self.late.load(Relaxed) == LATE => Err(why.after_all(Refusal::NotAnswered)),
            answer => answer,
        };
        let mut state = lock(&self.state);
        match &mut *state {
            State::Waiting(waker) => {
                let waker = waker.take();
                *state = State::Answered(answer);
                drop(state);
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
            State::Far(_) => {
                let State::Far(far) = mem::replace(&mut *state, State::Closed) else { unreachable!("just seen") };
                drop(state);
                far.fill(answer);
            }
            State::Bound(_) => {
                drop(state);
                self.fill_bound(answer);
            }
            State::Answered(_) | State::Closed => {}
        }
    }

    /// The answer of the handler in hand, which is an entity's.
    #[inline(never)]
    fn say(self: &Arc<Self>, outputs: &Outputs, answer: R) {
        let mut state = lock(&self.state);
        match &mut *state {
            State::Waiting(_) | State::Far(_) => state.bind(Some(answer), None),
            State::Bound(bound) if bound.answer.is_none() => {
                bound.answer = Some(answer);
                // One that another entity owes follows from what that one is as well.
                drop(bound.open.take_if(|open| std::ptr::eq(&*open.0, outputs)));
            }
            State::Bound(_) | State::Answered(_) | State::Closed => return,
        }
        drop(state);
        self.late.store(LATE, Relaxed);
        outputs.say(Output::Answer(self.clone()));
    }

    /// An entity has answered after its handler has ended.
    fn fill_bound(self: &Arc<Self>, answer: Result<R, Refusal>) {
        let answer = match answer {
            Ok(answer) => answer,
            Err(why) => return self.fail(why),
        };
        let outputs = match &mut *lock(&self.state) {
            State::Bound(bound) if bound.answer.is_none() => {
                bound.answer = Some(answer);
                bound.open.take()
            }
            State::Bound(_) | State::Waiting(_) | State::Far(_) | State::Answered(_) | State::Closed => None,
        };
        if let Some(Open(outputs)) = &outputs {
            outputs.say_late(Output::Answer(self.clone()));
        }
    }

    /// The answer, which comes later, will follow from what the entity is then.
    fn bind(&self, outputs: Arc<Outputs>) {
        let mut state = lock(&self.state);
        if matches!(*state, State::Waiting(_) | State::Far(_)) {
            state.bind(None, Some(Open::new(outputs)));
        }
    }
}

impl<R> State<R> {
    /// Only of one where somebody waits.
    fn bind(&mut self, answer: Option<R>, open: Option<Open>) {
        let asker = match mem::replace(self, Self::Closed) {
            Self::Waiting(waker) => Asker::Here(waker),
            Self::Far(far) => Asker::Far(*far),
            other @ (Self::Bound(_) | Self::Answered(_) | Self::Closed) => {
                *self = other;
                return;
            }
        };
        *self = Self::Bound(Box::new(Bound { asker, answer, open }));
    }
}

impl<R: Send + 'static> Held for Slot<R> {
    fn leave(self: Arc<Self>) {
        let owed = match &mut *lock(&self.state) {
            State::Bound(bound) => bound.open.take(),
            State::Waiting(_) | State::Far(_) | State::Answered(_) | State::Closed => None,
        };
        match &owed {
            Some(Open(outputs)) => outputs.say_late(Output::Answer(self)),
            None => self.end_bound(|answer| answer.ok_or(Refusal::NotAnswered)),
        }
    }

    fn fail(&self, why: Refusal) {
        self.end_bound(|_| Err(why));
    }
}

impl<R> Slot<R> {
    /// Tells who waits what came of an answer that was held back.
    fn end_bound(&self, outcome: impl FnOnce(Option<R>) -> Result<R, Refusal>) {
        let mut state = lock(&self.state);
        if !matches!(*state, State::Bound(_)) {
            return;
        }
        let State::Bound(bound) = mem::replace(&mut *state, State::Closed) else { unreachable!("just seen") };
        match bound.asker {
            Asker::Here(waker) => {
                *state = State::Answered(outcome(bound.answer));
                drop(state);
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
            Asker::Far(far) => {
                drop(state);
                far.fill(outcome(bound.answer));
            }
        }
    }
}

impl<R> Slot<R> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State::Waiting(None)), late: AtomicU8::new(NOT_LATE) })
    }

    /// Whether somebody waits still.
    pub(crate) fn is_awaited(&self) -> bool {
        matches!(*lock(&self.state), State::Waiting(_) | State::Far(_) | State::Bound(_))
    }

    /// Whether there is an answer that may not leave yet.
    pub(crate) fn is_held(&self) -> bool {
        matches!(&*lock(&self.state), State::Bound(bound) if bound.answer.is_some())
    }

    /// Takes the answer if it is there.
    pub(crate) fn take(&self) -> Option<Result<R, Refusal>> {
        let mut state = lock(&self.state);
        if matches!(*state, State::Answered(_)) {
            let State::Answered(answer) = mem::replace(&mut *state, State::Closed) else { unreachable!("just seen") };
            return Some(answer);
        }
        None
    }

    /// Takes the answer, or leaves the asker's waker.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<Result<R, Refusal>> {
        let mut state = lock(&self.state);
        match &mut *state {
            State::Waiting(Some(waker)) if waker.will_wake(cx.waker()) => Poll::Pending,
            State::Waiting(waker) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            State::Answered(_) => {
                let State::Answered(answer) = mem::replace(&mut *state, State::Closed) else { unreachable!("just seen") };
                Poll::Ready(answer)
            }
            State::Bound(bound) => match &mut bound.asker {
                Asker::Here(waker) => {
                    *waker = Some(cx.waker().clone());
                    Poll::Pending
                }
                Asker::Far(_) => Poll::Ready(Err(Refusal::NotAnswered)),
            },
            State::Far(_) | State::Closed => Poll::Ready(Err(Refusal::NotAnswered)),
        }
    }

    /// Nobody waits any more; what comes is dropped.
    pub(crate) fn close(&self) {
        let previous = mem::replace(&mut *lock(&self.state), State::Closed);
        drop(previous);
    }
}

impl<R: Send> Expire for Slot<R> {
    fn expire(&self) {
        let waker = match &mut *lock(&self.state) {
            State::Waiting(waker) => waker.take(),
            State::Bound(bound) => match &mut bound.asker {
                Asker::Here(waker) => waker.take(),
                Asker::Far(_) => None,
            },
            State::Answered(_) | State::Far(_) | State::Closed => None,
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn is_unhandled(&self) -> bool {
        self.late.load(Relaxed) < ASIDE && self.is_awaited()
    }
}

/// Where the answer to one message goes: to an asker, or nowhere if it was sent.
///
/// Dropped without an answer, it tells the asker so.
pub struct ReplyTo<M: Message>(Option<Arc<Slot<M::Reply>>>);

impl<M: Message> ReplyTo<M> {
    /// For a message that was sent: nobody waits.
    pub(crate) const NOBODY: Self = Self(None);

    pub(crate) fn asker(slot: Arc<Slot<M::Reply>>) -> Self {
        Self(Some(slot))
    }

    /// For a message that another node's actor or task asked.
    pub(crate) fn far(to: FarReply<M::Reply>) -> Self {
        Self(Some(Arc::new(Slot { state: Mutex::new(State::Far(Box::new(to))), late: AtomicU8::new(FAR) })))
    }

    /// The asker, as one that takes its answer as bytes. Nobody waits at this handle any more.
    pub fn take_answer(&mut self) -> Option<Box<dyn Answer>> {
        M::__await(mem::replace(self, Self::NOBODY))
    }

    /// Whether the answer would reach somebody.
    pub(crate) fn is_awaited(&self) -> bool {
        self.0.as_ref().is_some_and(|slot| slot.is_awaited())
    }

    /// Whether somebody waits for the answer.
    pub fn is_ask(&self) -> bool {
        self.0.is_some()
    }

    /// Answers.
    pub fn send(mut self, answer: M::Reply) {
        if let Some(slot) = self.0.take() {
            slot.fill(Ok(answer));
        }
    }

    /// The message was handled; its answer comes later.
    pub(super) fn is_late(&self) {
        self.put_off(LATE);
        if let (Some(slot), Some(outputs)) = (&self.0, speaking()) {
            slot.bind(outputs);
        }
    }

    /// The message was stashed. Its answer will follow from what the entity is when it is handled, and by whichever of its
    /// activations.
    pub(super) fn is_aside(&self) {
        self.put_off(ASIDE);
    }

    fn put_off(&self, how: u8) {
        if let Some(slot) = &self.0
            && slot.late.fetch_max(how, Relaxed) == FAR
            && let State::Far(far) = &*lock(&slot.state)
        {
            far.is_late();
        }
    }

    /// Tells the asker that there is no answer.
    pub fn refuse(mut self, why: Refusal) {
        if let Some(slot) = self.0.take() {
            slot.fill(Err(why));
        }
    }
}

impl<M: Message> Drop for ReplyTo<M> {
    fn drop(&mut self) {
        let Some(slot) = self.0.take() else { return };
        if std::thread::panicking() && FROM.get().is_some() {
            // A handler panics: whoever catches it tells the asker with what.
            PARKED.with_borrow_mut(|parked| parked.push(Box::new(move |why| slot.fill(Err(why)))));
        } else {
            slot.fill(Err(Refusal::NotAnswered));
        }
    }
}

impl<M: Message> fmt::Debug for ReplyTo<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_ask() { "ReplyTo(asker)" } else { "ReplyTo(nobody)" })
    }
}

type Parked = Box<dyn FnOnce(Refusal)>;

thread_local! {
    /// Askers whose reply handles a panic dropped.
    static PARKED: RefCell<Vec<Parked>> = const { RefCell::new(Vec::new()) };
    /// Where those of the innermost [`Watched`] begin.
    static FROM: Cell<Option<usize>> = const { Cell::new(None) };
}

/// While it lives, code of the user runs whose panics are caught by us. Its end tells those askers whose handles were
/// dropped by a panic that the user caught.
pub(crate) struct Watched {
    outer: Option<usize>,
}

impl Watched {
    pub(crate) fn begin() -> Self {
        Self { outer: FROM.replace(Some(PARKED.with_borrow(Vec::len))) }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        tell_parked(&Refusal::NotAnswered);
        FROM.set(self.outer);
    }
}

/// Ends the asks whose slots a panic on this thread dropped. Called by whoever caught it.
pub(crate) fn take_parked(failure: &Failure) {
    tell_parked(&Refusal::Failed(failure.clone()));
}

fn tell_parked(why: &Refusal) {
    let from = FROM.get().unwrap_or(0);
    if PARKED.with_borrow(|parked| parked.len() > from) {
        for tell in PARKED.with_borrow_mut(|parked| parked.split_off(from)) {
            tell(why.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        host::Host,
        reply::{Pass, Wait},
    };

    fn outputs() -> Arc<Outputs> {
        Outputs::new(Pass::always(&Host::current()), Arc::default())
    }

    #[tokio::test]
    async fn an_answer_that_one_entity_owes_and_another_gives_follows_from_both() {
        let (owes, gives, slot) = (outputs(), outputs(), Slot::new());
        slot.bind(owes.clone());
        owes.handled(Some(Wait::Pending(1)));
        slot.say(&gives, 7);
        gives.handled(Some(Wait::Pending(5)));
        gives.kept(5);
        assert!(slot.take().is_none() && slot.is_held());
        owes.kept(1);
        assert_eq!(slot.take().and_then(Result::ok), Some(7));
    }

    #[tokio::test]
    async fn what_is_owed_by_an_activation_that_is_over_is_not_said_by_the_next() {
        let (owes, next, slot) = (outputs(), outputs(), Slot::new());
        slot.bind(owes.clone());
        owes.handled(Some(Wait::Pending(1)));
        owes.end();
        slot.say(&next, 7);
        next.handled(Some(Wait::Kept(1)));
        assert!(matches!(slot.take(), Some(Err(Refusal::Far(why))) if matches!(*why, crate::reply::FarRefusal::NotReplicated)));
    }
}
