//! tokio without a framework: what a careful user writes by hand.

use std::future::Future;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::framework::{Framework, on_tokio};
use crate::work::{Add, Gather, Job, Shape, Tally};

#[derive(Clone)]
pub(super) struct Raw;

pub(super) enum ToCounter {
    Add(Add),
    Next(oneshot::Sender<u64>),
}

async fn count(mut tally: Tally, mut mailbox: UnboundedReceiver<ToCounter>) {
    while let Some(message) = mailbox.recv().await {
        match message {
            ToCounter::Add(add) => tally.add(add),
            // The asker may have gone.
            ToCounter::Next(reply) => drop(reply.send(tally.asked())),
        }
    }
}

pub(super) enum ToPlayer {
    Meet(UnboundedSender<Self>),
    Ball(u64),
}

async fn play(job: &'static Job, reported: u64, mut mailbox: UnboundedReceiver<ToPlayer>) {
    let mut peer = None;
    while let Some(message) = mailbox.recv().await {
        match (message, &peer) {
            (ToPlayer::Meet(other), _) => peer = Some(other),
            (ToPlayer::Ball(0), _) => job.report(reported),
            (ToPlayer::Ball(hops), Some(peer)) => send(peer, ToPlayer::Ball(hops - 1)),
            (ToPlayer::Ball(_), None) => panic!("nobody to play with"),
        }
    }
}

pub(super) enum ToNode {
    Grow { branch: u64, parent: UnboundedSender<Self> },
    Sum(u64),
}

enum ToLeaf {
    Compute { seed: u64, parent: UnboundedSender<ToNode> },
}

async fn root(shape: Shape, job: &'static Job, me: UnboundedSender<ToNode>, mut mailbox: UnboundedReceiver<ToNode>) {
    let mut gather = Gather::of(shape.branches);
    let branches: Vec<_> = (0..shape.branches)
        .map(|number| {
            let (to_branch, mailbox) = unbounded_channel();
            tokio::spawn(branch(shape, to_branch.clone(), mailbox));
            send(&to_branch, ToNode::Grow { branch: number, parent: me.clone() });
            to_branch
        })
        .collect();
    while let Some(message) = mailbox.recv().await {
        if let ToNode::Sum(sum) = message
            && let Some(total) = gather.add(sum)
        {
            job.report(total);
        }
    }
    drop(branches);
}

async fn branch(shape: Shape, me: UnboundedSender<ToNode>, mut mailbox: UnboundedReceiver<ToNode>) {
    let mut gather = Gather::of(shape.leaves);
    let (mut leaves, mut up) = (Vec::new(), None);
    while let Some(message) = mailbox.recv().await {
        match message {
            ToNode::Grow { branch, parent } => {
                up = Some(parent);
                leaves.extend(shape.seeds(branch).map(|seed| {
                    let (to_leaf, mailbox) = unbounded_channel();
                    tokio::spawn(leaf(mailbox));
                    send(&to_leaf, ToLeaf::Compute { seed, parent: me.clone() });
                    to_leaf
                }));
            }
            ToNode::Sum(sum) => {
                if let (Some(total), Some(parent)) = (gather.add(sum), &up) {
                    send(parent, ToNode::Sum(total));
                }
            }
        }
    }
}

async fn leaf(mut mailbox: UnboundedReceiver<ToLeaf>) {
    while let Some(ToLeaf::Compute { seed, parent }) = mailbox.recv().await {
        send(&parent, ToNode::Sum(Shape::leaf(seed)));
    }
}

fn send<M>(to: &UnboundedSender<M>, message: M) {
    assert!(to.send(message).is_ok(), "the actor has stopped");
}

impl Framework for Raw {
    type Counter = UnboundedSender<ToCounter>;
    type Life = JoinHandle<()>;
    type Player = UnboundedSender<ToPlayer>;
    type Tree = UnboundedSender<ToNode>;

    fn run<R, Fut>(scenario: impl FnOnce(Self) -> Fut + Send + 'static) -> R
    where
        R: Send + 'static,
        Fut: Future<Output = R> + Send + 'static,
    {
        on_tokio(|| scenario(Self))
    }

    async fn counter(&self, _place: usize, job: &'static Job) -> Self::Counter {
        let (counter, mailbox) = unbounded_channel();
        tokio::spawn(count(Tally::new(job), mailbox));
        counter
    }

    async fn add(counter: &Self::Counter, add: Add) {
        send(counter, ToCounter::Add(add));
    }

    async fn next(counter: &Self::Counter) -> u64 {
        let (reply, answer) = oneshot::channel();
        send(counter, ToCounter::Next(reply));
        answer.await.expect("an answer")
    }

    async fn mortal(&self, job: &'static Job) -> (Self::Counter, Self::Life) {
        let (counter, mailbox) = unbounded_channel();
        let task = tokio::spawn(count(Tally::new(job), mailbox));
        (counter, task)
    }

    async fn stop(counter: Self::Counter) {
        drop(counter);
    }

    async fn stopped(task: Self::Life) {
        task.await.expect("the actor stops");
    }

    async fn pair(&self, _place: usize, job: &'static Job, reported: u64) -> Self::Player {
        let (ping, ping_mailbox) = unbounded_channel();
        let (pong, pong_mailbox) = unbounded_channel();
        send(&ping, ToPlayer::Meet(pong.clone()));
        send(&pong, ToPlayer::Meet(ping.clone()));
        tokio::spawn(play(job, reported, ping_mailbox));
        tokio::spawn(play(job, reported, pong_mailbox));
        ping
    }

    async fn serve(player: &Self::Player, hops: u64) {
        send(player, ToPlayer::Ball(hops));
    }

    async fn tree(&self, shape: Shape, job: &'static Job) -> Self::Tree {
        let (me, mailbox) = unbounded_channel();
        tokio::spawn(root(shape, job, me.clone(), mailbox));
        me
    }
}
