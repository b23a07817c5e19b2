//! Several cores on a network that loses, delays and doubles.

use std::{cmp::Reverse, collections::BinaryHeap, net::SocketAddr, time::Duration};

use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng};

use super::{
    config::SwimConfig,
    core::Swim,
    identity::Identity,
    news::{Action, Opinion, Peer, SwimEvent},
};
use crate::cluster::{Incarnation, NodeKey};

const MS: Duration = Duration::from_millis(1);

/// When a packet arrives, in which order, at whom.
type Flying = (Duration, u64, usize, Vec<u8>);

struct Node {
    core: Swim,
    up: bool,
    /// What came while the node stood still.
    paused: Option<Vec<Vec<u8>>>,
    /// How late its timers are.
    late: Duration,
    events: Vec<(Duration, SwimEvent)>,
}

impl Node {
    fn due(&self) -> Option<Duration> {
        Some(self.core.next_deadline()? + self.late)
    }
}

/// A world in virtual time.
struct World {
    now: Duration,
    nodes: Vec<Node>,
    chance: StdRng,
    flying: BinaryHeap<Reverse<Flying>>,
    sequence: u64,
    loss: f64,
    doubled: f64,
    delay: (Duration, Duration),
    /// Ways that are cut.
    cut: Vec<(usize, usize)>,
    config: SwimConfig,
    packets: u64,
}

/// How much is tried: more where a variable asks for it.
fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(usual)
}

fn address(node: usize) -> SocketAddr {
    ([10, 0, 0, 1], 1000 + u16::try_from(node).unwrap()).into()
}

fn key(node: usize, incarnation: u64) -> NodeKey {
    NodeKey { id: format!("node-{node}").into(), incarnation: Incarnation(incarnation) }
}

impl World {
    fn of(nodes: usize, config: &SwimConfig, seed: u64) -> Self {
        let mut world = Self {
            now: Duration::from_secs(1),
            nodes: Vec::new(),
            chance: StdRng::seed_from_u64(seed),
            flying: BinaryHeap::new(),
            sequence: 0,
            loss: 0.0,
            doubled: 0.0,
            delay: (MS / 10, MS),
            cut: Vec::new(),
            config: config.clone(),
            packets: 0,
        };
        for node in 0..nodes {
            let core = world.core(node, 1);
            world.nodes.push(Node { core, up: true, paused: None, late: Duration::ZERO, events: Vec::new() });
        }
        world
    }

    fn core(&mut self, node: usize, incarnation: u64) -> Swim {
        let identity = Identity::new(key(node, incarnation), address(node));
        let mut core = Swim::new(identity, self.config.clone(), self.chance.random());
        // Each knows the first one, which knows nobody.
        if node > 0 {
            core.set_peers(vec![Peer { id: key(0, 0).id, address: address(0) }]);
        }
        core
    }

    fn settled(nodes: usize, config: &SwimConfig, seed: u64) -> Self {
        let mut world = Self::of(nodes, config, seed);
        assert!(world.run_until(Duration::from_secs(10), |world| world.all(Opinion::Alive)), "never converged");
        world
    }

    fn run(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    /// Whether `done` was true within `limit`.
    fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + limit;
        loop {
            for node in 0..self.nodes.len() {
                self.carry_out(node);
            }
            if done(self) {
                return true;
            }
            let running = self.nodes.iter().filter(|node| node.up && node.paused.is_none());
            let timer = running.filter_map(Node::due).min();
            let packet = self.flying.peek().map(|Reverse((at, ..))| *at);
            let next = [timer, packet].into_iter().flatten().min().unwrap_or(end).max(self.now);
            if next > end {
                self.now = end;
                return false;
            }
            self.now = next;
            while self.flying.peek().is_some_and(|Reverse((at, ..))| *at <= next) {
                let Some(Reverse((_, _, to, packet))) = self.flying.pop() else { break };
                match &mut self.nodes[to] {
                    Node { up: false, .. } => {}
                    Node { paused: Some(waiting), .. } => waiting.push(packet),
                    node => node.core.handle_datagram(next, &packet),
                }
            }
            for node in &mut self.nodes {
                if node.up && node.paused.is_none() && node.due().is_some_and(|at| at <= next) {
                    node.core.handle_time(next);
                }
            }
        }
    }

    fn carry_out(&mut self, from: usize) {
        while let Some(action) = self.nodes[from].core.next_action() {
            match action {
                Action::Tell(event) => self.nodes[from].events.push((self.now, event)),
                Action::Send { to, packet } => {
                    self.packets += 1;
                    let Some(to) = (0..self.nodes.len()).find(|node| address(*node) == to) else { continue };
                    if self.cut.contains(&(from, to)) || self.chance.random::<f64>() < self.loss {
                        continue;
                    }
                    let copies = if self.chance.random::<f64>() < self.doubled { 2 } else { 1 };
                    for _ in 0..copies {
                        let delay = self.delay.0 + (self.delay.1 - self.delay.0).mul_f64(self.chance.random());
                        self.sequence += 1;
                        self.flying.push(Reverse((self.now + delay, self.sequence, to, packet.clone())));
                    }
                }
            }
        }
    }

    fn opinion(&self, of: usize, about: &NodeKey) -> Opinion {
        self.nodes[of].core.opinion(about)
    }

    /// Whether all that are up are of this opinion about all others that are up.
    fn all(&self, opinion: Opinion) -> bool {
        let up = || (0..self.nodes.len()).filter(|node| self.nodes[*node].up);
        up().all(|of| up().all(|about| of == about || self.opinion(of, &self.nodes[about].core.identity().key()) == opinion))
    }

    /// Whether all others that are up are of this opinion about one.
    fn all_about(&self, about: &NodeKey, opinion: Opinion) -> bool {
        let others = self.nodes.iter().filter(|node| node.up && node.core.identity().id != about.id);
        others.into_iter().all(|node| node.core.opinion(about) == opinion)
    }

    fn downs(&self) -> Vec<(usize, Duration, NodeKey)> {
        let downs = |(of, node): (usize, &Node)| {
            let downs = node.events.iter().filter_map(move |(at, event)| match event {
                SwimEvent::Down(key) => Some((of, *at, key.clone())),
                _ => None,
            });
            downs.collect::<Vec<_>>()
        };
        self.nodes.iter().enumerate().flat_map(downs).collect()
    }

    fn count(&self, node: usize, wanted: impl Fn(&SwimEvent) -> bool) -> usize {
        self.nodes[node].events.iter().filter(|(_, event)| wanted(event)).count()
    }

    fn suspicions(&self) -> usize {
        (0..self.nodes.len()).map(|node| self.count(node, |event| matches!(event, SwimEvent::Suspect(_)))).sum()
    }

    fn pause(&mut self, node: usize, time: Duration) {
        self.nodes[node].paused = Some(Vec::new());
        self.run(time);
        // Of what waits in a socket, the newest is lost first.
        let waiting = self.nodes[node].paused.take().unwrap_or_default();
        for packet in waiting.iter().take(500) {
            self.nodes[node].core.handle_datagram(self.now, packet);
        }
    }

    fn restart(&mut self, node: usize, incarnation: u64) {
        let core = self.core(node, incarnation);
        self.nodes[node] = Node { core, up: true, paused: None, late: Duration::ZERO, events: Vec::new() };
    }
}

#[test]
fn nodes_that_know_one_get_to_know_all() {
    for seed in 0..10 {
        let mut world = World::of(8, &SwimConfig::default(), seed);
        (world.loss, world.doubled) = (0.05, 0.05);
        assert!(world.run_until(Duration::from_secs(5), |world| world.all(Opinion::Alive)), "seed {seed}");
    }
}

/// How long it takes until every survivor takes a killed node for dead (or suspects it), sorted.
fn detection(config: &SwimConfig, nodes: usize, opinion: Opinion, rounds: u64, missed: Option<Duration>) -> Vec<Duration> {
    let mut times = Vec::new();
    for seed in 0..rounds {
        let mut world = World::settled(nodes, config, seed);
        world.run(Duration::from_millis(seed * 37));
        let (killed, victim) = (world.now, key(1, 1));
        world.nodes[1].up = false;
        let reached = |world: &World| {
            // The first one is enough for a suspicion: it proposes.
            match opinion {
                Opinion::Suspect => world.nodes.iter().any(|node| node.up && node.core.opinion(&victim) != Opinion::Alive),
                _ => world.all_about(&victim, opinion),
            }
        };
        if let Some(missed) = missed
            && !world.run_until(missed, reached)
        {
            let now = world.now;
            world.nodes[0].core.doubt(now, &victim);
        }
        assert!(world.run_until(Duration::from_secs(10), reached), "seed {seed}: never noticed");
        times.push(world.now - killed);
    }
    times.sort();
    times
}

/// Left to their turns, probes come late now and then, the more so the more nodes there are: so who misses a node's
/// renewals has it probed out of turn.
#[test]
fn a_killed_node_is_down_everywhere_in_time() {
    let rounds = number("CASTY_SWIM_ROUNDS", 10);
    let limit = |config: &SwimConfig, nodes, opinion, missed, limit| {
        let times = detection(config, nodes, opinion, rounds, missed);
        let (p50, max) = (times[times.len() / 2], times[times.len() - 1]);
        println!("{nodes} nodes, {opinion:?}, missed after {missed:?}: p50 {p50:?}, max {max:?}");
        assert!(max <= limit, "{times:?}");
    };
    let (default, fast) = (SwimConfig::default(), SwimConfig::fast());
    for nodes in [3, 5, 9] {
        limit(&default, nodes, Opinion::Down, None, 2600 * MS);
        limit(&default, nodes, Opinion::Down, Some(250 * MS), 1250 * MS);
        limit(&fast, nodes, Opinion::Suspect, None, 900 * MS);
        limit(&fast, nodes, Opinion::Suspect, Some(75 * MS), 150 * MS);
        limit(&fast, nodes, Opinion::Down, Some(75 * MS), 450 * MS);
    }
}

#[test]
fn a_doubt_about_a_living_node_changes_nothing() {
    let mut world = World::settled(5, &SwimConfig::default(), 3);
    (world.loss, world.delay) = (0.05, (MS / 10, 100 * MS));
    for _ in 0..300 {
        let now = world.now;
        world.nodes[0].core.doubt(now, &key(3, 1));
        world.run(250 * MS);
    }
    assert_eq!(world.downs(), []);
    assert!(world.nodes.iter().all(|node| node.core.identity().renewal == 0));
}

/// Some minutes here; an hour where the variable asks for it.
#[test]
fn loss_and_jitter_alone_take_nobody_for_dead() {
    let minutes = number("CASTY_SWIM_MINUTES", 2);
    let mut world = World::settled(5, &SwimConfig::default(), number("CASTY_SWIM_SEED", 42));
    (world.loss, world.doubled, world.delay) = (0.05, 0.01, (MS / 10, 100 * MS));
    world.run(Duration::from_secs(60 * minutes));
    println!("{minutes} minutes: {} suspicions, {} packets", world.suspicions(), world.packets);
    assert_eq!(world.downs(), []);
    assert!((0..5).all(|node| world.nodes[node].core.identity().renewal == 0));
}

#[test]
fn a_short_pause_changes_no_identity() {
    for seed in 0..10 {
        let mut world = World::settled(5, &SwimConfig::default(), seed);
        for pause in [300, 450, 600] {
            world.pause(2, pause * MS);
            world.run(Duration::from_secs(3));
        }
        assert_eq!(world.downs(), [], "seed {seed}");
        assert_eq!(world.nodes[2].core.identity().renewal, 0);
        assert!(world.all(Opinion::Alive));
    }
}

#[test]
fn after_a_long_pause_a_node_is_back_at_once_and_condemns_nobody() {
    for seed in 0..20 {
        let mut world = World::settled(5, &SwimConfig::default(), seed);
        world.pause(2, Duration::from_secs(4));
        assert!(world.all_about(&key(2, 1), Opinion::Down));
        let woken = world.now;
        assert!(world.run_until(Duration::from_secs(3), |world| world.all(Opinion::Alive)), "seed {seed}");
        assert!(world.now - woken < 600 * MS, "seed {seed}: {:?}", world.now - woken);
        world.run(Duration::from_secs(3));
        assert!(world.all(Opinion::Alive));
        assert!(world.downs().iter().all(|(_, at, key)| key.id.as_str() == "node-2" && *at < woken), "{:?}", world.downs());
        assert_eq!(world.nodes[2].core.identity().key(), key(2, 1), "the incarnation is the process's");
        assert!(world.count(2, |event| matches!(event, SwimEvent::Paused(_))) == 1);
        assert!(world.count(2, |event| *event == SwimEvent::Rejoined) >= 1);
    }
}

#[test]
fn a_partition_of_minutes_heals() {
    for (nodes, apart) in [(5, 2), (5, 1), (2, 1), (4, 2)] {
        let mut world = World::settled(nodes, &SwimConfig::default(), 7);
        for a in 0..apart {
            for b in apart..nodes {
                world.cut.extend([(a, b), (b, a)]);
            }
        }
        world.run(Duration::from_secs(180));
        assert!(!world.all(Opinion::Alive));
        world.cut.clear();
        let healed = world.now;
        assert!(world.run_until(Duration::from_secs(10), |world| world.all(Opinion::Alive)), "{nodes}, {apart}");
        println!("{apart} of {nodes}: whole again after {:?}", world.now - healed);
        world.run(Duration::from_secs(5));
        assert!(world.all(Opinion::Alive));
        assert!((0..nodes).all(|node| world.nodes[node].core.identity().key() == key(node, 1)));
    }
}

#[test]
fn a_restarted_node_is_known_again_at_once() {
    let mut longest = Duration::ZERO;
    for (seed, away) in (0..20).zip([100, 700, 3000].into_iter().cycle()) {
        let mut world = World::settled(5, &SwimConfig::default(), seed);
        world.nodes[1].up = false;
        world.run(away * MS);
        world.restart(1, 2);
        let restarted = world.now;
        assert!(world.run_until(Duration::from_secs(3), |world| world.all(Opinion::Alive)), "seed {seed}");
        longest = longest.max(world.now - restarted);
        assert_eq!(world.opinion(0, &key(1, 1)), Opinion::Down);
        assert!(world.count(0, |event| matches!(event, SwimEvent::Restarted { .. })) == 1);
        world.run(Duration::from_secs(5));
        assert!(world.all(Opinion::Alive));
    }
    println!("known after {longest:?} at most");
    assert!(longest < 300 * MS, "{longest:?}");
}

#[test]
fn who_leaves_is_down_at_once() {
    let mut world = World::settled(5, &SwimConfig::default(), 3);
    let now = world.now;
    world.nodes[4].core.leave(now);
    assert_eq!(world.nodes[4].core.next_deadline(), None);
    assert!(world.run_until(500 * MS, |world| world.nodes[..4].iter().all(|n| n.core.opinion(&key(4, 1)) == Opinion::Down)));
    world.run(Duration::from_secs(5));
    assert_eq!(world.nodes[4].core.identity().renewal, 0);
}

#[test]
fn who_is_forgotten_is_asked_no_more() {
    let mut world = World::settled(3, &SwimConfig::default(), 3);
    world.nodes[1].up = false;
    assert!(world.run_until(Duration::from_secs(3), |world| world.all_about(&key(1, 1), Opinion::Down)));
    world.run(Duration::from_secs(10));
    let now = world.now;
    for node in [0, 2] {
        world.nodes[node].core.set_peers(Vec::new());
        world.nodes[node].core.forget(now, &key(1, 1).id);
        // Only who is down.
        world.nodes[node].core.forget(now, &key(2 - node, 1).id);
    }
    world.run(Duration::from_secs(5));
    assert_eq!(world.opinion(0, &key(1, 1)), Opinion::Unknown);
    assert!(world.flying.iter().all(|Reverse((_, _, to, _))| *to != 1) && world.all(Opinion::Alive));
}

#[test]
fn an_older_start_that_wakes_is_ignored_and_told() {
    let mut world = World::settled(4, &SwimConfig::default(), 3);
    // The later start runs under another address, as on another machine.
    let later = Identity::new(key(1, 2), address(4));
    let mut core = Swim::new(later, SwimConfig::default(), 1);
    core.set_peers(vec![Peer { id: key(0, 0).id, address: address(0) }]);
    world.nodes.push(Node { core, up: true, paused: None, late: Duration::ZERO, events: Vec::new() });
    let before = world.packets;
    world.run(Duration::from_secs(10));
    assert!([0, 2, 3].into_iter().all(|node| world.opinion(node, &key(1, 2)) == Opinion::Alive));
    assert_eq!(world.count(1, |event| *event == SwimEvent::Superseded(key(1, 2))), 1);
    assert!(world.packets - before < 5000, "{} packets", world.packets - before);
}

#[test]
fn late_timers_make_a_node_patient() {
    let patience = |lag: Duration| {
        let mut world = World::settled(2, &SwimConfig::default(), 5);
        world.nodes[1].up = false;
        let killed = world.now;
        let suspected = |world: &World| world.opinion(0, &key(1, 1)) == Opinion::Suspect;
        assert!(world.run_until(Duration::from_secs(2), suspected));
        world.nodes[0].core.set_lag(lag);
        assert!(world.run_until(Duration::from_secs(10), |world| world.opinion(0, &key(1, 1)) == Opinion::Down));
        world.now - killed
    };
    let (usual, late) = (patience(Duration::ZERO), patience(200 * MS));
    assert!(late > usual + 200 * MS, "{usual:?}, {late:?}");
}

#[test]
fn a_node_whose_timers_are_late_condemns_nobody() {
    for late in [50, 150, 280] {
        let mut world = World::settled(5, &SwimConfig::default(), 5);
        (world.loss, world.delay) = (0.05, (MS / 10, 50 * MS));
        world.nodes[2].late = late * MS;
        world.run(Duration::from_secs(60));
        assert_eq!(world.downs(), [], "{late} ms late");
        assert!(world.nodes[2].core.lag() >= 40 * MS);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn garbage_harms_nobody(packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
        let mut core = Swim::new(Identity::new(key(0, 1), address(0)), SwimConfig::default(), 1);
        for packet in packets {
            core.handle_datagram(MS, &packet);
            core.handle_time(2 * MS);
        }
    }

    #[test]
    fn changed_packets_harm_nobody(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..40),
    ) {
        // Packets of two nodes that meet, changed, to a third that knows both.
        let mut world = World::settled(3, &SwimConfig::default(), 1);
        let mut packets = Vec::new();
        for _ in 0..20 {
            world.run(100 * MS);
            packets.extend(world.flying.iter().map(|Reverse((.., packet))| packet.clone()));
            if packets.is_empty() {
                let now = world.now;
                world.nodes[1].core.announce(now, &Peer { id: key(2, 0).id, address: address(2) });
                if let Some(Action::Send { packet, .. }) = world.nodes[1].core.next_action() {
                    packets.push(packet);
                }
            }
        }
        for (packet, at, with) in changes {
            let mut packet = packet.get(&packets).clone();
            let at = at.index(packet.len());
            packet[at] = with;
            let now = world.now;
            world.nodes[2].core.handle_datagram(now, &packet);
            world.run(10 * MS);
        }
    }
}
