//! A node whose generation of the cluster is over joins the one that ended it.

use std::{io, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::join_all};

use super::{
    ClusterEvent,
    control::{Identity, LogStore, Remembered, Snapshots},
    myself::Myself,
    running::Running,
    transport,
};
use crate::host::Host;

/// How long those whom a node remembers have to answer, before it takes part in anything.
const LOOK: Duration = Duration::from_millis(500);

/// Waits until this node's generation is over, and begins anew; then the next time. The node keeps its actors, and asks to be
/// let in as one does that was taken for dead.
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

/// Before a node takes part in its cluster again it asks those whom it remembers whether there is still that one: a majority
/// that comes back from the dead could agree on something before it meets who went on without it. If it is over, what this
/// node stores is forgotten, and whom it has to ask instead is returned.
pub(super) async fn forget_what_is_over(
    host: &Host,
    myself: &Myself,
    seeds: &[String],
    identity: &mut Identity,
    store: &LogStore,
    snapshots: &Snapshots,
) -> io::Result<Vec<String>> {
    let Remembered { cluster, mut addresses } = Remembered::of(host, store, snapshots).await?;
    let Some((id, generation)) = cluster else { return Ok(Vec::new()) };
    myself.belongs_to(id, generation.0);
    addresses.extend(seeds.iter().map(|seed| Arc::from(seed.as_str())));
    addresses.remove(myself.address());
    let looks = addresses.into_iter().map(async |address| {
        let other = host.timeout(LOOK, transport::look(host, myself, &address)).await.ok().flatten()?;
        myself.met(other);
        Some((other, address))
    });
    let met: Vec<_> = join_all(looks).await.into_iter().flatten().collect();
    let Some((id, generation)) = myself.is_over().now_or_never() else { return Ok(Vec::new()) };
    tracing::warn!("this node's cluster went on without it, as a new generation; the node joins that one anew");
    *identity = identity.anew(host);
    store.begin_anew(snapshots, identity).await?;
    myself.has_new_raft_id(identity.raft_id);
    myself.belongs_to(id, generation.0);
    let ours = myself.cluster_id();
    Ok(met.into_iter().filter(|(other, _)| Some(*other) == ours).map(|(_, address)| address.to_string()).collect())
}
