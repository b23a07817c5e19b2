//! A node that has the last copies of something, and wants to leave.

use std::time::Duration;

use crate::with_full_shelves;

/// The `shutdown_timeout`, and a bit.
const LONGEST: Duration = Duration::from_secs(33);

#[test]
fn who_has_the_last_copies_of_something_leaves_once_its_loss_is_accepted() {
    let mut cluster = with_full_shelves();
    for node in [0, 1] {
        cluster.crash(node);
    }
    cluster.settle();
    for node in [0, 1] {
        cluster.restart(node);
    }
    cluster.settle();
    let begun = cluster.elapsed();
    let left = cluster.on(2, |system| async move { system.cluster().unwrap().leave().await });
    assert!(cluster.elapsed() - begun < LONGEST, "it took {:?}", cluster.elapsed() - begun);
    let why = left.unwrap_err().to_string();
    assert!(why.contains("last copies") && why.contains("accept_loss"), "{why}");
    assert!(cluster.on(3, |system| async move { system.cluster().unwrap().accept_all_loss().await.unwrap() }) > 0);
    cluster.on(2, |system| async move { system.cluster().unwrap().leave().await.unwrap() });
}
