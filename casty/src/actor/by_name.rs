//! An actor that messages are sent to by their names, because its type is not known here.

use std::{
    any::Any,
    future::{Future, Ready},
    sync::Arc,
};

use super::{
    Actor, Answer, AnyCell, Cell, Context, Declared, Dispatch, FarAddress, FarPort, Handled, Item, Letter, NotSent, StopReason,
    Unsent,
    proxy::{send_far, send_far_late},
};
use crate::{
    ActorSystem, Message,
    reply::{Pace, Refusal, ReplyTo},
    wire::CodecError,
};

/// An actor whose type is not known: of another node, or of this one.
pub(super) struct ByName(pub(super) Arc<dyn AnyCell>);

impl ByName {
    /// Hands a letter over; `only_if_known` as in [`AnyCell::take_letter`].
    pub(super) fn deliver<M: Message>(&self, letter: Letter<M>, only_if_known: Option<bool>) -> Result<usize, Unsent> {
        if self.0.far().is_some() {
            return self.deliver_far(letter, &mut None).map(|()| 1);
        }
        let mut letter = Some(letter);
        match self.0.clone().take_letter(&mut letter, only_if_known) {
            Some(taken) => taken,
            None => Err(refuse(letter, self.not_handled(M::NAME))),
        }
    }

    /// Hands a letter to the link, with who waits for its receipt.
    pub(super) fn deliver_far<M: Message>(
        &self,
        mut letter: Letter<M>,
        receipt: &mut Option<Box<dyn Answer>>,
    ) -> Result<(), Unsent> {
        let Some(to) = self.0.far().filter(|_| !self.0.is_gone()) else {
            return Err(refuse(Some(letter), Refusal::Stopped));
        };
        match send_far(self.0.system(), to, &mut letter, receipt) {
            Ok(_) => Ok(()),
            Err(NotSent::Refused(why)) => Err(refuse(Some(letter), why)),
            Err(NotSent::Full(_)) => {
                let late = send_far_late(self.0.system().clone(), to.clone(), letter, receipt.take());
                Err(Unsent::Waits(Box::pin(async { late.await.map_err(|(letter, why)| refuse(Some(letter), why)) })))
            }
        }
    }

    /// As [`ActorRef::try_send`](super::ActorRef::try_send): what is not taken comes back.
    pub(super) fn try_deliver<M: Message>(&self, message: M) -> Result<(), (M, Refusal)> {
        self.deliver_at_once(Letter(message, ReplyTo::NOBODY)).map_err(|(letter, why)| (letter.0, why))
    }

    /// Hands a letter over without waiting. If that cannot be, an asker is told, and else it is a dead letter.
    pub(super) fn deliver_or_tell<M: Message>(&self, letter: Letter<M>) {
        if let Err((letter, why)) = self.deliver_at_once(letter) {
            letter.undelivered(self.0.system(), self.0.label(), why);
        }
    }

    fn deliver_at_once<M: Message>(&self, mut letter: Letter<M>) -> Result<(), (Letter<M>, Refusal)> {
        let Some(to) = self.0.far() else {
            let mut letter = Some(letter);
            let why = match self.0.clone().try_letter(&mut letter) {
                Some(Ok(())) => return Ok(()),
                Some(Err(why)) => why,
                None => self.not_handled(M::NAME),
            };
            return letter.map_or(Ok(()), |letter| Err((letter, why)));
        };
        if self.0.is_gone() {
            return Err((letter, Refusal::Stopped));
        }
        match send_far(self.0.system(), to, &mut letter, &mut None) {
            Ok(_) => Ok(()),
            Err(NotSent::Refused(why)) => Err((letter, why)),
            Err(NotSent::Full(_)) => Err((letter, Refusal::Full)),
        }
    }

    fn not_handled(&self, name: &str) -> Refusal {
        Refusal::rejected(&format_args!("{} does not handle {name}", self.0.label()))
    }
}

fn refuse<M: Message>(letter: Option<Letter<M>>, why: Refusal) -> Unsent {
    if let Some(Letter(_, reply)) = letter {
        reply.refuse(why.clone());
    }
    match why {
        Refusal::Stopped => Unsent::Stopped,
        Refusal::Full => Unsent::Full,
        other => Unsent::Far(other),
    }
}

/// The cell of an actor on another node whose type is not known.
pub(crate) fn unknown(system: ActorSystem, address: Arc<FarAddress>, ended: Option<StopReason>) -> Arc<dyn AnyCell> {
    Arc::new(Cell::<Unknown>::elsewhere(system, address, ended))
}

/// An actor of unknown type. There is never one here.
pub(super) enum Unknown {}

/// A message that nobody knows of.
pub(super) enum Nothing {}

impl Declared for Unknown {
    const NAME: &'static str = "";
}

impl Actor for Unknown {
    type Item = Nothing;

    fn dispatch<'a>(
        &'a mut self,
        item: Nothing,
        _: &'a mut Context<Self>,
    ) -> Dispatch<impl Future<Output = Handled> + Send + 'a> {
        let never = |item: Nothing| -> Dispatch<Ready<Handled>> { match item {} };
        never(item)
    }
}

impl Item for Nothing {
    fn name(&self) -> &'static str {
        match *self {}
    }

    fn is_ask(&self) -> bool {
        match *self {}
    }

    fn is_async(&self) -> bool {
        match *self {}
    }

    fn reads(&self) -> bool {
        match *self {}
    }

    fn pace(&self) -> &'static Pace {
        match *self {}
    }

    fn refuse(self, _: Refusal) {
        match self {}
    }

    fn is_idempotent(&self) -> bool {
        match *self {}
    }

    fn encode(&self, _: &mut Vec<u8>) -> Result<(), CodecError> {
        match *self {}
    }

    fn take_answer(&mut self) -> Option<Box<dyn Answer>> {
        match *self {}
    }

    fn decode(_: &str, _: &[u8], _: &mut Option<Box<dyn FarPort>>) -> Option<Result<Self, CodecError>> {
        None
    }

    fn open(_: &mut dyn Any) -> Option<Self> {
        None
    }

    fn close(self, _: &mut dyn Any) {
        match self {}
    }
}
