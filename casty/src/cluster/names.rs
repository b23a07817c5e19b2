//! Names for the actors of this node, agreed on by the cluster: asked for in batches.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::{
    ClusterError,
    control::{Answer, Command, NameClaim, NameResult, Plane},
};
use crate::{
    SpawnError,
    actor::{ActorId, FarAddress},
    error::ActorLabel,
    host::Host,
};

/// Names that are asked for together, at most.
const BATCH: usize = 512;
/// Names that are asked for and not answered, at most. Who asks for one more waits.
const ASKED: usize = 8 * BATCH;
/// How long the cluster has to agree.
const LIMIT: Duration = Duration::from_secs(5);

/// Takes orders for names. Clones are handles to the same.
#[derive(Clone)]
pub(super) struct NameDesk {
    orders: mpsc::UnboundedSender<Order>,
    room: Arc<Semaphore>,
    host: Host,
}

enum Order {
    Register(NameClaim, Asker),
    Unregister(Arc<str>, u64),
}

/// Who waits for the answer, and the room that this takes.
type Asker = (oneshot::Sender<Result<NameResult, String>>, OwnedSemaphorePermit);

impl NameDesk {
    pub(super) fn open(host: &Host, plane: Plane) -> Self {
        // Who asks for a name needs room; names that are given up are no more than there were actors with one.
        let (orders, waiting) = mpsc::unbounded_channel();
        host.spawn(work(host.clone(), plane, waiting));
        Self { orders, room: Arc::new(Semaphore::new(ASKED)), host: host.clone() }
    }

    pub(super) fn register(
        &self,
        name: Arc<str>,
        kind: &'static str,
        actor: ActorId,
    ) -> impl Future<Output = Result<(), SpawnError>> + Send + use<> {
        let desk = self.clone();
        let claim = NameClaim { name: name.clone(), kind: kind.into(), actor: actor.0 };
        async move {
            let unavailable = |reason: String| SpawnError::Unavailable { name: name.clone(), reason: reason.into() };
            // Names that are given up may be before it. Of an actor that ends now the name is given up in its turn.
            let Ok(answered) = desk.host.timeout(LIMIT * 2, desk.ask(claim)).await else {
                return Err(unavailable(format!("the cluster did not answer within {:?}", LIMIT * 2)));
            };
            match answered {
                Ok(NameResult::Held) => Ok(()),
                Ok(NameResult::Taken { by, kind, actor }) => {
                    let holder = FarAddress { node: by, actor: ActorId(actor), kind, name: Some(name.clone()) };
                    Err(SpawnError::NameTaken { name: name.clone(), by: ActorLabel::far(Arc::new(holder)) })
                }
                Ok(NameResult::NotMember) => Err(unavailable("this node is no serving member of its cluster".into())),
                Err(reason) => Err(unavailable(reason)),
            }
        }
    }

    async fn ask(&self, claim: NameClaim) -> Result<NameResult, String> {
        let over = || "the node is shutting down".to_owned();
        let room = self.room.clone().acquire_owned().await.map_err(|_| over())?;
        let (answer, answered) = oneshot::channel();
        let _ = self.orders.send(Order::Register(claim, (answer, room)));
        answered.await.unwrap_or_else(|_| Err(over()))
    }

    pub(super) fn unregister(&self, name: Arc<str>, actor: ActorId) {
        let _ = self.orders.send(Order::Unregister(name, actor.0));
    }
}

async fn work(host: Host, plane: Plane, mut orders: mpsc::UnboundedReceiver<Order>) {
    let owner = plane.myself().key().clone();
    let mut batch = Vec::new();
    while orders.recv_many(&mut batch, BATCH).await > 0 {
        let mut orders = batch.drain(..).peekable();
        // In their order: what follows may depend on what came before.
        while let Some(order) = orders.next() {
            match order {
                Order::Register(claim, asker) => {
                    let (mut names, mut askers) = (vec![claim], vec![asker]);
                    while let Some(Order::Register(claim, asker)) = orders.next_if(|next| matches!(next, Order::Register(..))) {
                        names.push(claim);
                        askers.push(asker);
                    }
                    register(&plane, Command::Register { owner: owner.clone(), names }, askers).await;
                }
                Order::Unregister(name, actor) => {
                    let mut names = vec![(name, actor)];
                    while let Some(Order::Unregister(name, actor)) = orders.next_if(|next| matches!(next, Order::Unregister(..)))
                    {
                        names.push((name, actor));
                    }
                    unregister(&host, &plane, Command::Unregister { owner: owner.clone(), names }).await;
                }
            }
        }
    }
}

async fn register(plane: &Plane, command: Command, askers: Vec<Asker>) {
    let results = match plane.propose(command, LIMIT).await {
        Ok(Answer::Registered(results)) => results.into_iter().map(Ok).collect(),
        Ok(other) => vec![Err(format!("the cluster answered: {other}")); askers.len()],
        Err(error) => vec![Err(error.to_string()); askers.len()],
    };
    for ((answer, _room), result) in askers.into_iter().zip(results) {
        let _ = answer.send(result);
    }
}

/// The names are given up whatever it takes: an actor that has ended must not keep one. Without a majority nobody else gets
/// a name meanwhile either.
async fn unregister(host: &Host, plane: &Plane, command: Command) {
    loop {
        match plane.propose(command.clone(), LIMIT).await {
            // With the node, its names have gone.
            Ok(_) | Err(ClusterError::ShuttingDown | ClusterError::NotMember { .. } | ClusterError::NodeIdInUse { .. }) => return,
            Err(error) => tracing::warn!(%error, "names of ended actors are not given up yet"),
        }
        host.sleep(Duration::from_millis(500)).await;
    }
}
