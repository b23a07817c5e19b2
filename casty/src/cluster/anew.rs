//! A node whose generation of the cluster is over joins the one that ended it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
    time::Duration,
};

use futures_util::{FutureExt as _, future::join_all};

use super::{
    ClusterEvent, StartError,
    control::{Identity, Joins, LogStore, Remembered, Snapshots},
    lease::LeaseConfig,
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
        let known = running.plane.known().into_iter().map(|address| address.to_string()).collect();
        let begun = running.plane.seat().begin_anew((cluster, generation), known, move || leases.begin_anew()).await;
        if let Err(error) = begun {
            if !*running.ending.borrow() {
                running.fail(&error.to_string());
            }
            return;
        }
    }
}

/// Whom a node asks that starts to go on alone. Returns how long leases are that others may have still.
pub(super) async fn may_go_on_alone(
    host: &Host,
    myself: &Myself,
    store: &LogStore,
    snapshots: &Snapshots,
) -> Result<LeaseConfig, StartError> {
    let Remembered { cluster, lease, voters, nodes, .. } = Remembered::of(host, store, snapshots).await?;
    let refused = |reason: String| Err(StartError::Refused { by: "recover_alone".into(), reason });
    let Some((id, generation)) = cluster else {
        return refused(
            "this data directory knows of no cluster to go on with; look whether it is the right one, or start without".into(),
        );
    };
    myself.belongs_to(id, generation.0);
    let others = voters.iter().flatten().filter(|id| **id != myself.raft_id()).collect::<BTreeSet<_>>();
    let looks = others.into_iter().map(async |id| {
        let address = nodes.get(id)?;
        let other = host.timeout(LOOK, transport::look(host, myself, address)).await.ok().flatten()?;
        myself.met(other);
        Some((*id, other))
    });
    let met: BTreeMap<u64, u128> = join_all(looks).await.into_iter().flatten().collect();
    if myself.is_over().now_or_never().is_some() {
        return refused("this node's cluster has gone on without it already; started without, it joins that".into());
    }
    let answers = |id: &u64| *id == myself.raft_id() || met.get(id).is_some_and(|other| Some(*other) == myself.cluster_id());
    if !voters.is_empty() && voters.iter().all(|set| set.iter().filter(|id| answers(id)).count() * 2 > set.len()) {
        return refused(
            "with the voters that answer the cluster has a majority: there is nothing to recover, start without".into(),
        );
    }
    Ok(LeaseConfig { length: Duration::from_millis(lease.into()) })
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
    let Remembered { cluster, mut addresses, .. } = Remembered::of(host, store, snapshots).await?;
    let Some((id, generation)) = cluster else {
        // It forgot the generation before, and ended before it was in the next.
        let joins = identity.joins.clone();
        return Ok(joins.map_or_else(Vec::new, |Joins { cluster, generation, seeds }| {
            myself.belongs_to(cluster, generation);
            seeds
        }));
    };
    myself.belongs_to(id, generation.0);
    addresses.extend(seeds.iter().map(|seed| Arc::from(seed.as_str())));
    addresses.remove(myself.address());
    let looks = addresses.into_iter().map(async |address| {
        let other = host.timeout(LOOK, transport::look(host, myself, &address)).await.ok().flatten()?;
        myself.met(other);
        Some((other, address))
    });
    let met: Vec<(u128, Arc<str>)> = join_all(looks).await.into_iter().flatten().collect();
    let Some((id, generation)) = myself.is_over().now_or_never() else { return Ok(Vec::new()) };
    tracing::warn!("this node's cluster went on without it, as a new generation; the node joins that one anew");
    myself.belongs_to(id, generation.0);
    let ours = myself.cluster_id();
    let seeds: Vec<_> =
        met.into_iter().filter(|(other, _)| Some(*other) == ours).map(|(_, address)| address.to_string()).collect();
    *identity = identity.anew(host, Joins { cluster: id, generation: generation.0, seeds: seeds.clone() });
    store.begin_anew(snapshots, identity).await?;
    myself.has_new_raft_id(identity.raft_id);
    Ok(seeds)
}
