//! Answers that come after the handler has ended.

use std::{
    fmt, mem,
    sync::{Arc, Mutex},
};

use super::ReplyTo;
use crate::{Message, sync::lock};

/// What a handler returns when the answer comes later, from anywhere.
///
/// The actor goes on with its next message in the meantime.
///
/// ```
/// use casty::prelude::*;
///
/// #[message(reply = u64)]
/// struct Slow(u64);
///
/// #[actor]
/// struct Worker;
///
/// #[actor]
/// impl Worker {
///     #[handler]
///     fn slow(&mut self, Slow(n): Slow) -> Later<Slow> {
///         let (reply, later) = Later::new();
///         tokio::spawn(async move { reply.send(n * 2) });
///         later
///     }
/// }
///
/// # #[casty::main]
/// # async fn main(system: ActorSystem) -> casty::Result<()> {
/// let worker = system.spawn(|| Worker).await?;
/// assert_eq!(worker.ask(Slow(21)).await?, 42);
/// # Ok(()) }
/// ```
#[must_use = "a handler returns it; dropped, whoever asked is told by nobody but the `Reply`"]
pub struct Later<M: Message>(Kind<M>);

enum Kind<M: Message> {
    Now(M::Reply),
    Meeting(Arc<Mutex<Meeting<M>>>),
    /// The message is forwarded and takes the asker along.
    HandOn(Box<dyn FnOnce(ReplyTo<M>) + Send>),
    /// The same, of one that is stashed.
    Aside(Box<dyn FnOnce(ReplyTo<M>) + Send>),
    Done,
}

/// Where an answer and its asker meet, whichever comes first.
enum Meeting<M: Message> {
    Nobody,
    Asker(ReplyTo<M>),
    Answer(M::Reply),
    Over,
}

impl<M: Message> Later<M> {
    /// A handle to answer through, from wherever and whenever, and what the handler returns.
    pub fn new() -> (Reply<M>, Self) {
        let meeting = Arc::new(Mutex::new(Meeting::Nobody));
        (Reply { meeting: Some(meeting.clone()) }, Self(Kind::Meeting(meeting)))
    }

    /// An answer that is there already, for a handler that answers late only sometimes.
    pub fn now(answer: M::Reply) -> Self {
        Self(Kind::Now(answer))
    }

    pub(crate) fn hand_on(to: impl FnOnce(ReplyTo<M>) + Send + 'static) -> Self {
        Self(Kind::HandOn(Box::new(to)))
    }

    pub(crate) fn aside(to: impl FnOnce(ReplyTo<M>) + Send + 'static) -> Self {
        Self(Kind::Aside(Box::new(to)))
    }

    /// Brings the asker.
    pub(crate) fn bind(mut self, reply: ReplyTo<M>) {
        let kind = mem::replace(&mut self.0, Kind::Done);
        match kind {
            Kind::Aside(_) => reply.is_aside(),
            Kind::Now(_) | Kind::Meeting(_) | Kind::HandOn(_) | Kind::Done => reply.is_late(),
        }
        match kind {
            Kind::Now(answer) => reply.send(answer),
            Kind::HandOn(to) | Kind::Aside(to) => to(reply),
            Kind::Meeting(meeting) => {
                let mut state = lock(&meeting);
                match mem::replace(&mut *state, Meeting::Over) {
                    Meeting::Nobody => *state = Meeting::Asker(reply),
                    Meeting::Answer(answer) => {
                        drop(state);
                        reply.send(answer);
                    }
                    // The reply handle was dropped before: so is the asker's slot, which tells it.
                    Meeting::Asker(_) | Meeting::Over => {
                        drop(state);
                        drop(reply);
                    }
                }
            }
            Kind::Done => {}
        }
    }
}

impl<M: Message> Drop for Later<M> {
    fn drop(&mut self) {
        // A stashed or forwarded message goes its way even if the handler does not return what it was given.
        if let Kind::HandOn(to) | Kind::Aside(to) = mem::replace(&mut self.0, Kind::Done)
            && !std::thread::panicking()
        {
            to(ReplyTo::NOBODY);
        }
    }
}

impl<M: Message> fmt::Debug for Later<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Later<{}>", M::NAME)
    }
}

/// The handle that a late answer is sent through, from any task.
///
/// Dropped without an answer, the asker gets [`AskError::NotAnswered`](crate::AskError::NotAnswered).
pub struct Reply<M: Message> {
    meeting: Option<Arc<Mutex<Meeting<M>>>>,
}

impl<M: Message> Reply<M> {
    /// Answers. If nobody waits any more, or the message was sent and not asked, the answer is dropped.
    pub fn send(mut self, answer: M::Reply) {
        let Some(meeting) = self.meeting.take() else { return };
        let mut state = lock(&meeting);
        match mem::replace(&mut *state, Meeting::Over) {
            Meeting::Nobody => *state = Meeting::Answer(answer),
            Meeting::Asker(reply) => {
                drop(state);
                reply.send(answer);
            }
            Meeting::Answer(_) | Meeting::Over => {}
        }
    }
}

impl<M: Message> Drop for Reply<M> {
    fn drop(&mut self) {
        if let Some(meeting) = self.meeting.take() {
            let over = mem::replace(&mut *lock(&meeting), Meeting::Over);
            drop(over);
        }
    }
}

impl<M: Message> fmt::Debug for Reply<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply<{}>", M::NAME)
    }
}
