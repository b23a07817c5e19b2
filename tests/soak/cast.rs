//! What actors are told to do, and two kinds that do it: leaves, which have no hooks, and the bosses of trees.

use std::{future::pending, sync::Arc, time::Duration};

use casty::prelude::*;
use tokio::time::sleep;

use crate::{
    books::{Gate, MESSAGES, Mark, STATES, Token},
    random::{Rng, mailbox, supervision},
    stage::Stage,
    worker::Worker,
};

pub(crate) const MS: Duration = Duration::from_millis(1);

/// What a job has its actor do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Reply,
    Fail,
    Panic,
    Stop,
    /// Blocks the thread.
    Block,
    /// Answered from a task after a while.
    Later(Duration),
    /// The task drops the handle instead.
    Forget(Duration),
    Stash,
    Unstash,
    /// Goes on to the next peer, with the asker.
    Forward,
    /// Sent to the next peer once the handler has ended.
    Then,
    Timer,
    /// In an async handler: waits.
    Nap(Duration),
    /// In an async handler: asks the next peer to do the same.
    Chain(Option<Duration>),
    /// In an async handler: sends to the next peer.
    Tell,
    Hire,
    /// Stops a child, and waits for its end.
    Dismiss,
    DismissAll,
    Renew,
    /// Never ends.
    Hang,
}

pub(crate) struct Job {
    pub(crate) act: Act,
    pub(crate) n: u64,
    pub(crate) mark: Mark,
    pub(crate) peers: Vec<ActorRef<Worker>>,
    _life: Token,
}

impl Job {
    pub(crate) fn new(act: Act, n: u64, peers: Vec<ActorRef<Worker>>) -> Self {
        Self { act, n, mark: Mark::default(), peers, _life: Token::new(&MESSAGES) }
    }

    /// It is handled; this is its answer.
    pub(crate) fn done(&self) -> u64 {
        self.mark.set();
        self.n + 1
    }
}

/// To a plain handler.
#[message(reply = u64, local)]
pub(crate) struct Work(pub(crate) Job);

/// To an async one.
#[message(reply = u64, local)]
pub(crate) struct Slow(pub(crate) Job);

#[derive(Clone)]
#[message(local)]
pub(crate) struct Tick(#[expect(dead_code, reason = "it only counts")] Token);

pub(crate) fn tick() -> Tick {
    Tick(Token::new(&MESSAGES))
}

/// The least of actors. It counts for whoever gave it a census.
#[actor]
pub(crate) struct Leaf {
    _census: Option<Arc<()>>,
    _life: Token,
}

impl Leaf {
    pub(crate) fn make(census: Option<Arc<()>>) -> impl Fn() -> Self + Send + Sync + 'static {
        move || Self { _census: census.clone(), _life: Token::new(&STATES) }
    }
}

#[actor]
impl Leaf {
    #[handler]
    fn work(&mut self, Work(job): Work, ctx: &mut Context<Self>) -> casty::Result<u64> {
        let answer = job.done();
        match job.act {
            Act::Fail => Err("soak".into()),
            Act::Panic => panic!("soak"),
            Act::Stop => {
                ctx.stop();
                Ok(answer)
            }
            _ => Ok(answer),
        }
    }

    #[handler]
    async fn slow(&mut self, Slow(job): Slow, ctx: &Context<Self>) -> casty::Result<u64> {
        let answer = job.done();
        match job.act {
            Act::Nap(time) => sleep(time).await,
            Act::Hire => drop(ctx.spawn(Self::make(self._census.clone())).await?),
            Act::Hang => pending().await,
            _ => {}
        }
        Ok(answer)
    }
}

/// The root of a tree: bosses `depth` levels down, then workers.
#[actor]
pub(crate) struct Boss {
    stage: Arc<Stage>,
    gate: Gate,
    depth: u32,
    _life: Token,
}

impl Boss {
    pub(crate) fn make(stage: &Arc<Stage>, depth: u32) -> impl Fn() -> Self + Send + Sync + 'static {
        let (stage, gate) = (stage.clone(), Gate::default());
        move || Self { stage: stage.clone(), gate: gate.clone(), depth, _life: Token::new(&STATES) }
    }
}

#[actor]
impl Boss {
    async fn on_start(&mut self, ctx: &mut Context<Self>) -> casty::Result<()> {
        let _turn = self.gate.enter(&self.stage.books);
        let mut rng = Rng::new(self.stage.books.roll());
        for name in ["one", "two", "three"] {
            let config = supervision(&mut rng);
            if self.depth > 0 {
                ctx.spawn(Self::make(&self.stage, self.depth - 1)).name(name).supervision(config).await?;
            } else {
                let worker = ctx.spawn(Worker::make(&self.stage)).name(name).supervision(config);
                self.stage.enlist(worker.mailbox(mailbox(&mut rng)).await?);
            }
        }
        Ok(())
    }

    fn on_child_failure(&mut self) -> Option<Directive> {
        let _turn = self.gate.enter(&self.stage.books);
        match self.stage.books.roll() % 20 {
            0 => Some(Directive::Stop),
            1 => Some(Directive::Escalate),
            2 => panic!("soak"),
            3..8 => Some(Directive::Restart),
            _ => None,
        }
    }

    #[handler]
    async fn work(&mut self, Work(job): Work, ctx: &Context<Self>) -> casty::Result<u64> {
        let _turn = self.gate.enter(&self.stage.books);
        let answer = job.done();
        let children = ctx.children();
        let child = children.get(usize::try_from(job.n).unwrap_or_default() % children.len().max(1));
        match (job.act, child) {
            (Act::Fail, _) => return Err("soak".into()),
            (Act::Panic, _) => panic!("soak"),
            (Act::Stop, _) => ctx.stop(),
            (Act::DismissAll, _) => ctx.stop_all_children(),
            (Act::Dismiss, Some(child)) => drop(ctx.stop_child(child)),
            (Act::Renew, Some(child)) => drop(ctx.restart_child(child)),
            (Act::Nap(time), _) => sleep(time).await,
            _ => {}
        }
        Ok(answer)
    }
}
