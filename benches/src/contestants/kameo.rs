//! kameo, with unbounded mailboxes.

use std::convert::Infallible;
use std::future::Future;

use kameo::actor::{Actor, ActorRef, Spawn};
use kameo::mailbox;
use kameo::message::{Context, Message};

use crate::framework::{Framework, on_tokio};
use crate::work::{Add, Gather, Job, Shape, Tally};

#[derive(Clone)]
pub(super) struct Kameo;

fn spawn<A: Actor<Args = A>>(actor: A) -> ActorRef<A> {
    A::spawn_with_mailbox(actor, mailbox::unbounded())
}

/// `send().await` on an unbounded mailbox does the same, a little slower.
fn tell<A: Actor + Message<M>, M: Send + 'static>(actor: &ActorRef<A>, message: M) {
    assert!(actor.tell(message).try_send().is_ok(), "the actor has stopped");
}

#[derive(kameo::Actor)]
pub(super) struct Counter(Tally);

struct Next;

impl Message<Add> for Counter {
    type Reply = ();

    async fn handle(&mut self, add: Add, _: &mut Context<Self, ()>) {
        self.0.add(add);
    }
}

impl Message<Next> for Counter {
    type Reply = u64;

    async fn handle(&mut self, _: Next, _: &mut Context<Self, u64>) -> u64 {
        self.0.asked()
    }
}

#[derive(kameo::Actor)]
pub(super) struct Player {
    peer: Option<ActorRef<Self>>,
    job: &'static Job,
    reported: u64,
}

struct Meet(ActorRef<Player>);
struct Ball(u64);

impl Message<Meet> for Player {
    type Reply = ();

    async fn handle(&mut self, Meet(peer): Meet, _: &mut Context<Self, ()>) {
        self.peer = Some(peer);
    }
}

impl Message<Ball> for Player {
    type Reply = ();

    async fn handle(&mut self, Ball(hops): Ball, _: &mut Context<Self, ()>) {
        match (hops, &self.peer) {
            (0, _) => self.job.report(self.reported),
            (_, Some(peer)) => tell(peer, Ball(hops - 1)),
            (_, None) => panic!("nobody to play with"),
        }
    }
}

/// The root, or a branch.
pub(super) struct Node {
    up: Up,
    gather: Gather,
    _branches: Vec<ActorRef<Self>>,
    _leaves: Vec<ActorRef<Leaf>>,
}

pub(super) enum Up {
    Job(&'static Job),
    Parent { parent: ActorRef<Node>, branch: u64 },
}

impl Actor for Node {
    type Args = (Shape, Up);
    type Error = Infallible;

    async fn on_start((shape, up): Self::Args, me: ActorRef<Self>) -> Result<Self, Infallible> {
        let (mut branches, mut leaves) = (Vec::new(), Vec::new());
        let children = match up {
            Up::Job(_) => {
                branches.extend((0..shape.branches).map(|branch| {
                    Self::spawn_with_mailbox((shape, Up::Parent { parent: me.clone(), branch }), mailbox::unbounded())
                }));
                shape.branches
            }
            Up::Parent { branch, .. } => {
                leaves.extend(shape.seeds(branch).map(|seed| {
                    let leaf = spawn(Leaf);
                    tell(&leaf, Compute { seed, parent: me.clone() });
                    leaf
                }));
                shape.leaves
            }
        };
        Ok(Self { up, gather: Gather::of(children), _branches: branches, _leaves: leaves })
    }
}

struct Sum(u64);

impl Message<Sum> for Node {
    type Reply = ();

    async fn handle(&mut self, Sum(sum): Sum, _: &mut Context<Self, ()>) {
        match (self.gather.add(sum), &self.up) {
            (None, _) => {}
            (Some(total), Up::Job(job)) => job.report(total),
            (Some(total), Up::Parent { parent, .. }) => tell(parent, Sum(total)),
        }
    }
}

#[derive(kameo::Actor)]
struct Leaf;

struct Compute {
    seed: u64,
    parent: ActorRef<Node>,
}

impl Message<Compute> for Leaf {
    type Reply = ();

    async fn handle(&mut self, Compute { seed, parent }: Compute, _: &mut Context<Self, ()>) {
        tell(&parent, Sum(Shape::leaf(seed)));
    }
}

impl Framework for Kameo {
    type Counter = ActorRef<Counter>;
    type Life = ActorRef<Counter>;
    type Player = ActorRef<Player>;
    type Tree = ActorRef<Node>;

    fn run<R, Fut>(scenario: impl FnOnce(Self) -> Fut + Send + 'static) -> R
    where
        R: Send + 'static,
        Fut: Future<Output = R> + Send + 'static,
    {
        on_tokio(|| scenario(Self))
    }

    async fn counter(&self, _place: usize, job: &'static Job) -> Self::Counter {
        spawn(Counter(Tally::new(job)))
    }

    async fn add(counter: &Self::Counter, add: Add) {
        tell(counter, add);
    }

    async fn next(counter: &Self::Counter) -> u64 {
        counter.ask(Next).send().await.expect("an answer")
    }

    async fn mortal(&self, job: &'static Job) -> (Self::Counter, Self::Life) {
        let counter = self.counter(0, job).await;
        (counter.clone(), counter)
    }

    async fn stop(counter: Self::Counter) {
        counter.stop_gracefully().await.expect("the actor stops");
    }

    async fn stopped(counter: Self::Life) {
        counter.wait_for_shutdown().await;
    }

    async fn pair(&self, _place: usize, job: &'static Job, reported: u64) -> Self::Player {
        let ping = spawn(Player { peer: None, job, reported });
        let pong = spawn(Player { peer: Some(ping.clone()), job, reported });
        tell(&ping, Meet(pong));
        ping
    }

    async fn serve(player: &Self::Player, hops: u64) {
        tell(player, Ball(hops));
    }

    async fn tree(&self, shape: Shape, job: &'static Job) -> Self::Tree {
        Node::spawn_with_mailbox((shape, Up::Job(job)), mailbox::unbounded())
    }
}
