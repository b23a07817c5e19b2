//! casty, with everything that its default system switches on.

use std::future::Future;

use casty::prelude::*;

use crate::framework::{Framework, on_tokio};
use crate::work::{self, Gather, Job, Shape, Tally};

#[derive(Clone)]
pub(super) struct Casty(ActorSystem);

#[actor]
pub(super) struct Counter {
    tally: Tally,
}

#[message]
struct Add {
    value: u64,
    times: u64,
}

#[message(reply = u64)]
struct Next;

#[actor]
impl Counter {
    #[handler]
    fn add(&mut self, Add { value, times }: Add) {
        self.tally.add(work::Add { value, times });
    }

    #[handler]
    fn next(&mut self, _: Next) -> u64 {
        self.tally.asked()
    }
}

#[actor]
pub(super) struct Player {
    peer: Option<ActorRef<Self>>,
    job: &'static Job,
    reported: u64,
}

#[message]
struct Meet(ActorRef<Player>);

#[message]
struct Ball(u64);

#[actor]
impl Player {
    #[handler]
    fn meet(&mut self, Meet(peer): Meet) {
        self.peer = Some(peer);
    }

    // An unbounded mailbox takes a message at once, so nothing has to be awaited.
    #[handler]
    fn ball(&mut self, Ball(hops): Ball) -> casty::Result<()> {
        match (hops, &self.peer) {
            (0, _) => self.job.report(self.reported),
            (_, Some(peer)) => peer.try_send(Ball(hops - 1)).map_err(|error| error.to_string())?,
            (_, None) => return Err("nobody to play with".into()),
        }
        Ok(())
    }
}

/// The root, or a branch.
#[actor]
pub(super) struct Node {
    shape: Shape,
    up: Up,
    gather: Gather,
}

#[derive(Clone)]
enum Up {
    Job(&'static Job),
    Parent { parent: ActorRef<Node>, branch: u64 },
}

#[message]
struct Grow;

#[message]
struct Sum(u64);

#[actor]
impl Node {
    fn new(shape: Shape, up: Up) -> Self {
        let children = match up {
            Up::Job(_) => shape.branches,
            Up::Parent { .. } => shape.leaves,
        };
        Self { shape, up, gather: Gather::of(children) }
    }

    #[handler]
    async fn grow(&mut self, _: Grow, ctx: &mut Context<Self>) -> casty::Result<()> {
        let (shape, me) = (self.shape, ctx.me());
        match self.up {
            Up::Job(_) => {
                for branch in 0..shape.branches {
                    let up = Up::Parent { parent: me.clone(), branch };
                    ctx.spawn(move || Self::new(shape, up.clone())).await?.send(Grow).await?;
                }
            }
            Up::Parent { branch, .. } => {
                for seed in shape.seeds(branch) {
                    let leaf = ctx.spawn(|| Leaf).await?;
                    leaf.send(Compute { seed, parent: me.clone() }).await?;
                }
            }
        }
        Ok(())
    }

    #[handler]
    fn sum(&mut self, Sum(sum): Sum) -> casty::Result<()> {
        match (self.gather.add(sum), &self.up) {
            (None, _) => {}
            (Some(total), Up::Job(job)) => job.report(total),
            (Some(total), Up::Parent { parent, .. }) => parent.try_send(Sum(total)).map_err(|error| error.to_string())?,
        }
        Ok(())
    }
}

#[actor]
struct Leaf;

#[message]
struct Compute {
    seed: u64,
    parent: ActorRef<Node>,
}

#[actor]
impl Leaf {
    #[handler]
    fn compute(&mut self, Compute { seed, parent }: Compute) -> casty::Result<()> {
        parent.try_send(Sum(Shape::leaf(seed))).map_err(|error| error.to_string().into())
    }
}

impl Framework for Casty {
    type Counter = ActorRef<Counter>;
    type Life = ActorRef<Counter>;
    type Player = ActorRef<Player>;
    type Tree = ActorRef<Node>;

    fn run<R, Fut>(scenario: impl FnOnce(Self) -> Fut + Send + 'static) -> R
    where
        R: Send + 'static,
        Fut: Future<Output = R> + Send + 'static,
    {
        on_tokio(|| scenario(Self(ActorSystem::new())))
    }

    async fn counter(&self, _place: usize, job: &'static Job) -> Self::Counter {
        self.0.spawn(move || Counter { tally: Tally::new(job) }).await.expect("the actor starts")
    }

    async fn add(counter: &Self::Counter, work::Add { value, times }: work::Add) {
        counter.send(Add { value, times }).await.expect("the actor lives");
    }

    async fn next(counter: &Self::Counter) -> u64 {
        counter.ask(Next).await.expect("an answer")
    }

    async fn mortal(&self, job: &'static Job) -> (Self::Counter, Self::Life) {
        let counter = self.counter(0, job).await;
        (counter.clone(), counter)
    }

    async fn stop(counter: Self::Counter) {
        counter.stop().await.expect("the actor lives");
    }

    async fn stopped(counter: Self::Life) {
        counter.stopped().await;
    }

    async fn pair(&self, _place: usize, job: &'static Job, reported: u64) -> Self::Player {
        let pong = self.0.spawn(move || Player { peer: None, job, reported }).await.expect("the actor starts");
        let peer = pong.clone();
        let ping = self.0.spawn(move || Player { peer: Some(peer.clone()), job, reported });
        let ping = ping.await.expect("the actor starts");
        pong.send(Meet(ping.clone())).await.expect("the actor lives");
        ping
    }

    async fn serve(player: &Self::Player, hops: u64) {
        player.send(Ball(hops)).await.expect("the actor lives");
    }

    async fn tree(&self, shape: Shape, job: &'static Job) -> Self::Tree {
        let root = self.0.spawn(move || Node::new(shape, Up::Job(job))).await.expect("the actor starts");
        root.send(Grow).await.expect("the actor lives");
        root
    }
}
