//! ractor. Actors are spawned unlinked, which costs it less than a supervised tree would.

use std::future::Future;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::task::JoinHandle;

use crate::framework::{Framework, on_tokio};
use crate::work::{Add, Gather, Job, Shape, Tally};

#[derive(Clone)]
pub(super) struct Ractor;

async fn spawn<A: Actor>(actor: A, arguments: A::Arguments) -> ActorRef<A::Msg> {
    Actor::spawn(None, actor, arguments).await.expect("the actor starts").0
}

fn cast<M: ractor::Message>(actor: &ActorRef<M>, message: M) {
    assert!(actor.cast(message).is_ok(), "the actor has stopped");
}

struct Counter;

pub(super) enum ToCounter {
    Add(Add),
    Next(RpcReplyPort<u64>),
}

impl Actor for Counter {
    type Msg = ToCounter;
    type State = Tally;
    type Arguments = Tally;

    async fn pre_start(&self, _: ActorRef<ToCounter>, tally: Tally) -> Result<Tally, ActorProcessingErr> {
        Ok(tally)
    }

    async fn handle(&self, _: ActorRef<ToCounter>, message: ToCounter, tally: &mut Tally) -> Result<(), ActorProcessingErr> {
        match message {
            ToCounter::Add(add) => tally.add(add),
            ToCounter::Next(reply) => reply.send(tally.asked())?,
        }
        Ok(())
    }
}

struct Player {
    job: &'static Job,
    reported: u64,
}

pub(super) enum ToPlayer {
    Meet(ActorRef<Self>),
    Ball(u64),
}

impl Actor for Player {
    type Msg = ToPlayer;
    type State = Option<ActorRef<ToPlayer>>;
    type Arguments = Self::State;

    async fn pre_start(&self, _: ActorRef<ToPlayer>, peer: Self::State) -> Result<Self::State, ActorProcessingErr> {
        Ok(peer)
    }

    async fn handle(&self, _: ActorRef<ToPlayer>, message: ToPlayer, peer: &mut Self::State) -> Result<(), ActorProcessingErr> {
        match (message, &peer) {
            (ToPlayer::Meet(other), _) => *peer = Some(other),
            (ToPlayer::Ball(0), _) => self.job.report(self.reported),
            (ToPlayer::Ball(hops), Some(peer)) => cast(peer, ToPlayer::Ball(hops - 1)),
            (ToPlayer::Ball(_), None) => return Err("nobody to play with".into()),
        }
        Ok(())
    }
}

/// The root, or a branch.
struct Node {
    shape: Shape,
    up: Up,
}

enum Up {
    Job(&'static Job),
    Parent { parent: ActorRef<ToNode>, branch: u64 },
}

pub(super) enum ToNode {
    Grow,
    Sum(u64),
}

#[derive(Default)]
struct Children {
    gather: Option<Gather>,
    branches: Vec<ActorRef<ToNode>>,
    leaves: Vec<ActorRef<Compute>>,
}

impl Node {
    async fn grow(&self, me: &ActorRef<ToNode>, children: &mut Children) {
        match self.up {
            Up::Job(_) => {
                children.gather = Some(Gather::of(self.shape.branches));
                for branch in 0..self.shape.branches {
                    let up = Up::Parent { parent: me.clone(), branch };
                    let child = spawn(Self { shape: self.shape, up }, ()).await;
                    cast(&child, ToNode::Grow);
                    children.branches.push(child);
                }
            }
            Up::Parent { branch, .. } => {
                children.gather = Some(Gather::of(self.shape.leaves));
                for seed in self.shape.seeds(branch) {
                    let leaf = spawn(Leaf, ()).await;
                    cast(&leaf, Compute { seed, parent: me.clone() });
                    children.leaves.push(leaf);
                }
            }
        }
    }
}

impl Actor for Node {
    type Msg = ToNode;
    type State = Children;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<ToNode>, (): ()) -> Result<Children, ActorProcessingErr> {
        Ok(Children::default())
    }

    async fn handle(&self, me: ActorRef<ToNode>, message: ToNode, children: &mut Children) -> Result<(), ActorProcessingErr> {
        match message {
            ToNode::Grow => self.grow(&me, children).await,
            ToNode::Sum(sum) => match (children.gather.as_mut().and_then(|gather| gather.add(sum)), &self.up) {
                (None, _) => {}
                (Some(total), Up::Job(job)) => job.report(total),
                (Some(total), Up::Parent { parent, .. }) => cast(parent, ToNode::Sum(total)),
            },
        }
        Ok(())
    }
}

struct Leaf;

struct Compute {
    seed: u64,
    parent: ActorRef<ToNode>,
}

impl Actor for Leaf {
    type Msg = Compute;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Compute>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _: ActorRef<Compute>,
        Compute { seed, parent }: Compute,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        cast(&parent, ToNode::Sum(Shape::leaf(seed)));
        Ok(())
    }
}

impl Framework for Ractor {
    type Counter = ActorRef<ToCounter>;
    type Life = JoinHandle<()>;
    type Player = ActorRef<ToPlayer>;
    type Tree = ActorRef<ToNode>;

    fn run<R, Fut>(scenario: impl FnOnce(Self) -> Fut + Send + 'static) -> R
    where
        R: Send + 'static,
        Fut: Future<Output = R> + Send + 'static,
    {
        on_tokio(|| scenario(Self))
    }

    async fn counter(&self, _place: usize, job: &'static Job) -> Self::Counter {
        spawn(Counter, Tally::new(job)).await
    }

    async fn add(counter: &Self::Counter, add: Add) {
        cast(counter, ToCounter::Add(add));
    }

    async fn next(counter: &Self::Counter) -> u64 {
        counter.call(ToCounter::Next, None).await.expect("the actor lives").expect("an answer")
    }

    async fn mortal(&self, job: &'static Job) -> (Self::Counter, Self::Life) {
        Actor::spawn(None, Counter, Tally::new(job)).await.expect("the actor starts")
    }

    async fn stop(counter: Self::Counter) {
        counter.stop(None);
    }

    async fn stopped(task: Self::Life) {
        task.await.expect("the actor stops");
    }

    async fn pair(&self, _place: usize, job: &'static Job, reported: u64) -> Self::Player {
        let ping = spawn(Player { job, reported }, None).await;
        let pong = spawn(Player { job, reported }, Some(ping.clone())).await;
        cast(&ping, ToPlayer::Meet(pong));
        ping
    }

    async fn serve(player: &Self::Player, hops: u64) {
        cast(player, ToPlayer::Ball(hops));
    }

    async fn tree(&self, shape: Shape, job: &'static Job) -> Self::Tree {
        let root = spawn(Node { shape, up: Up::Job(job) }, ()).await;
        cast(&root, ToNode::Grow);
        root
    }
}
