//! What an entity passes on to others, from whichever node it was asked.

use casty::{prelude::*, testkit::Cluster};

#[message]
struct Hire;

#[message(reply = u64)]
struct Work;

#[message(reply = u64)]
struct Handled;

/// Has no time: it has stopped.
#[actor]
struct Worker;

#[actor]
impl Worker {
    #[handler]
    fn work(&mut self, _: Work) -> u64 {
        1
    }
}

#[actor]
#[sharded(name = "offices", sync = 1)]
#[derive(Default)]
struct Office {
    handled: u64,
    #[casty(skip)]
    worker: Option<ActorRef<Worker>>,
}

#[actor]
impl Office {
    #[handler]
    async fn hire(&mut self, _: Hire, ctx: &mut Context<Self>) -> casty::Result<()> {
        let worker = ctx.system().spawn(|| Worker).await?;
        worker.stop().await?;
        worker.stopped().await;
        self.worker = Some(worker);
        Ok(())
    }

    #[handler]
    fn work(&mut self, work: Work, ctx: &mut Context<Self>) -> casty::Result<Later<Work>> {
        self.handled += 1;
        let worker = self.worker.as_ref().ok_or("nobody works here")?;
        Ok(ctx.forward(worker, work))
    }

    #[handler]
    fn handled(&self, _: Handled) -> u64 {
        self.handled
    }
}

#[test]
fn what_was_passed_on_to_nobody_is_not_handled_again() {
    let mut cluster = Cluster::of(3).seed(11).start();
    cluster.settle();
    let told = |asker| {
        move |system: ActorSystem| async move {
            let office = system.sharded::<Office>().entity("o");
            office.send(Hire).await.unwrap();
            let told = office.ask(Work).await.unwrap_err();
            assert!(matches!(told, AskError::NotAnswered { .. }) && told.may_have_been_handled(), "{asker}: {told}");
            office.ask(Handled).await.unwrap()
        }
    };
    for node in 0..3 {
        assert_eq!(cluster.on(node, told(node)), node as u64 + 1, "asked from {node}");
    }
}
