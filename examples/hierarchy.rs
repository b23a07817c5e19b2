//! Actors in a tree: children, names, look-up, death watch, and what stops with what.
//!
//! `cargo run -p casty-examples --example hierarchy`

use casty::prelude::*;

#[message(reply = u64)]
struct Square(u64);

#[actor]
struct Worker {
    name: String,
}

#[actor]
impl Worker {
    fn on_start(&mut self) {
        println!("  {} starts", self.name);
    }

    fn on_stop(&mut self) {
        println!("  {} stops", self.name);
    }

    #[handler]
    fn square(&self, Square(n): Square) -> u64 {
        n * n
    }
}

#[message]
struct StartWorkers {
    count: usize,
}

/// Answers with the sum of the squares of 1 to n.
#[message(reply = u64)]
struct SumOfSquares(u64);

#[actor]
#[derive(Default)]
struct Boss {
    workers: Vec<ActorRef<Worker>>,
}

#[actor]
impl Boss {
    /// `ctx.spawn` makes a child: it is supervised by this actor, and stops when this actor stops.
    #[handler]
    async fn start_workers(&mut self, StartWorkers { count }: StartWorkers, ctx: &mut Context<Self>) -> casty::Result<()> {
        for i in 1..=count {
            let name = format!("worker-{i}");
            let worker = ctx.spawn({
                let name = name.clone();
                move || Worker { name: name.clone() }
            });
            self.workers.push(worker.name(name).await?);
        }
        Ok(())
    }

    #[handler]
    async fn sum_of_squares(&mut self, SumOfSquares(n): SumOfSquares) -> casty::Result<u64> {
        let mut sum = 0;
        for (n, worker) in (1..=n).zip(self.workers.iter().cycle()) {
            sum += worker.ask(Square(n)).await?;
        }
        Ok(sum)
    }
}

#[message(local)]
struct Watch(ActorRef<Worker>);

/// Answers with the name of the actor that stopped last.
#[message(reply = Option<String>)]
struct LastToStop;

/// Is told when a worker is gone, whatever the reason.
#[actor]
#[derive(Default)]
struct Watcher {
    last: Option<String>,
}

#[actor]
impl Watcher {
    #[handler]
    fn watch(&mut self, Watch(worker): Watch, ctx: &mut Context<Self>) {
        ctx.watch(&worker);
    }

    #[handler]
    fn terminated(&mut self, Terminated { actor, reason }: Terminated) {
        println!("  watcher: {} is gone: {reason}", actor.label());
        self.last = actor.name().map(str::to_owned);
    }

    #[handler]
    fn last_to_stop(&self, _: LastToStop) -> Option<String> {
        self.last.clone()
    }
}

#[casty::main]
async fn main(system: ActorSystem) -> casty::Result<()> {
    println!("A boss and three workers:");
    let boss = system.spawn(Boss::default).name("boss").await?;
    boss.ask(StartWorkers { count: 3 }).await?;
    println!("  1² + 2² + … + 10² = {}", boss.ask(SumOfSquares(10)).await?);

    println!("A child is found by its name, under its parent's:");
    let worker = system.lookup::<Worker>("boss/worker-2").await?.ok_or("there is no worker-2")?;
    println!("  {:?} squares 12: {}", worker.name(), worker.ask(Square(12)).await?);
    println!("  nobody: {:?}", system.lookup::<Worker>("nobody").await?);
    let taken = system.spawn(Boss::default).name("boss").await;
    println!("  a second boss: {}", taken.expect_err("the name is taken"));

    println!("A worker that is watched stops:");
    let watcher = system.spawn(Watcher::default).await?;
    watcher.ask(Watch(worker.clone())).await?;
    worker.stop().await?;
    worker.stopped().await; // whoever watches it has been told
    println!("  the last to stop: {:?}", watcher.ask(LastToStop).await?);

    println!("The boss stops, its children before it, the last one first:");
    boss.stop().await?;
    boss.stopped().await;
    println!("  boss: {:?}", system.lookup::<Boss>("boss").await?);
    Ok(())
}
