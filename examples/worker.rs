//! A worker that fails now and then: restart with backoff, a message that is kept, the hooks, and the limit.
//!
//! `cargo run -p casty-examples --example worker`

use std::time::{Duration, Instant};

use casty::prelude::*;

/// `retain` keeps a copy while the message is handled, so that `pre_restart` can get it back.
#[derive(Clone)]
#[message(retain)]
struct Job {
    name: String,
    /// How often it will still fail.
    failures: u32,
}

#[message(reply = u32)]
struct Done;

/// When a handler fails, the supervisor makes a new instance: after 50 ms at first, then after 100, 200, … For the
/// fourth failure within a minute it gives up and stops the actor.
#[actor]
#[supervised(
    strategy = Restart,
    max_restarts = 3,
    within = 60s,
    backoff_initial = 50ms,
    backoff_max = 1s,
    backoff_multiplier = 2.0,
)]
struct Worker {
    started: Instant,
    done: u32,
}

impl Worker {
    fn say(&self, text: impl std::fmt::Display) {
        println!("{:>4} ms  {text}", self.started.elapsed().as_millis());
    }
}

#[actor]
impl Worker {
    /// An `Err` is a failure. So is a panic.
    #[handler]
    fn work(&mut self, Job { name, failures }: Job) -> casty::Result<()> {
        if failures > 0 {
            return Err(format!("{name} went wrong").into());
        }
        self.done += 1;
        self.say(format_args!("{name} is done"));
        Ok(())
    }

    #[handler]
    fn done(&self, _: Done) -> u32 {
        self.done
    }

    /// The old instance's last word. A message that failed is not tried again, unless one sends it again.
    async fn pre_restart(&mut self, failure: &Failure, ctx: &mut Context<Self>) -> casty::Result<()> {
        self.say(format_args!("pre_restart after {} job(s): {failure}", self.done));
        if let Some(job) = failure.message::<Job>() {
            ctx.me().send(Job { failures: job.failures - 1, ..job.clone() }).await?;
        }
        Ok(())
    }

    /// The new instance's first. References to the actor stay good, and its mailbox is what it was.
    fn post_restart(&mut self) {
        self.say("post_restart: a new instance");
    }

    fn on_stop(&mut self) {
        self.say("on_stop");
    }
}

#[casty::main]
async fn main(system: ActorSystem) -> casty::Result<()> {
    let started = Instant::now();
    let worker = system.spawn(move || Worker { started, done: 0 }).await?;

    // The second job fails twice. The third waits meanwhile, and is done by the second instance.
    for (name, failures) in [("job 1", 0), ("job 2", 2), ("job 3", 0)] {
        worker.send(Job { name: name.into(), failures }).await?;
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    let done = worker.ask(Done).await?;
    println!("{:>4} ms  the third instance has done {done} job(s)", started.elapsed().as_millis());

    // Two failures are within the minute already. One more is borne, the next is too much.
    worker.send(Job { name: "job 4".into(), failures: u32::MAX }).await?;
    worker.stopped().await;
    println!("{:>4} ms  the worker has stopped", started.elapsed().as_millis());
    Ok(())
}
