//! An actor that a test sees through.

#![expect(clippy::disallowed_methods, reason = "the test's own time is tokio's")]

use std::{any::Any, fmt, future::Future, time::Duration};

use tokio::sync::mpsc;

use crate::{
    __private::{Answer, CodecError, Declared, Dispatch, FarPort, Handled, Item, Pace, Ready, Refusal, ReplyTo, incoming},
    Actor, ActorSystem, Context, Handles, Message, Recipient, actor,
};

/// How long [`TestProbe::expect`] waits.
const PATIENCE: Duration = Duration::from_secs(3);

/// Takes messages of one type, in place of an actor, and hands them to the test.
///
/// ```
/// use casty::{prelude::*, testkit::TestProbe};
///
/// #[message(local)]
/// struct Work(u32, Recipient<Done>);
///
/// #[message]
/// #[derive(Debug, PartialEq)]
/// struct Done(u32);
///
/// #[actor]
/// struct Doubler;
///
/// #[actor]
/// impl Doubler {
///     #[handler]
///     async fn work(&mut self, Work(n, tell): Work) -> casty::Result<()> {
///         Ok(tell.send(Done(n * 2)).await?)
///     }
/// }
///
/// # #[casty::main]
/// # async fn main(system: ActorSystem) -> casty::Result<()> {
/// let mut probe = TestProbe::<Done>::new(&system).await;
/// let doubler = system.spawn(|| Doubler).await?;
/// doubler.send(Work(21, probe.recipient())).await?;
/// assert_eq!(probe.expect().await, Done(42));
/// # Ok(()) }
/// ```
pub struct TestProbe<M: Message> {
    recipient: Recipient<M>,
    taken: mpsc::UnboundedReceiver<(M, ReplyTo<M>)>,
}

impl<M: Message> TestProbe<M> {
    /// A probe in `system`.
    ///
    /// # Panics
    /// If the system is shutting down.
    pub async fn new(system: &ActorSystem) -> Self {
        let (give, taken) = mpsc::unbounded_channel();
        let probe = system.spawn(move || Probe { give: give.clone() }).await.unwrap_or_else(|error| panic!("{error}"));
        Self { recipient: probe.recipient(), taken }
    }

    /// What the code under test sends its messages to.
    pub fn recipient(&self) -> Recipient<M> {
        self.recipient.clone()
    }

    /// The next message. Who asked it gets [`AskError::NotAnswered`](crate::AskError::NotAnswered).
    ///
    /// # Panics
    /// If none comes within 3 s.
    pub async fn expect(&mut self) -> M {
        self.next().await.0
    }

    /// The next message, answered with what `answer` makes of it.
    ///
    /// # Panics
    /// If none comes within 3 s.
    pub async fn answer(&mut self, answer: impl FnOnce(&M) -> M::Reply) {
        let (message, reply) = self.next().await;
        reply.send(answer(&message));
    }

    /// Makes sure that no message comes for as long as `time`.
    ///
    /// # Panics
    /// If one does.
    pub async fn expect_nothing(&mut self, time: Duration) {
        if matches!(tokio::time::timeout(time, self.taken.recv()).await, Ok(Some(_))) {
            panic!("the probe got a {}, and expected none for {time:?}", M::NAME);
        }
    }

    async fn next(&mut self) -> (M, ReplyTo<M>) {
        match tokio::time::timeout(PATIENCE, self.taken.recv()).await {
            Ok(Some(taken)) => taken,
            Ok(None) => panic!("the system of the probe has shut down"),
            Err(_) => panic!("the probe got no {} within {PATIENCE:?}", M::NAME),
        }
    }
}

impl<M: Message> fmt::Debug for TestProbe<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestProbe<{}>", M::NAME)
    }
}

/// The actor behind a probe: the one that is written by hand, since it is generic over its message.
struct Probe<M: Message> {
    give: mpsc::UnboundedSender<(M, ReplyTo<M>)>,
}

/// All that a probe's mailbox holds.
struct Letter<M: Message>(M, ReplyTo<M>);

impl<M: Message> Item for Letter<M> {
    fn name(&self) -> &'static str {
        M::NAME
    }

    fn is_ask(&self) -> bool {
        self.1.is_ask()
    }

    fn is_async(&self) -> bool {
        false
    }

    fn reads(&self) -> bool {
        false
    }

    fn pace(&self) -> &'static Pace {
        static PACE: Pace = Pace::new();
        &PACE
    }

    fn refuse(self, why: Refusal) {
        self.1.refuse(why);
    }

    fn is_idempotent(&self) -> bool {
        M::IDEMPOTENT
    }

    fn encode(&self, into: &mut Vec<u8>) -> Result<(), CodecError> {
        self.0.__encode(into)
    }

    fn take_answer(&mut self) -> Option<Box<dyn Answer>> {
        self.1.take_answer()
    }

    fn decode(name: &str, body: &[u8], reply: &mut Option<Box<dyn FarPort>>) -> Option<Result<Self, CodecError>> {
        incoming(name, body, reply).map(|found| found.map(|(message, reply)| Self(message, reply)))
    }

    fn open(letter: &mut dyn Any) -> Option<Self> {
        actor::Letter::open(letter).map(|(message, reply)| Self(message, reply))
    }

    fn close(self, letter: &mut dyn Any) {
        actor::Letter::close(letter, self.0, self.1);
    }
}

impl<M: Message> Declared for Probe<M> {
    const NAME: &'static str = "TestProbe";
}

impl<M: Message> Actor for Probe<M> {
    type Item = Letter<M>;

    fn dispatch<'a>(
        &'a mut self,
        Letter(message, reply): Letter<M>,
        _: &'a mut Context<Self>,
    ) -> Dispatch<impl Future<Output = Handled> + Send + 'a> {
        // A test that has ended its probe wants nothing of it.
        drop(self.give.send((message, reply)));
        Dispatch::<Ready<Handled>>::Done(Ok(()))
    }
}

impl<M: Message> Handles<M> for Probe<M> {
    fn __wrap(message: M, reply: ReplyTo<M>) -> Letter<M> {
        Letter(message, reply)
    }

    fn __unwrap(Letter(message, _): Letter<M>) -> Option<M> {
        Some(message)
    }
}
