//! In which order messages of one sender are handled.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use casty::{prelude::*, testkit::Cluster};

#[message]
struct Step(u64);

/// How many steps came, and those that came behind a later one.
#[message(reply = (u64, Vec<u64>))]
struct Walked;

#[actor]
#[sharded(name = "walks")]
#[derive(Default)]
struct Walk {
    steps: u64,
    last: u64,
    overtaken: Vec<u64>,
}

#[actor]
impl Walk {
    #[handler]
    fn step(&mut self, Step(number): Step) {
        self.steps += 1;
        if number < self.last {
            self.overtaken.push(number);
        }
        self.last = self.last.max(number);
    }

    #[handler]
    fn walked(&self, _: Walked) -> (u64, Vec<u64>) {
        (self.steps, self.overtaken.clone())
    }
}

/// One whose slot the node serves.
fn served_by(cluster: &Cluster, node: usize) -> String {
    let its = |id: &String| cluster.serves(node, Cluster::slot_of("walks", id));
    (0..).map(|at| format!("w{at}")).find(its).unwrap()
}

#[test]
fn what_is_sent_after_a_lease_is_there_again_stays_behind_what_waited_for_it() {
    let mut cluster = Cluster::of(3).seed(7).start();
    cluster.settle();
    let node = (0..3).find(|node| !cluster.inspect(*node).unwrap().leads).unwrap();
    let id = served_by(&cluster, node);
    let slot = Cluster::slot_of("walks", &id);
    let over = Arc::new(AtomicBool::new(false));
    let mut walking = cluster.begin(node, |system| {
        let (id, over) = (id.clone(), over.clone());
        async move {
            let walk = system.sharded::<Walk>().entity(id);
            let mut steps = 0;
            while !over.load(SeqCst) {
                walk.try_send(Step(steps)).unwrap();
                steps += 1;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            (steps, walk.ask(Walked).await.unwrap())
        }
    });
    cluster.run_for(Duration::from_millis(100));
    cluster.partition(&[node]);
    assert!(cluster.run_until(Duration::from_secs(2), |cluster| !cluster.may_serve(node)), "its lease does not end");
    // Until it has looked.
    cluster.run_for(Duration::from_millis(60));
    cluster.heal();
    assert!(cluster.run_until(Duration::from_secs(2), |cluster| cluster.may_serve(node)), "it gets no lease");
    assert!(cluster.serves(node, slot), "the entity has moved: this shows nothing");
    cluster.run_for(Duration::from_millis(100));
    over.store(true, SeqCst);
    cluster.run_for(Duration::from_millis(100));
    let (steps, (handled, overtaken)) = walking.take().unwrap();
    assert_eq!((handled, overtaken), (steps, Vec::new()));
}
