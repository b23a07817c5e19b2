//! actix, over as many arbiters as the type says. An actor lives in one arbiter, chosen by its place.

use std::future::Future;

use crate::framework::{Framework, joined};
use crate::work::{Add, Gather, Job, Shape, Tally};
use actix::prelude::*;
use actix::{Arbiter, ArbiterHandle, System};

#[derive(Clone)]
pub(super) struct Actix<const ARBITERS: usize>([ArbiterHandle; ARBITERS]);

pub(super) struct Counter(Tally);

impl Actor for Counter {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // None: otherwise more than 16 askers wait for room.
        ctx.set_mailbox_capacity(0);
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.0.job().report_stop();
    }
}

impl Message for Add {
    type Result = ();
}

#[derive(Message)]
#[rtype(result = "u64")]
struct Next;

#[derive(Message)]
#[rtype(result = "()")]
struct Stop;

impl Handler<Add> for Counter {
    type Result = ();

    fn handle(&mut self, add: Add, _: &mut Self::Context) {
        self.0.add(add);
    }
}

impl Handler<Next> for Counter {
    type Result = u64;

    fn handle(&mut self, _: Next, _: &mut Self::Context) -> u64 {
        self.0.asked()
    }
}

impl Handler<Stop> for Counter {
    type Result = ();

    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

pub(super) struct Player {
    peer: Option<Addr<Self>>,
    job: &'static Job,
    reported: u64,
}

impl Actor for Player {
    type Context = Context<Self>;
}

#[derive(Message)]
#[rtype(result = "()")]
struct Meet(Addr<Player>);

#[derive(Message)]
#[rtype(result = "()")]
struct Ball(u64);

impl Handler<Meet> for Player {
    type Result = ();

    fn handle(&mut self, Meet(peer): Meet, _: &mut Self::Context) {
        self.peer = Some(peer);
    }
}

impl Handler<Ball> for Player {
    type Result = ();

    fn handle(&mut self, Ball(hops): Ball, _: &mut Self::Context) {
        match (hops, &self.peer) {
            (0, _) => self.job.report(self.reported),
            (_, Some(peer)) => peer.do_send(Ball(hops - 1)),
            (_, None) => panic!("nobody to play with"),
        }
    }
}

/// The root, or a branch. A branch's leaves live in its arbiter.
pub(super) struct Node {
    shape: Shape,
    up: Up,
    gather: Gather,
    branches: Vec<Addr<Self>>,
    leaves: Vec<Addr<Leaf>>,
}

enum Up {
    Job { job: &'static Job, arbiters: Vec<ArbiterHandle> },
    Parent { parent: Addr<Node>, branch: u64 },
}

impl Node {
    fn new(shape: Shape, up: Up) -> Self {
        let children = match up {
            Up::Job { .. } => shape.branches,
            Up::Parent { .. } => shape.leaves,
        };
        Self { shape, up, gather: Gather::of(children), branches: Vec::new(), leaves: Vec::new() }
    }
}

impl Actor for Node {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (me, shape) = (ctx.address(), self.shape);
        match &self.up {
            Up::Job { arbiters, .. } => {
                self.branches.extend((0..shape.branches).zip(arbiters.iter().cycle()).map(|(branch, arbiter)| {
                    let up = Up::Parent { parent: me.clone(), branch };
                    Self::start_in_arbiter(arbiter, move |_| Self::new(shape, up))
                }));
            }
            Up::Parent { branch, .. } => {
                self.leaves.extend(shape.seeds(*branch).map(|seed| {
                    let leaf = Leaf.start();
                    leaf.do_send(Compute { seed, parent: me.clone() });
                    leaf
                }));
            }
        }
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Sum(u64);

impl Handler<Sum> for Node {
    type Result = ();

    fn handle(&mut self, Sum(sum): Sum, _: &mut Self::Context) {
        match (self.gather.add(sum), &self.up) {
            (None, _) => {}
            (Some(total), Up::Job { job, .. }) => job.report(total),
            (Some(total), Up::Parent { parent, .. }) => parent.do_send(Sum(total)),
        }
    }
}

struct Leaf;

impl Actor for Leaf {
    type Context = Context<Self>;
}

#[derive(Message)]
#[rtype(result = "()")]
struct Compute {
    seed: u64,
    parent: Addr<Node>,
}

impl Handler<Compute> for Leaf {
    type Result = ();

    fn handle(&mut self, Compute { seed, parent }: Compute, _: &mut Self::Context) {
        parent.do_send(Sum(Shape::leaf(seed)));
    }
}

impl<const ARBITERS: usize> Actix<ARBITERS> {
    fn arbiter(&self, place: usize) -> &ArbiterHandle {
        &self.0[place % ARBITERS]
    }
}

impl<const ARBITERS: usize> Framework for Actix<ARBITERS> {
    type Counter = Addr<Counter>;
    type Life = &'static Job;
    type Player = Addr<Player>;
    type Tree = Addr<Node>;

    fn run<R, Fut>(scenario: impl FnOnce(Self) -> Fut + Send + 'static) -> R
    where
        R: Send + 'static,
        Fut: Future<Output = R> + Send + 'static,
    {
        System::new().block_on(async {
            let arbiters = std::array::from_fn(|_| Arbiter::new().handle());
            let framework = Self(arbiters);
            let scenario = scenario(framework.clone());
            joined(framework.task(1, scenario)).await
        })
    }

    fn spawn_task(&self, place: usize, task: impl Future<Output = ()> + Send + 'static) {
        self.arbiter(place).spawn(task);
    }

    async fn counter(&self, place: usize, job: &'static Job) -> Self::Counter {
        Counter::start_in_arbiter(self.arbiter(place), move |_| Counter(Tally::new(job)))
    }

    async fn add(counter: &Self::Counter, add: Add) {
        counter.do_send(add);
    }

    async fn next(counter: &Self::Counter) -> u64 {
        counter.send(Next).await.expect("an answer")
    }

    async fn mortal(&self, job: &'static Job) -> (Self::Counter, Self::Life) {
        (Counter(Tally::new(job)).start(), job)
    }

    async fn stop(counter: Self::Counter) {
        counter.do_send(Stop);
    }

    async fn stopped(job: Self::Life) {
        job.stopped().await;
    }

    async fn pair(&self, place: usize, job: &'static Job, reported: u64) -> Self::Player {
        let ping = Player::start_in_arbiter(self.arbiter(place), move |_| Player { peer: None, job, reported });
        let peer = ping.clone();
        let player = move |_: &mut _| Player { peer: Some(peer), job, reported };
        ping.do_send(Meet(Player::start_in_arbiter(self.arbiter(place), player)));
        ping
    }

    async fn serve(player: &Self::Player, hops: u64) {
        player.do_send(Ball(hops));
    }

    async fn tree(&self, shape: Shape, job: &'static Job) -> Self::Tree {
        let up = Up::Job { job, arbiters: self.0.to_vec() };
        Node::start_in_arbiter(self.arbiter(0), move |_| Node::new(shape, up))
    }
}
