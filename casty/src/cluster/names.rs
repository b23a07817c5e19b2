//! Names for the actors of this node, agreed on by the cluster: asked for in batches.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::sync::{mpsc, oneshot};

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
/// How long the cluster has to agree.
const LIMIT: Duration = Duration::from_secs(5);

/// Takes orders for names. Clones are handles to the same.
#[derive(Clone)]
pub(super) struct NameDesk(mpsc::UnboundedSender<Order>, Host);

enum Order {
    Register(NameClaim, oneshot::Sender<Result<NameResult, String>>),
    Unregister(Arc<str>, u64),
}

impl NameDesk {
    pub(super) fn open(host: &Host, plane: Plane) -> Self {
        // As many as there are actors that start or end: it needs no bound of its own.
        let (orders, waiting) = mpsc::unbounded_channel();
        host.spawn(work(host.clone(), plane, waiting));
        Self(orders, host.clone())
    }

    pub(super) fn register(
        &self,
        name: Arc<str>,
        kind: &'static str,
        actor: ActorId,
    ) -> impl Future<Output = Result<(), SpawnError>> + Send + use<> {
        let (answer, answered) = oneshot::channel();
        let claim = NameClaim { name: name.clone(), kind: kind.into(), actor: actor.0 };
        let _ = self.0.send(Order::Register(claim, answer));
        let host = self.1.clone();
        async move {
            let unavailable = |reason: String| SpawnError::Unavailable { name: name.clone(), reason: reason.into() };
            // Names that are given up may be before it. Of an actor that ends now the name is given up in its turn.
            let Ok(answered) = host.timeout(LIMIT * 2, answered).await else {
                return Err(unavailable(format!("the cluster did not answer within {:?}", LIMIT * 2)));
            };
            match answered {
                Ok(Ok(NameResult::Held)) => Ok(()),
                Ok(Ok(NameResult::Taken { by, kind, actor })) => {
                    let holder = FarAddress { node: by, actor: ActorId(actor), kind, name: Some(name.clone()) };
                    Err(SpawnError::NameTaken { name: name.clone(), by: ActorLabel::far(Arc::new(holder)) })
                }
                Ok(Ok(NameResult::NotMember)) => Err(unavailable("this node is no serving member of its cluster".into())),
                Ok(Err(reason)) => Err(unavailable(reason)),
                Err(_) => Err(unavailable("the node is shutting down".into())),
            }
        }
    }

    pub(super) fn unregister(&self, name: Arc<str>, actor: ActorId) {
        let _ = self.0.send(Order::Unregister(name, actor.0));
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
                Order::Register(claim, answer) => {
                    let (mut names, mut answers) = (vec![claim], vec![answer]);
                    while let Some(Order::Register(claim, answer)) = orders.next_if(|next| matches!(next, Order::Register(..))) {
                        names.push(claim);
                        answers.push(answer);
                    }
                    register(&plane, Command::Register { owner: owner.clone(), names }, answers).await;
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

async fn register(plane: &Plane, command: Command, answers: Vec<oneshot::Sender<Result<NameResult, String>>>) {
    let results = match plane.propose(command, LIMIT).await {
        Ok(Answer::Registered(results)) => results.into_iter().map(Ok).collect(),
        Ok(other) => vec![Err(format!("the cluster answered: {other}")); answers.len()],
        Err(error) => vec![Err(error.to_string()); answers.len()],
    };
    for (answer, result) in answers.into_iter().zip(results) {
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
