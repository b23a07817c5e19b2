//! What a node does for as long as it runs: it renews its lease, follows the members, comes back when it was taken for dead.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    net::SocketAddr,
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use futures_util::{FutureExt as _, future::join_all};
use openraft::async_runtime::WatchReceiver as _;
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};

use super::{
    ClusterEvent, NodeId, anew,
    control::{Change, Changed, Lane, Member, MemberStatus, Renewal, View, call},
    join::{self, NotBack},
    lease::{LeaseConfig, NoGrant},
    running::Running,
    settings::Settings,
    swim::{self, SwimCommand},
    transport::Callee,
};
use crate::{
    actor::{ActorId, Links as _},
    host::Host,
};

/// How often the lateness of timers is measured.
const LATENESS: Duration = Duration::from_millis(50);
/// How often the members' names are resolved again.
const RESOLVE: Duration = Duration::from_secs(5);
/// How long that may take, each.
const LOOK_UP: Duration = Duration::from_secs(2);
/// How often it is looked whether the system is still there.
const LOOK: Duration = Duration::from_secs(1);
/// How often the same node of another cluster is told of, and how many of them.
const TELL: Duration = Duration::from_secs(60);
const STRANGERS: usize = 64;
/// How often a leader looks for those whom nobody hears any more, and how long each has to answer.
const AROUND: Duration = Duration::from_secs(5);
const PROBE: Duration = Duration::from_secs(1);
/// Between two attempts to come back.
const AGAIN: Duration = Duration::from_millis(200);

/// Starts the node's standing tasks on the control plane's host.
pub(super) fn begin(control: &Host, running: &Arc<Running>, changes: mpsc::UnboundedReceiver<Changed>, settings: &Settings) {
    let beat = settings.raft.heartbeat_interval;
    control.spawn(until_the_end(running.clone(), renew(running.clone(), beat, settings.seeds.clone())));
    let members = Arc::new(Notify::new());
    control.spawn(until_the_end(running.clone(), follow(running.clone(), changes, members.clone())));
    control.spawn(until_the_end(running.clone(), tell_swim(running.clone(), members)));
    if settings.has_tls() && settings.secret.is_none() {
        control.spawn(until_the_end(running.clone(), seal_swim(running.clone(), settings.cluster.clone())));
    }
    control.spawn(until_the_end(running.clone(), watch_leader(running.clone())));
    control.spawn(until_the_end(running.clone(), anew::join_later_generations(running.clone())));
    control.spawn(until_the_end(running.clone(), tell_strangers(running.clone())));
    control.spawn(until_the_end(running.clone(), look_around(running.clone())));
    control.spawn(until_the_end(running.clone(), measure(running.clone())));
    control.spawn(until_the_end(running.clone(), outlive_nobody(running.clone())));
}

/// A standing task of the node. One that panics takes the node along: it would be a member that does half of its part.
pub(super) async fn until_the_end(running: Arc<Running>, task: impl Future<Output = ()>) {
    let mut ending = running.ending.subscribe();
    let panicked = tokio::select! {
        biased;
        _ = ending.wait_for(|ending| *ending) => None,
        ended = AssertUnwindSafe(task).catch_unwind() => ended.err(),
    };
    if panicked.is_some() {
        running.fail("one of its tasks panicked; the panic's own message says where");
    }
}

/// Ends the node once nobody refers to its system any more and no actor lives in it: nothing will ever shut that down.
async fn outlive_nobody(running: Arc<Running>) {
    while running.system.upgrade().is_some() {
        running.host.sleep(LOOK).await;
    }
    tracing::info!("nobody has this node's system any more: the node leaves");
    let leaving = running.clone();
    running.host.spawn(async move { leaving.end().await });
}

/// Asks for the first lease, for a few heartbeats at most: a node that has started may serve, and can go in good order.
pub(super) async fn first_lease(running: &Running, beat: Duration) {
    for _ in 0..4 {
        let _ = running.leases.renew(&running.plane, beat * 5).await;
        if running.leases.is_held() {
            return;
        }
        running.host.sleep(beat / 4).await;
    }
}

/// Asks for the lease with each heartbeat, whatever became of the last time.
async fn renew(running: Arc<Running>, beat: Duration, seeds: Vec<String>) {
    let host = running.host.clone();
    let (lost, mut is_lost) = mpsc::channel::<Renewal>(1);
    let mut others = seeds.iter().cycle();
    loop {
        tokio::select! {
            biased;
            Some(_) = is_lost.recv() => come_back(&running, others.next()).await,
            () = host.sleep(beat) => {
                // Who has not come in has nothing to hold, and disturbs who asks the same nodes to be let in.
                if !running.entered.load(Relaxed) {
                    continue;
                }
                let (running, lost) = (running.clone(), lost.clone());
                host.spawn(async move {
                    let renewal = running.leases.renew(&running.plane, beat * 5).await;
                    if let Some(renewal @ (Renewal::NotMember | Renewal::Refused(NoGrant::Down))) = renewal {
                        let _ = lost.try_send(renewal);
                    }
                });
            }
        }
    }
}

/// The others hold this node for dead, and it is not.
async fn come_back(running: &Arc<Running>, seed: Option<&String>) {
    let myself = running.plane.myself().key().clone();
    // Who has not come in yet sees to that elsewhere.
    if *running.parting.borrow() || !running.entered.load(Relaxed) {
        return;
    }
    running.leases.fence();
    running.emit(ClusterEvent::Fenced { reason: "this node was taken for dead; it joins again".into() });
    match join::rejoin(&running.plane, seed, LeaseConfig { length: running.lease }).await {
        Ok(()) => tracing::info!(node = %myself, "back in the cluster"),
        Err(NotBack::GivenUp) => running.is_given_up(),
        Err(NotBack::Yet(error)) => {
            tracing::warn!(%error, "not back in the cluster yet");
            running.host.sleep(AGAIN).await;
        }
    }
}

/// Datagrams are sealed from when this node learns with what.
async fn seal_swim(running: Arc<Running>, cluster: String) {
    let mut applied = running.plane.published().applied();
    loop {
        applied.borrow_and_update();
        if let Some(key) = running.plane.view().cluster.as_ref().and_then(|cluster| cluster.seal.as_ref()) {
            let _ = running.swim.commands.send(SwimCommand::Seal(key.seal(&cluster))).await;
            return;
        }
        if applied.changed().await.is_err() {
            return;
        }
    }
}

/// Follows the replicated state.
async fn follow(running: Arc<Running>, mut changes: mpsc::UnboundedReceiver<Changed>, members_changed: Arc<Notify>) {
    while let Some(Changed { change, .. }) = changes.recv().await {
        match &change {
            Change::Cluster(cluster) => running.plane.myself().belongs_to(cluster.id, cluster.generation),
            Change::Down { node } => running.network.lost(node, "its node is down"),
            Change::Left { node } => running.network.lost(node, "its node has left the cluster"),
            Change::Replaced { node, .. } => running.network.lost(node, "its node has restarted"),
            Change::Away { node } => running.network.lost(node, "its node is away"),
            // It is back, whether it has heard the answer to its request or not, and its names were free meanwhile.
            Change::Up { node, .. } if node == running.plane.myself().key() => {
                let again = running.clone();
                running.host.spawn(async move { again.register_again().await });
            }
            Change::Up { .. }
            | Change::Forgotten { .. }
            | Change::GivenUp { .. }
            | Change::Moved { .. }
            | Change::NameFreed { .. }
            | Change::NamesChanged
            | Change::Types
            | Change::Slots(_) => {}
            Change::NameTaken { name, entry } if entry.owner == *running.plane.myself().key() => {
                give_up_if_ended(&running, name, ActorId(entry.actor));
            }
            Change::NameTaken { .. } => {}
        }
        let members = matches!(
            change,
            Change::Up { .. } | Change::Moved { .. } | Change::Down { .. } | Change::Left { .. } | Change::Replaced { .. }
        );
        if let Change::Slots(_) | Change::Types | Change::GivenUp { .. } = &change {
            // There may be a next step.
            running.plane.changed().notify_one();
        }
        if let Change::Up { member, .. } | Change::Moved { member, .. } = &change {
            running.plane.caller().is_at(member.raft_id, &member.address);
        }
        if let Change::Left { node } | Change::Forgotten { node } = &change {
            let _ = running.swim.commands.send(SwimCommand::Forget(node.id.clone())).await;
        }
        if members {
            let (view, raft) = (running.plane.view(), running.plane.raft().metrics());
            let votes = |id| raft.borrow_watched().membership_config.membership().get_node(&id).is_some();
            running.plane.caller().remember_only(|id| view.by_raft_id(id).is_some() || votes(id));
            members_changed.notify_one();
            running.plane.changed().notify_one();
        }
        if let Some(event) = ClusterEvent::of(&change) {
            running.emit(event);
        }
    }
}

/// A call that was made twice, or lay in a broken connection, may register a name after its actor has ended. Whoever
/// is there still gives its name up when it ends, which comes after.
fn give_up_if_ended(running: &Running, name: &Arc<str>, actor: ActorId) {
    if let Some(system) = running.system.upgrade()
        && system.find(actor).is_none()
    {
        running.network.unregister(name, actor);
    }
}

/// A leader asks nobody who leads. It calls those who are down, and its seeds: they may have gone on as another generation,
/// or a cluster of their own, and both sides are to know.
async fn look_around(running: Arc<Running>) {
    let plane = &running.plane;
    loop {
        running.host.sleep(AROUND).await;
        if !plane.leads() {
            continue;
        }
        let view = plane.view();
        let up = view.members.values().filter(|member| member.status == MemberStatus::Up);
        let up: BTreeSet<_> = up.map(|member| member.address.clone()).collect();
        let calls = plane.known().into_iter().filter(|address| !up.contains(address)).map(|address| {
            let to = Callee { address, raft_id: None };
            plane.caller().call(to, Lane::Control, call::PROBE, Vec::new(), PROBE)
        });
        // Whom it meets by that, and who refuses it, is told of where connections are made.
        join_all(calls).await;
    }
}

/// Tells SWIM whom there is to watch, and where. A look-up can take long, and what comes of it changes: a node may have
/// started again at another address under its name.
async fn tell_swim(running: Arc<Running>, members_changed: Arc<Notify>) {
    let mut known = BTreeMap::new();
    let mut told = Vec::new();
    loop {
        let peers = members_at(&running, &known);
        if peers != told {
            told.clone_from(&peers);
            let _ = running.swim.commands.send(SwimCommand::SetPeers(peers)).await;
        }
        tokio::select! {
            biased;
            // Who is known already is told of at once; the others' names are looked up meanwhile.
            () = members_changed.notified() => {
                let peers = members_at(&running, &known);
                told.clone_from(&peers);
                let _ = running.swim.commands.send(SwimCommand::SetPeers(peers)).await;
            }
            () = running.host.sleep(RESOLVE) => {}
        }
        resolve(&running, &mut known).await;
    }
}

/// Where the members that are up listen, all at once. One that cannot be resolved now is where it was.
async fn resolve(running: &Running, known: &mut BTreeMap<Arc<str>, SocketAddr>) {
    let view = running.plane.view();
    let addresses: BTreeSet<Arc<str>> = others_up(running, &view).map(|(_, member)| member.address.clone()).collect();
    known.retain(|address, _| addresses.contains(address));
    let found = join_all(addresses.into_iter().map(async |address| {
        let found = running.host.timeout(LOOK_UP, running.host.resolve(&address)).await;
        let found = found.ok().and_then(Result::ok).and_then(|found| found.first().copied());
        (address, found)
    }));
    known.extend(found.await.into_iter().filter_map(|(address, found)| Some((address, found?))));
}

fn members_at(running: &Running, known: &BTreeMap<Arc<str>, SocketAddr>) -> Vec<swim::Peer> {
    let view = running.plane.view();
    let peer = |(id, member): (&NodeId, &Member)| Some(swim::Peer { id: id.clone(), address: *known.get(&member.address)? });
    others_up(running, &view).filter_map(peer).collect()
}

fn others_up<'v>(running: &'v Running, view: &'v View) -> impl Iterator<Item = (&'v NodeId, &'v Member)> {
    let myself = &running.plane.myself().key().id;
    view.members.iter().filter(move |(id, member)| *id != myself && member.status == MemberStatus::Up)
}

async fn watch_leader(running: Arc<Running>) {
    let (mut number, mut raft) = running.plane.seat().numbered();
    let mut metrics = raft.server_metrics();
    let mut leader = None;
    loop {
        let now = running.plane.leader().map(|leader| leader.node.id);
        if now != leader {
            leader.clone_from(&now);
            running.emit(ClusterEvent::LeaderChanged(now));
            running.plane.changed().notify_one();
        }
        if metrics.changed().await.is_err() {
            if !running.plane.seat().has_another_than(number).await {
                break;
            }
            (number, raft) = running.plane.seat().numbered();
            metrics = raft.server_metrics();
        }
    }
    // By itself: it panicked, or its disk failed. What this node holds, others will take for lost.
    let why = match &raft.metrics().borrow_watched().running_state {
        Err(fatal) => fatal.to_string(),
        Ok(()) => "its task has ended".into(),
    };
    running.fail(&why);
}

/// Tells of nodes of other clusters, of each once in a while.
async fn tell_strangers(running: Arc<Running>) {
    let mut strangers = running.plane.myself().strangers();
    let mut told: BTreeMap<Arc<str>, Instant> = BTreeMap::new();
    while strangers.changed().await.is_ok() {
        let reason = strangers.borrow_and_update().clone();
        let now = running.host.now();
        told.retain(|_, at| now.saturating_duration_since(*at) < TELL);
        if told.len() < STRANGERS && !told.contains_key(&reason) {
            told.insert(reason.clone(), now);
            running.emit(ClusterEvent::OtherCluster { reason });
        }
    }
}

/// Measures how late the control plane's timers are.
async fn measure(running: Arc<Running>) {
    let host = running.host.clone();
    let half = running.lease / 2;
    loop {
        let due = host.now() + LATENESS;
        host.sleep_until(due).await;
        let late = host.now().saturating_duration_since(due);
        let _ = running.swim.commands.try_send(SwimCommand::Lag(late));
        if late > half {
            running.emit(ClusterEvent::Late(late));
        }
    }
}
