//! Puts a node together, from its settings to a member of a cluster.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::{
    Cluster, Incarnation, NodeKey, RaftConfig, StartError, SwimConfig, address, anew,
    control::{self, Closer, Driver, Leases, MemberStatus, Needs, Placing, Plane, RaftNode, RaftTimes, Seat},
    join::{self, NotIn},
    lease::LeaseConfig,
    life,
    myself::Myself,
    neighbours::Neighbour,
    running::Running,
    settings::Settings,
    shard::{self, Shards},
    stored::{self, Stored},
    swim,
    transport::{self, Caller, Door, Greeted, Network, Refusals},
    wire::handshake::{Peer, RefuseCode},
};
use crate::{
    ActorSystem,
    host::{Host, watch},
};

/// Greeted connections that wait to be taken over.
const GREETED: usize = 256;
/// How long the last datagrams may take.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Starts a node and waits until it is a member.
pub(super) async fn start(settings: Settings) -> Result<ActorSystem, StartError> {
    let host = Host::current();
    let mut least = Incarnation(0);
    loop {
        match attempt(&host, &settings, least).await {
            Ok(system) => return Ok(system),
            Err(NotIn::Start(error)) => return Err(error),
            // The clock was set back since the last start. Incarnations only rise.
            Err(NotIn::Older(known)) => least = Incarnation(known.0 + 1),
        }
    }
}

async fn attempt(host: &Host, settings: &Settings, least: Incarnation) -> Result<ActorSystem, NotIn> {
    let system = settings.system.clone().build();
    let (ready, is_ready) = oneshot::channel();
    let (main, settings, for_node) = (host.clone(), settings.clone(), system.clone());
    let (give_up, given_up) = oneshot::channel::<()>();
    let run = move |control: Host| async move {
        let mut given_up = given_up;
        // It has the system no longer than the start takes: whoever drops that is to end the node.
        let starting = async move { assemble(&main, &control, settings, least, &for_node).await };
        let started = tokio::select! {
            biased;
            // Whoever waited for the start does not any more.
            _ = &mut given_up => return,
            started = starting => started,
        };
        match started {
            Ok(parts) => {
                let running = parts.running.clone();
                let _thread = Thread(running.clone());
                if ready.send(Ok(running)).is_err() {
                    parts.running.ending.set(true);
                }
                parts.last().await;
            }
            Err(error) => drop(ready.send(Err(error))),
        }
    };
    host.apart("casty-control", run).map_err(StartError::System)?;
    let started = is_ready.await;
    // Not before: a start that is dropped half-way is given up.
    std::mem::forget(give_up);
    match started {
        Ok(Ok(running)) => {
            system.set_cluster(Cluster(running));
            Ok(system)
        }
        Ok(Err(error)) => {
            system.shutdown().await;
            Err(error)
        }
        Err(_) => {
            system.shutdown().await;
            Err(StartError::System(io::Error::other("the control plane's thread has ended")).into())
        }
    }
}

/// What a started node is, to the thread that runs its control plane.
struct Parts {
    running: Arc<Running>,
    /// The task that looks after the entities.
    _entities: Aborted,
    /// Unless its network is a simulated one.
    _neighbour: Option<Neighbour>,
    closer: Option<Closer>,
    control: Host,
    /// The task that has the listener.
    listening: JoinHandle<()>,
    /// The task that has the socket for datagrams.
    watching: JoinHandle<()>,
    /// The thread that makes TLS handshakes.
    #[cfg(feature = "tls")]
    _tls: Option<super::tls::Running>,
}

/// A task that ends with this, on whichever runtime it is.
struct Aborted(JoinHandle<()>);

impl Drop for Aborted {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The thread that runs the control plane. What unwinds it ends the node.
struct Thread(Arc<Running>);

impl Drop for Thread {
    fn drop(&mut self) {
        if std::thread::panicking() && !*self.0.ended.borrow() {
            self.0.fail("its thread has ended early");
            self.0.ended.set(true);
        }
    }
}

impl Parts {
    /// Waits for the end, and ends what the thread runs.
    async fn last(self) {
        let mut ending = self.running.ending.subscribe();
        let _ = ending.wait_for(|ending| *ending).await;
        self.running.plane.seat().close().await;
        // Whoever waits for the end may want the port again.
        let Self { mut listening, mut watching, .. } = self;
        listening.abort();
        let _ = (&mut listening).await;
        // SWIM says that this node goes, if it was told to.
        if self.control.timeout(LAST_WORDS, &mut watching).await.is_err() {
            watching.abort();
            let _ = watching.await;
        }
        if let Some(closer) = self.closer {
            let _ = self.control.timeout(Duration::from_secs(1), closer.close()).await;
        }
        self.running.ended.set(true);
        // What was told lately leaves.
        self.control.sleep(Duration::from_millis(20)).await;
    }
}

async fn assemble(
    main: &Host,
    control: &Host,
    mut settings: Settings,
    least: Incarnation,
    system: &ActorSystem,
) -> Result<Parts, NotIn> {
    shard::check(system).map_err(StartError::Setting)?;
    let swim_config = settings.swim.clone().unwrap_or_else(|| swim_for(settings.raft));
    swim_config.validate().map_err(|error| StartError::Setting(error.to_string()))?;
    #[cfg(feature = "tls")]
    let (tls, tls_thread) = handshakes(control, &settings).await?;
    let (listener, socket, bound) = address::bind(control, &settings).await?;
    let dialled = address::advertised(control, &settings, bound).await?;
    #[cfg(feature = "tls")]
    if let Some(tls) = &tls {
        tls.configs().check_own(&dialled)?;
    }
    let Stored { mut identity, mut store, snapshots, closer } = stored::open(control, &settings).await?;
    let key = NodeKey { id: identity.node_id.clone(), incarnation: identity.incarnation.max(least) };
    let myself = Myself::new(
        key.clone(),
        identity.raft_id,
        dialled.as_str().into(),
        settings.cluster.as_str().into(),
        settings.secret.clone(),
    );
    #[cfg(feature = "tls")]
    let myself = myself.with_tls(tls);
    let myself = Arc::new(myself);
    if settings.recover_alone {
        let node = RaftNode::new(key.id.clone(), dialled.as_str().into());
        let alone = async {
            let lease = anew::may_go_on_alone(control, &myself, &store, &snapshots).await?;
            // Whoever has one, of the generation that ends here, serves until then.
            let length = lease.length.max(lease_for(settings.raft).length);
            control.sleep(LeaseConfig { length }.ended_everywhere()).await;
            // The others may have been started meanwhile.
            anew::may_go_on_alone(control, &myself, &store, &snapshots).await?;
            control::recover_alone(control, identity.raft_id, node, &mut store, &snapshots).await.map_err(StartError::System)
        };
        if let Err(error) = alone.await {
            // The directory is free for the start that follows.
            if let Some(closer) = closer {
                closer.close().await;
            }
            return Err(error.into());
        }
        tracing::warn!("this node goes on alone; the others have to join anew");
    } else {
        let over = anew::forget_what_is_over(control, &myself, &settings.seeds, &mut identity, &store, &snapshots).await;
        settings.seeds.extend(over.map_err(StartError::System)?);
    }
    let caller = Caller::new(control.clone(), myself.clone());
    let at = caller.clone();
    let needs = Needs {
        host: control.clone(),
        myself: myself.clone(),
        caller: caller.clone(),
        cluster: settings.cluster.as_str().into(),
        times: times(settings.raft),
        identity,
        store,
        snapshots,
    };
    let (seat, published, changes) = Seat::take(needs).await.map_err(|error| StartError::Setting(error.to_string()))?;
    if let Some(cluster) = &published.view().cluster {
        myself.belongs_to(cluster.id, cluster.generation);
    }
    let shards = Shards::new(main, system.downgrade(), key.clone());
    system.set_home(shards.clone());
    let types = shard::declared(system);
    let pass = shards.pass().clone();
    let leases = Leases::new(control.clone(), seat.clone(), published.clone(), lease_for(settings.raft), pass);
    let plane = Plane::new(control.clone(), myself.clone(), seat, caller, published, leases.clone(), settings.seeds.clone());

    let refused = Arc::new(Refusals::default());
    let network = Network::new(main.clone(), plane.clone(), system, settings.limit(), refused.clone(), shards.clone());
    shards.connect(plane.clone(), &network);
    let (data, mut data_in) = mpsc::channel::<Greeted>(GREETED);
    let (calls, mut calls_in) = mpsc::channel::<Greeted>(GREETED);
    let judged = plane.clone();
    let door = Door {
        host: control.clone(),
        myself: myself.clone(),
        judge: Arc::new(move |peer: &Peer| {
            judge(&judged, peer)?;
            at.is_at(peer.raft_id, &peer.advertise);
            Ok(())
        }),
        data,
        control: calls,
        refused: refused.clone(),
    };
    let listening = control.spawn(door.run(listener));
    let served = Arc::new(plane.clone());
    let (host, me, refusals) = (control.clone(), myself.clone(), refused.clone());
    control.spawn(async move {
        while let Some(greeted) = calls_in.recv().await {
            host.spawn(transport::answer(host.clone(), me.clone(), greeted, served.clone(), refusals.clone()));
        }
    });
    let taking = network.clone();
    main.spawn(async move {
        while let Some(mut greeted) = data_in.recv().await {
            match greeted.stream.moved_here() {
                Ok(stream) => {
                    greeted.stream = stream;
                    taking.accept(greeted);
                }
                Err(error) => tracing::warn!(%error, "a connection could not be taken over"),
            }
        }
    });

    let reach = control.resolve(&dialled).await.ok().and_then(|found| found.first().copied()).unwrap_or(bound);
    let seed = control.random();
    let core = swim::Swim::new(swim::Identity::new(key, reach), swim_config.clone(), seed);
    let (swim_events, mut swim_told) = mpsc::channel(GREETED);
    // Whom TLS lets in learns the key with the state; until then this node's datagrams are silent.
    let seals = settings.has_tls() && settings.secret.is_none();
    let seal = if seals {
        plane.view().cluster.as_ref().and_then(|cluster| cluster.seal.as_ref()).map(|key| key.seal(&settings.cluster))
    } else {
        Some(swim::Seal::new(&settings.cluster, myself.secret().map(super::wire::handshake::Secret::bytes)))
    };
    let (swim, swim_driver) = swim::Driver::new(control.clone(), socket, core, seal, swim_events);
    let watching = control.spawn(swim_driver.run());
    let told = plane.clone();
    control.spawn(async move {
        while swim_told.recv().await.is_some() {
            told.changed().notify_one();
        }
    });
    let driver = Driver {
        host: control.clone(),
        plane: plane.clone(),
        leases: leases.clone(),
        swim: swim.clone(),
        on_suspicion: swim_config.proposes_on_suspicion(),
        tick: (settings.raft.heartbeat_interval / 4).max(Duration::from_millis(10)),
        keep_gone: settings.away_for,
        gone_since: HashMap::new(),
        parting: BTreeMap::new(),
        placing: Placing::default(),
        cluster: settings.cluster.as_str().into(),
        seals,
        lease: lease_for(settings.raft).millis(),
    };
    let running = Arc::new(Running {
        host: control.clone(),
        system: system.downgrade(),
        plane: plane.clone(),
        leases,
        network: network.clone(),
        swim,
        refused,
        durable: settings.data_dir.is_some(),
        limit: system.shutdown_timeout(),
        lease: lease_for(settings.raft).length,
        parting: watch::Sender::new(false),
        parted: AtomicBool::new(false),
        returns: AtomicU64::new(0),
        entered: AtomicBool::new(false),
        ending: watch::Sender::new(false),
        ended: watch::Sender::new(false),
    });
    control.spawn(life::until_the_end(running.clone(), driver.run()));
    life::begin(control, &running, changes, &settings);
    let entities = Aborted(main.spawn(life::until_the_end(running.clone(), shards.clone().run())));
    control.spawn(life::until_the_end(running.clone(), shards.clone().propose()));
    system.set_links(network);
    let parts = Parts {
        running,
        _entities: entities,
        _neighbour: (!main.is_simulated()).then(|| Neighbour::enter(shards.node())),
        closer,
        control: control.clone(),
        listening,
        watching,
        #[cfg(feature = "tls")]
        _tls: tls_thread,
    };
    if let Err(error) = join::enter(&plane, &settings.seeds, lease_for(settings.raft)).await {
        parts.running.network.close();
        parts.running.ending.set(true);
        parts.last().await;
        return Err(error);
    }
    parts.running.entered.store(true, Relaxed);
    life::first_lease(&parts.running, settings.raft.heartbeat_interval).await;
    let mut ending = parts.running.ending.subscribe();
    let declared = tokio::select! {
        declared = shards.declare(types) => declared,
        _ = ending.wait_for(|is_ending| *is_ending) => Err("the node has ended before the cluster agreed on its types".into()),
    };
    if let Err(error) = declared {
        parts.running.network.close();
        parts.running.ending.set(true);
        parts.last().await;
        return Err(StartError::Setting(error).into());
    }
    Ok(parts)
}

/// What makes TLS handshakes, and its thread.
#[cfg(feature = "tls")]
async fn handshakes(
    control: &Host,
    settings: &Settings,
) -> Result<(Option<super::tls::Handshakes>, Option<super::tls::Running>), StartError> {
    let Some(tls) = settings.tls.clone() else { return Ok((None, None)) };
    let configs = control.blocking(move || super::tls::Configs::read(&tls)).await??;
    let (handshakes, running) = super::tls::Handshakes::start(control, configs)?;
    Ok((Some(handshakes), Some(running)))
}

fn times(raft: RaftConfig) -> RaftTimes {
    RaftTimes {
        heartbeat: raft.heartbeat_interval,
        election_min: raft.election_timeout_min,
        election_max: raft.election_timeout_max,
    }
}

/// Leases and SWIM follow how quick raft is.
pub(super) fn lease_for(raft: RaftConfig) -> LeaseConfig {
    if raft.election_timeout_max <= RaftConfig::fast().election_timeout_max {
        LeaseConfig::FAST
    } else if raft.election_timeout_max < RaftConfig::relaxed().election_timeout_max {
        LeaseConfig::DEFAULT
    } else {
        LeaseConfig::RELAXED
    }
}

fn swim_for(raft: RaftConfig) -> SwimConfig {
    if raft.election_timeout_max <= RaftConfig::fast().election_timeout_max {
        SwimConfig::fast()
    } else if raft.election_timeout_max < RaftConfig::relaxed().election_timeout_max {
        SwimConfig::default()
    } else {
        SwimConfig::relaxed()
    }
}

/// Whether a peer that has proved who it is may stay.
fn judge(plane: &Plane, peer: &Peer) -> Result<(), (RefuseCode, String)> {
    let view = plane.view();
    // A control connection is what an older start, or one whose clock was set back, learns it by: from the answer to its join.
    let is_data = peer.lane == super::wire::handshake::Lane::Data;
    let Some(member) = view.members.get(&peer.node) else {
        if is_data && view.is_past(&peer.node, peer.incarnation) {
            return Err((RefuseCode::Fenced, format!("{} is no member any more; it has to join again first", peer.node)));
        }
        return Ok(());
    };
    if is_data && member.incarnation > peer.incarnation {
        let text = format!("a later start of {} is a member: this one (incarnation {:?}) is over", peer.node, peer.incarnation);
        return Err((RefuseCode::Fenced, text));
    }
    if is_data && member.incarnation == peer.incarnation && member.status == MemberStatus::Down {
        return Err((RefuseCode::Fenced, format!("{} is taken for dead; it has to join again first", peer.node)));
    }
    Ok(())
}
