//! Names, from node to node: who has one, and what becomes of those of a node that was taken for dead.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::{network::Network, replies::Replies};
use crate::{
    ActorSystem, LookupError, SpawnError, StopReason,
    actor::{ActorId, Answer, FarAddress},
    cluster::wire::{self, AnswerStatus, DataFrame},
    reply::Refusal,
};

/// How long a look-up of a name may take.
const LOOKUP: Duration = Duration::from_secs(5);
/// Between two attempts to have names registered again.
const AGAIN: Duration = Duration::from_millis(200);

/// What is known of a named actor at its node.
#[derive(Serialize, Deserialize)]
struct Found {
    actor: u64,
    kind: Arc<str>,
}

impl Network {
    /// Answers another node's look-up of a name here.
    pub(super) fn found(&self, system: &ActorSystem, replies: &Replies, request: u64, name: &str) {
        let found = system.find_name(name).map(|cell| Found { actor: cell.id().0, kind: cell.label().kind().into() });
        let mut body = Vec::new();
        if wire::encode(&found, &mut body).is_ok() {
            replies.frame(&DataFrame::Answer { request, status: AnswerStatus::Ok, body: &body });
        }
    }

    /// Where the actor of a name is.
    pub(super) async fn find(self: Arc<Self>, name: Arc<str>) -> Result<Option<FarAddress>, LookupError> {
        let published = self.plane.published();
        // The name of an actor without a parent may have slashes, too.
        let look = || {
            let root = || published.lookup(name.split('/').next().unwrap_or_default()).map(|entry| (entry, !name.contains('/')));
            published.lookup(&name).map(|entry| (entry, true)).or_else(root)
        };
        let mut entry = look();
        if entry.is_none() {
            // This node may not have heard of it yet.
            self.plane.catch_up(LOOKUP).await.map_err(|error| unavailable(&name, &error))?;
            entry = look();
        }
        let Some((entry, is_it)) = entry else { return Ok(None) };
        if is_it {
            let actor = ActorId(entry.actor);
            return Ok(Some(FarAddress { node: entry.owner, actor, kind: entry.kind, name: Some(name) }));
        }
        if entry.owner == *self.myself().key() {
            return Ok(None);
        }
        let link = self.link(&entry.owner).map_err(|why| unavailable(&name, &format!("{why:?}")))?;
        let (answer, answered) = oneshot::channel();
        link.find(&name, Box::new(Finding(Some(answer))));
        let found = match self.host.timeout(LOOKUP, answered).await {
            Ok(Ok(found)) => found.map_err(|why| unavailable(&name, &why))?,
            Ok(Err(_)) => return Err(unavailable(&name, &"the connection broke")),
            Err(_) => return Err(unavailable(&name, &format!("{} did not answer within {LOOKUP:?}", entry.owner.id))),
        };
        Ok(found.map(|found| FarAddress { node: entry.owner, actor: ActorId(found.actor), kind: found.kind, name: Some(name) }))
    }

    /// This node was taken for dead, and its names were free meanwhile: an actor whose name has gone to another ends.
    ///
    /// What the view says of this node does not matter: it may be from before it came back. `is_last` says whether it has
    /// not come back once more, which begins this anew.
    pub(crate) async fn register_again(&self, system: &ActorSystem, is_last: impl Fn() -> bool) {
        let mut roots = system.named_roots();
        loop {
            let asked = roots.iter().filter_map(|root| Some(self.desk.register(root.name()?.clone(), root.kind(), root.id())));
            // All together, so that the desk asks for many at once.
            let answers = join_all(asked).await;
            let mut left = Vec::new();
            for (root, answer) in roots.into_iter().zip(answers) {
                match answer {
                    Ok(()) if root.is_alive() => {}
                    // It gave its name up before it had it again.
                    Ok(()) => root.name().into_iter().for_each(|name| self.desk.unregister(name.clone(), root.id())),
                    Err(SpawnError::NameTaken { .. }) => root.stop(StopReason::NameLost),
                    Err(error) => {
                        tracing::warn!(%error, "a name is not registered again yet");
                        left.push(root);
                    }
                }
            }
            if left.is_empty() || system.is_closing() || !is_last() {
                return;
            }
            roots = left;
            self.host.sleep(AGAIN).await;
        }
    }
}

fn unavailable(name: &Arc<str>, why: &impl ToString) -> LookupError {
    LookupError::Unavailable { name: name.clone(), reason: why.to_string().into() }
}

/// Waits for another node's answer to a look-up.
struct Finding(Option<oneshot::Sender<Result<Option<Found>, String>>>);

impl Answer for Finding {
    fn answer(mut self: Box<Self>, _: &ActorSystem, body: &[u8]) {
        if let Some(answer) = self.0.take() {
            let _ = answer.send(wire::decode(body).map_err(|error| error.to_string()));
        }
    }

    fn refuse(mut self: Box<Self>, why: Refusal) {
        if let Some(answer) = self.0.take() {
            let _ = answer.send(Err(format!("{why:?}")));
        }
    }

    fn is_awaited(&self) -> bool {
        self.0.as_ref().is_some_and(|answer| !answer.is_closed())
    }
}
