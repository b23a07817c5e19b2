//! One test for each bug that was met, named for what holds now.

use std::time::Duration;

use casty::{prelude::*, testkit::Cluster};

use crate::{
    actors::{Clerk, Question},
    book::Book,
};

#[test]
fn three_nodes_form_and_greet_and_lose_one() {
    let book = Book::default();
    let mut cluster = Cluster::of(3).seed(7).start();
    assert!(cluster.elapsed() < Duration::from_secs(1), "{:?}", cluster.elapsed());
    cluster.on(0, |system| async move { system.spawn(Clerk::new(&book)).name("ada").await.unwrap() });
    let ask = |system: ActorSystem| async move {
        let ada = system.lookup::<Clerk>("ada").await.unwrap()?;
        ada.ask(Question { sender: 1, number: 1 }).await.ok()
    };
    assert_eq!(cluster.on(2, ask), Some(1));
    cluster.crash(0);
    cluster.settle();
    assert_eq!(cluster.on(2, ask), None);
}

/// Its silence counted from the leader's election, so that it was taken for dead as soon as it had joined, heard nothing
/// of that, and waited for ever.
#[test]
fn a_node_restarted_without_a_disk_comes_back() {
    let mut cluster = Cluster::of(3).seed(7).start();
    cluster.crash(0);
    cluster.settle();
    cluster.restart(0);
    cluster.recover(Duration::from_secs(2)).unwrap();
}
