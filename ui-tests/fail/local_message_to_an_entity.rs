use casty::prelude::*;

#[message(local)]
struct Job(std::sync::Arc<str>);

#[message]
struct Add(u64);

#[actor]
#[sharded]
#[derive(Default)]
struct Queue {
    jobs: Vec<String>,
}

#[actor]
impl Queue {
    #[handler]
    fn job(&mut self, Job(job): Job) {
        self.jobs.push(job.to_string());
    }

    #[handler]
    fn add(&mut self, Add(_): Add) {}
}

async fn send(system: &ActorSystem) -> casty::Result<()> {
    let queue = system.sharded::<Queue>().entity("q");
    queue.send(Add(1)).await?;
    queue.send(Job("".into())).await?;
    Ok(())
}

fn main() {}
