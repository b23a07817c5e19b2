//! A node whose generation of the cluster is over joins the one that ended it.

use std::sync::Arc;

use super::{ClusterEvent, running::Running};

/// Waits for that, and carries it out; then the next time. The node keeps its actors, and asks to be let in as one does that
/// was taken for dead.
pub(super) async fn join_later_generations(running: Arc<Running>) {
    loop {
        let (cluster, generation) = running.plane.myself().is_over().await;
        running.leases.fence();
        let reason = "its cluster went on without it, as a new generation; this node joins that one anew";
        running.emit(ClusterEvent::Fenced { reason: reason.into() });
        let leases = running.leases.clone();
        let begun = running.plane.seat().begin_anew(cluster, generation, move || leases.begin_anew()).await;
        if let Err(error) = begun {
            if !*running.ending.borrow() {
                running.fail(&error.to_string());
            }
            return;
        }
    }
}
