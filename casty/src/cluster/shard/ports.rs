//! Who waits for an answer, as it goes from hand to hand.

use std::sync::{Arc, Mutex, Weak};

use super::{Envelope, Shards, passed::Passing};
use crate::{
    ActorSystem,
    actor::{Answer, FarPort},
    reply::{FarRefusal, Refusal},
    sync::lock,
    wire::CodecError,
};

/// Whoever waits for a message that was given to another node, or to an actor here.
pub(super) struct OnItsWay {
    shards: Weak<Shards>,
    _passing: Passing,
    /// To be sent again if it was not handled. Whoever gave it away can take it back.
    envelope: Held,
}

pub(super) type Held = Arc<Mutex<Option<Envelope>>>;

impl OnItsWay {
    pub(super) fn new(shards: &Shards, envelope: Held) -> Self {
        Self { shards: shards.itself.clone(), _passing: shards.passed.begin(), envelope }
    }

    fn take(&self) -> Option<Envelope> {
        lock(&self.envelope).take()
    }

    pub(super) fn answered(&self, system: &ActorSystem, body: &[u8]) {
        if let Some(mut envelope) = self.take()
            && let Some(answer) = envelope.answer.take()
        {
            answer.answer(system, body);
        }
    }

    pub(super) fn refused(&self, why: Refusal) {
        let Some(mut envelope) = self.take() else { return };
        let again = match &why {
            // Its actor is being put away.
            Refusal::Stopped => true,
            Refusal::Far(why) => match **why {
                FarRefusal::NotOwner | FarRefusal::Unreachable(_) => true,
                FarRefusal::ConnectionLost => {
                    envelope.twice = true;
                    envelope.idempotent
                }
                _ => false,
            },
            Refusal::Full | Refusal::NotAnswered | Refusal::Failed(_) => false,
        };
        match self.shards.upgrade() {
            Some(shards) if again => shards.came_back(envelope),
            _ => envelope.refuse(why),
        }
    }
}

impl Answer for OnItsWay {
    fn answer(self: Box<Self>, system: &ActorSystem, body: &[u8]) {
        self.answered(system, body);
    }

    fn refuse(self: Box<Self>, why: Refusal) {
        self.refused(why);
    }

    fn is_awaited(&self) -> bool {
        lock(&self.envelope).as_ref().is_some_and(Envelope::is_awaited)
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.refused(FarRefusal::ConnectionLost.into());
    }
}

/// The same, for an actor here to answer.
pub(super) struct Here {
    pub(super) system: ActorSystem,
    pub(super) on_its_way: OnItsWay,
}

impl FarPort for Here {
    fn answer(self: Box<Self>, encode: &dyn Fn(&mut Vec<u8>) -> Result<(), CodecError>) {
        let mut body = Vec::new();
        match encode(&mut body) {
            Ok(()) => self.on_its_way.answered(&self.system, &body),
            Err(error) => self.on_its_way.refused(Refusal::bad_answer(&error)),
        }
    }

    fn refuse(self: Box<Self>, why: Refusal) {
        self.on_its_way.refused(why);
    }
}

/// A sender on another node that waits for its message to be kept, and not for an answer.
pub(super) struct Receipt(pub(super) Box<dyn FarPort>);

impl FarPort for Receipt {
    fn answer(self: Box<Self>, _: &dyn Fn(&mut Vec<u8>) -> Result<(), CodecError>) {
        self.0.answer(&|_| Ok(()));
    }

    fn refuse(self: Box<Self>, why: Refusal) {
        match why {
            // Its handler may have been dropped halfway.
            Refusal::NotAnswered => self.0.refuse(FarRefusal::NotReplicated.into()),
            why => self.0.refuse(why),
        }
    }
}

/// Whoever waits on another node, for a message that waits here.
pub(super) struct Elsewhere(Option<Box<dyn FarPort>>);

impl Elsewhere {
    pub(super) fn new(port: Box<dyn FarPort>) -> Self {
        Self(Some(port))
    }
}

impl Answer for Elsewhere {
    fn answer(mut self: Box<Self>, _: &ActorSystem, body: &[u8]) {
        if let Some(port) = self.0.take() {
            port.answer(&|into| {
                into.extend_from_slice(body);
                Ok(())
            });
        }
    }

    fn refuse(mut self: Box<Self>, why: Refusal) {
        if let Some(port) = self.0.take() {
            port.refuse(why);
        }
    }

    fn is_awaited(&self) -> bool {
        self.0.is_some()
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        if let Some(port) = self.0.take() {
            port.refuse(FarRefusal::ConnectionLost.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Incarnation, NodeKey};

    struct Sender(Arc<Mutex<Option<Result<(), Refusal>>>>);

    impl FarPort for Sender {
        fn answer(self: Box<Self>, _: &dyn Fn(&mut Vec<u8>) -> Result<(), CodecError>) {
            *lock(&self.0) = Some(Ok(()));
        }

        fn refuse(self: Box<Self>, why: Refusal) {
            *lock(&self.0) = Some(Err(why));
        }
    }

    #[tokio::test]
    async fn what_may_have_been_handled_before_is_not_said_to_be_unhandled_when_nobody_takes_it() {
        let system = ActorSystem::new();
        let me = NodeKey { id: "a".into(), incarnation: Incarnation(1) };
        let shards = Shards::new(system.host(), system.downgrade(), me);
        let told_of = |first: FarRefusal| {
            let told = Arc::default();
            let envelope = Envelope {
                turn: shards.waiting.next(),
                kind: "accounts".into(),
                hash: 1,
                id: "alice".into(),
                message: "Put".into(),
                idempotent: true,
                twice: false,
                asks: true,
                chain: Vec::new(),
                body: Vec::new().into(),
                answer: Some(Box::new(Elsewhere::new(Box::new(Sender(Arc::clone(&told)))))),
                deadline: shards.host.now(),
            };
            OnItsWay::new(&shards, Arc::new(Mutex::new(Some(envelope)))).refused(first.into());
            assert!(lock(&told).is_none(), "it is not sent again");
            shards.kick_all();
            match lock(&told).take() {
                Some(Err(Refusal::Far(why))) => *why,
                other => panic!("{other:?}"),
            }
        };
        assert!(matches!(told_of(FarRefusal::ConnectionLost), FarRefusal::ConnectionLost));
        assert!(matches!(told_of(FarRefusal::NotOwner), FarRefusal::Unavailable(_)));
    }

    #[test]
    fn a_send_whose_handler_was_dropped_halfway_is_not_said_to_be_kept() {
        let told = Arc::default();
        Box::new(Receipt(Box::new(Sender(Arc::clone(&told))))).refuse(Refusal::NotAnswered);
        let told = lock(&told).take();
        assert!(matches!(&told, Some(Err(Refusal::Far(why))) if matches!(**why, FarRefusal::NotReplicated)), "{told:?}");
    }
}
