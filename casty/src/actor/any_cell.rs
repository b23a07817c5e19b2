//! A cell whose actor's type is not known.

use std::{any::Any, sync::Arc};

use super::{
    Actor, ActorId, Cell, Extras, FarAddress, Incoming, Item as _, Received, Signal, StopReason, Unsent, delivery::Refused,
};
use crate::{
    ActorSystem,
    error::ActorLabel,
    reply::Refusal,
    scheduler::Run,
    supervision::{Children, Directive},
};

/// A cell whose actor's type is not known.
pub(crate) trait AnyCell: Run + Any {
    fn id(&self) -> ActorId;
    fn birth(&self) -> u64;
    fn name(&self) -> Option<&Arc<str>>;
    /// The actor's declared name.
    fn kind(&self) -> &'static str;
    fn system(&self) -> &ActorSystem;
    /// Where it lives, if that is another node.
    fn far(&self) -> Option<&Arc<FarAddress>>;
    /// A proxy's actor is known to have ended.
    fn ended_far(&self, reason: &StopReason);
    fn label(&self) -> ActorLabel;
    fn parent(&self) -> Option<&Arc<dyn AnyCell>>;
    fn extras(&self) -> &Extras;
    fn had_extras(&self) -> Option<&Extras>;
    fn is_alive(&self) -> bool;
    fn is_gone(&self) -> bool;
    fn ended(&self) -> Option<StopReason>;
    /// Its own strategy as a child.
    fn strategy(&self) -> Directive;
    /// Whether a failed child has to ask it.
    fn judges(&self) -> bool;
    fn signal(self: Arc<Self>, signal: Signal);
    fn stop(self: Arc<Self>, reason: StopReason);
    /// Ends it without hooks, and its children. `false` if a thread is in its handler, so that it ends only after.
    fn kill(self: Arc<Self>) -> bool;
    /// A message of another node.
    fn receive(self: Arc<Self>, incoming: Incoming<'_>) -> Received;
    /// The message in an `Option<Letter<M>>`, as [`Target::ask`](super::Target::ask) or, without `only_if_known`, as
    /// [`Target::push`](super::Target::push). `None` if the actor does not handle it.
    fn take_letter(self: Arc<Self>, letter: &mut dyn Any, only_if_known: Option<bool>) -> Option<Result<usize, Unsent>>;
    /// As `take_letter`, without waiting: what is refused is in the letter again.
    fn try_letter(self: Arc<Self>, letter: &mut dyn Any) -> Option<Result<(), Refusal>>;
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl<A: Actor> AnyCell for Cell<A> {
    fn id(&self) -> ActorId {
        self.id
    }

    fn birth(&self) -> u64 {
        self.birth
    }

    fn name(&self) -> Option<&Arc<str>> {
        self.name.as_ref()
    }

    fn kind(&self) -> &'static str {
        A::NAME
    }

    fn system(&self) -> &ActorSystem {
        &self.system
    }

    fn far(&self) -> Option<&Arc<FarAddress>> {
        Self::far(self)
    }

    fn ended_far(&self, reason: &StopReason) {
        Self::ended_far(self, reason);
    }

    fn receive(self: Arc<Self>, incoming: Incoming<'_>) -> Received {
        Self::receive(&self, incoming)
    }

    fn take_letter(self: Arc<Self>, letter: &mut dyn Any, only_if_known: Option<bool>) -> Option<Result<usize, Unsent>> {
        let item = A::Item::open(letter)?;
        let inline = match only_if_known {
            Some(only_if_known) => self.run_inline(item, only_if_known),
            None => Err(item),
        };
        Some(match inline {
            Ok(()) => Ok(1),
            Err(item) => self.offer(item),
        })
    }

    fn try_letter(self: Arc<Self>, letter: &mut dyn Any) -> Option<Result<(), Refusal>> {
        let (item, why) = match self.push_at_once(A::Item::open(letter)?) {
            Ok(_) => return Some(Ok(())),
            Err(Refused::Stopped(item)) => (item, Refusal::Stopped),
            Err(Refused::Full(item) | Refused::Wait(item)) => (item, Refusal::Full),
            Err(Refused::Far(refused)) => *refused,
        };
        item.close(letter);
        Some(Err(why))
    }

    fn label(&self) -> ActorLabel {
        Self::label(self)
    }

    fn parent(&self) -> Option<&Arc<dyn AnyCell>> {
        self.parent.as_ref()
    }

    fn extras(&self) -> &Extras {
        Self::extras(self)
    }

    fn had_extras(&self) -> Option<&Extras> {
        Self::had_extras(self)
    }

    fn is_alive(&self) -> bool {
        Self::is_alive(self)
    }

    fn is_gone(&self) -> bool {
        Self::ended(self).is_some()
    }

    fn ended(&self) -> Option<StopReason> {
        Self::ended(self)
    }

    fn strategy(&self) -> Directive {
        self.supervision().strategy
    }

    fn judges(&self) -> bool {
        A::HOOKS.on_child_failure || self.supervision().children != Children::OneForOne
    }

    fn signal(self: Arc<Self>, signal: Signal) {
        Self::signal(&self, signal);
    }

    fn stop(self: Arc<Self>, reason: StopReason) {
        self.stop_now_or_signal(reason);
    }

    fn kill(self: Arc<Self>) -> bool {
        self.kill_now()
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}
