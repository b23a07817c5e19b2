//! Messages that an actor sends itself later.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::task::AbortHandle;

use super::{Actor, ActorRef, Cell};
use crate::{SendError, SentTo, system::DeadLetterReason};

/// A message that comes later, once or again and again. See [`Context::schedule_once`](crate::Context::schedule_once).
///
/// Dropping it changes nothing; it ends with [`cancel`](Self::cancel), and with the actor's instance. Times are kept to
/// the millisecond; a message from a timer waits in the mailbox like any other.
#[derive(Debug, Clone)]
pub struct Timer(AbortHandle);

impl Timer {
    /// Sends nothing any more. A message that lies in the mailbox already is handled still.
    pub fn cancel(&self) {
        self.0.abort();
    }

    /// Whether there is nothing more to come.
    pub fn is_over(&self) -> bool {
        self.0.is_finished()
    }

    pub(super) fn once<A: Actor, M: SentTo<A>>(cell: &Arc<Cell<A>>, after: Duration, message: M) -> Self {
        let actor = ActorRef::of(cell.clone());
        let sleep = cell.system().host().sleep(after);
        Self::start(cell, async move {
            sleep.await;
            // An actor that has stopped needs no message from itself.
            if let Err(SendError::Full(full)) = actor.send(message).await {
                actor.cell().system().dead_letter(full.actor().clone(), full.message(), DeadLetterReason::MailboxFull);
            }
        })
    }

    pub(super) fn every<A: Actor, M: SentTo<A> + Clone>(cell: &Arc<Cell<A>>, period: Duration, message: M) -> Self {
        let actor = ActorRef::of(cell.clone());
        let host = cell.system().host().clone();
        let start = host.now();
        Self::start(cell, async move {
            // A period too long to be added up is one that never ends.
            let Some(mut next) = start.checked_add(period) else { return };
            loop {
                host.sleep(next.saturating_duration_since(host.now())).await;
                let tick = message.clone();
                if let Err(SendError::Stopped(_)) = actor.send(tick).await {
                    return;
                }
                // Ticks that were missed, because the mailbox was full or the process stood still, are left out.
                let now = host.now();
                let (due, fresh) = (next.checked_add(period), now.checked_add(period));
                let Some(due) = due.filter(|due| *due >= now).or(fresh) else { return };
                next = due;
            }
        })
    }

    fn start<A: Actor>(cell: &Cell<A>, task: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(cell.system().host().spawn(task).abort_handle())
    }
}
