//! One scheduler for a whole cluster: jobs come in at every node, run in one place, and go on when that goes.
//!
//! `cargo run -p casty-examples --example scheduler`

use std::time::Duration;

use casty::prelude::*;

#[message]
struct Schedule {
    job: String,
}

/// What the scheduler tells itself again and again.
#[derive(Clone)]
#[message]
struct Tick;

#[message(reply = Vec<String>)]
struct Done;

/// Its state goes with it from node to node; its timer does not, and is set anew wherever it starts.
#[actor]
#[singleton(name = "job-scheduler", sync = quorum)]
#[derive(Default)]
struct JobScheduler {
    pending: Vec<String>,
    done: Vec<String>,
}

#[actor]
impl JobScheduler {
    fn on_start(&mut self, ctx: &mut Context<Self>) {
        ctx.schedule_every(Duration::from_millis(50), Tick);
    }

    #[handler]
    fn schedule(&mut self, Schedule { job }: Schedule) {
        self.pending.push(job);
    }

    #[handler]
    fn tick(&mut self, _: Tick, ctx: &Context<Self>) {
        if let Some(job) = self.pending.pop() {
            let node = ctx.system().cluster().map_or_else(String::new, |cluster| cluster.node_id().to_string());
            println!("{job} on {node}");
            self.done.push(job);
        }
    }

    #[handler]
    fn done(&self, _: Done) -> Vec<String> {
        self.done.clone()
    }
}

async fn wait_for(node: &ActorSystem, jobs: usize) -> casty::Result<()> {
    while node.singleton::<JobScheduler>().ask(Done).await?.len() < jobs {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

#[casty::main]
async fn main(_: ActorSystem) -> casty::Result<()> {
    let one = ActorSystem::distributed("127.0.0.1:0").node_id("one").start().await?;
    let seed = one.cluster().ok_or("it is a node")?.address().to_owned();
    let two = ActorSystem::distributed("127.0.0.1:0").node_id("two").seeds([seed]).start().await?;

    one.singleton::<JobScheduler>().send(Schedule { job: "backup".into() }).await?;
    two.singleton::<JobScheduler>().send(Schedule { job: "report".into() }).await?;
    wait_for(&two, 2).await?;

    // Whichever node it is on: what is left goes on elsewhere.
    two.singleton::<JobScheduler>().send(Schedule { job: "clean up".into() }).await?;
    one.shutdown().await;
    two.singleton::<JobScheduler>().send(Schedule { job: "rest".into() }).await?;
    wait_for(&two, 4).await?;
    let done = two.singleton::<JobScheduler>().ask(Done).await?;
    println!("done: {}", done.join(", "));
    two.shutdown().await;
    Ok(())
}
