//! The actor that does all there is to do.

use std::{mem, sync::Arc, thread};

use casty::{Timer, prelude::*};
use tokio::{task::yield_now, time::sleep};

use crate::{
    bank::Entry,
    books::{Books, Gate, STATES, Token},
    cast::{Act, Job, Leaf, MS, Slow, Tick, Work, tick},
    stage::Stage,
};

/// It has children and peers, timers and a stash.
#[actor]
pub(crate) struct Worker {
    stage: Arc<Stage>,
    gate: Gate,
    timers: Vec<Timer>,
    _life: Token,
}

impl Worker {
    pub(crate) fn make(stage: &Arc<Stage>) -> impl Fn() -> Self + Send + Sync + 'static {
        let (stage, gate) = (stage.clone(), Gate::default());
        move || {
            assert!(!stage.books.one_in(200), "soak");
            Self { stage: stage.clone(), gate: gate.clone(), timers: Vec::new(), _life: Token::new(&STATES) }
        }
    }

    fn books(&self) -> &Books {
        &self.stage.books
    }
}

#[actor]
impl Worker {
    fn on_start(&mut self, ctx: &mut Context<Self>) -> casty::Result<()> {
        let _turn = self.gate.enter(self.books());
        // The stash outlives a restart, the timer that was to open it does not.
        ctx.schedule_once(MS, tick());
        if self.books().one_in(100) { Err("soak".into()) } else { Ok(()) }
    }

    async fn on_stop(&mut self) -> casty::Result<()> {
        let _turn = self.gate.enter(self.books());
        match self.books().roll() % 100 {
            0 => Err("soak".into()),
            1 => panic!("soak"),
            2 => {
                sleep(MS).await;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    #[handler]
    fn work(&mut self, Work(mut job): Work, ctx: &mut Context<Self>) -> casty::Result<Later<Work>> {
        let _turn = self.gate.enter(self.books());
        let (reply, later) = match job.act {
            Act::Stash => {
                job.act = Act::Reply;
                ctx.schedule_once(MS, tick());
                return Ok(ctx.stash(Work(job)));
            }
            Act::Forward if !job.peers.is_empty() => {
                let peer = job.peers.swap_remove(0);
                return Ok(ctx.forward(&peer, Work(job)));
            }
            Act::Later(_) | Act::Forget(_) => Later::new(),
            _ => return self.at_once(job, ctx).map(Later::now),
        };
        tokio::spawn(async move {
            let answer = job.done();
            match job.act {
                Act::Later(time) => {
                    sleep(time).await;
                    reply.send(answer);
                }
                Act::Forget(time) => sleep(time).await,
                _ => {}
            }
        });
        Ok(later)
    }

    fn at_once(&mut self, mut job: Job, ctx: &mut Context<Self>) -> casty::Result<u64> {
        let answer = job.done();
        match job.act {
            Act::Fail => return Err("soak".into()),
            Act::Panic => panic!("soak"),
            Act::Stop => ctx.stop(),
            Act::Block => thread::sleep(2 * MS),
            Act::Unstash => ctx.unstash_all(),
            Act::Then => {
                if let Some(peer) = job.peers.pop() {
                    ctx.then(&peer, Work(Job::new(Act::Reply, job.n, Vec::new())));
                }
            }
            Act::Timer => {
                self.timers.push(ctx.schedule_every(2 * MS, tick()));
                if self.timers.len() > 4 {
                    self.timers.swap_remove(0).cancel();
                }
            }
            _ => {}
        }
        Ok(answer)
    }

    #[handler]
    async fn slow(&mut self, Slow(job): Slow, ctx: &mut Context<Self>) -> casty::Result<u64> {
        let _turn = self.gate.enter(self.books());
        let answer = job.done();
        slow(job, &self.stage.books, ctx).await?;
        Ok(answer)
    }

    /// Goes on to a ledger that takes all.
    #[handler]
    fn entry(&mut self, entry: Entry, ctx: &Context<Self>) -> Later<Entry> {
        let _turn = self.gate.enter(self.books());
        if entry.mark.is_none() {
            entry.account().sent(entry.amount);
        }
        ctx.forward(&self.stage.relay, entry)
    }

    #[handler]
    fn tick(&mut self, _: Tick, ctx: &mut Context<Self>) {
        let _turn = self.gate.enter(self.books());
        ctx.unstash_all();
    }
}

async fn slow(mut job: Job, books: &Books, ctx: &mut Context<Worker>) -> casty::Result<()> {
    match job.act {
        Act::Nap(time) => sleep(time).await,
        Act::Fail => {
            yield_now().await;
            return Err("soak".into());
        }
        Act::Panic => {
            yield_now().await;
            panic!("soak");
        }
        Act::Stop => {
            ctx.stop();
            sleep(MS / 2).await;
        }
        Act::Chain(limit) => {
            if let Some(peer) = job.peers.pop() {
                let next = Job::new(job.act, job.n, mem::take(&mut job.peers));
                let (n, mark) = (next.n, next.mark.clone());
                let asking = peer.ask(Slow(next));
                let asking = if let Some(limit) = limit { asking.timeout(limit) } else { asking };
                books.ask("an ask of an actor", peer.label(), asking, n, mark).await;
            }
        }
        Act::Tell => {
            if let Some(peer) = job.peers.pop() {
                let message = Work(Job::new(Act::Reply, job.n, Vec::new()));
                drop(books.wait("a send of an actor", Some(peer.label()), peer.send(message)).await);
            }
        }
        Act::Hire if ctx.children().len() < 4 => {
            let spawn = ctx.spawn(Leaf::make(None)).name(format!("leaf-{}", job.n % 4));
            match books.wait("a spawn of an actor", None, spawn).await {
                Ok(_) | Err(SpawnError::NameTaken { .. } | SpawnError::ShuttingDown { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Act::Dismiss => {
            if let Some(child) = ctx.children().pop() {
                ctx.stop_child(&child);
                books.wait("the end of a child", Some(child.label()), child.stopped()).await;
            }
        }
        Act::DismissAll => ctx.stop_all_children(),
        Act::Renew => {
            if let Some(child) = ctx.children().pop() {
                ctx.restart_child(&child);
            }
        }
        _ => {}
    }
    Ok(())
}
