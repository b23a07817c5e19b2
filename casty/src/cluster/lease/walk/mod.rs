//! Random walks over the rules of leases: three voters, one slot, clocks that run apart, pauses, suspended machines,
//! restarts, one-way cuts, transfers of leadership. No two nodes may serve the slot at once, in real time.
//!
//! The rules as designed hold; with any of them left out, by what the walk feeds the granter and the holder, a walk
//! finds two that serve.

mod faults;
mod leases;
mod raft;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet},
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{AskId, Clocks, Grant, Granter, Holder, LeaseConfig};
use crate::cluster::{Incarnation, NodeKey};

/// The election timeout and the heartbeat interval, in milliseconds.
const ELECTION: f64 = 600.0;
const HEARTBEAT: f64 = 100.0;
const NODES: usize = 3;
const LONG_AGO: f64 = -1e9;

/// Which rules are kept.
#[derive(Clone, Copy)]
struct Rules {
    length: f64,
    new_leader_wait: bool,
    from_quorum_ack: bool,
    stop_on_propose: bool,
    boot_clock: bool,
    notice_sleep: bool,
    table_first: bool,
    noop_first: bool,
    count_from_ask: bool,
}

const DESIGNED: Rules = Rules {
    length: 500.0,
    new_leader_wait: true,
    from_quorum_ack: true,
    stop_on_propose: true,
    boot_clock: true,
    notice_sleep: true,
    table_first: true,
    noop_first: true,
    count_from_ask: true,
};

/// A term, and the slot's epoch and owner if it changes them.
type Entry = (u64, Option<(u64, usize)>);

#[derive(Clone)]
enum Message {
    /// With the log, or a mere heartbeat.
    Beat {
        from: usize,
        term: u64,
        sent: f64,
        log: Option<Vec<Entry>>,
        commit: usize,
    },
    Ack {
        from: usize,
        term: u64,
        sent: f64,
        length: usize,
    },
    Vote {
        from: usize,
        term: u64,
        last: (u64, usize),
        transfer: bool,
    },
    Voted {
        term: u64,
    },
    Ask {
        from: usize,
        ask: AskId,
    },
    Granted {
        ask: AskId,
        grant: Grant,
    },
    Transfer {
        term: u64,
    },
}

enum Event {
    Deliver { to: usize, generation: u64, message: Message },
    Tick(usize),
    Heartbeat(usize),
    Ask(usize),
    Fault,
    Wake { node: usize, slept: f64 },
    Back(usize),
}

#[derive(PartialEq)]
enum Role {
    Follower,
    Candidate,
    Leader,
}

struct Node {
    rate: f64,
    slept: f64,
    term: u64,
    leader: Option<usize>,
    log: Vec<Entry>,
    commit: usize,
    /// These by the monotonic clock.
    heard: f64,
    started: f64,
    candidate_again: f64,
    timeout: f64,
    acks: HashMap<usize, f64>,
    quorum: f64,
    lengths: HashMap<usize, usize>,
    noop: usize,
    up: bool,
    generation: u64,
    paused_until: f64,
    inbox: Vec<Message>,
    role: Role,
    granter: Granter,
    holder: Holder,
    /// Until when this leader granted whom, by its clock.
    grants: HashMap<usize, f64>,
    stopped: HashSet<usize>,
}

struct Walk {
    rules: Rules,
    chance: StdRng,
    now: f64,
    events: BinaryHeap<Reverse<(u64, u64, usize)>>,
    /// By sequence.
    what: Vec<Option<Event>>,
    nodes: Vec<Node>,
    cut: HashSet<(usize, usize)>,
}

fn key(node: usize) -> NodeKey {
    NodeKey { id: format!("{node}").into(), incarnation: Incarnation(1) }
}

fn millis(time: f64) -> Duration {
    Duration::from_secs_f64(time.max(0.0) / 1000.0)
}

impl Walk {
    fn new(seed: u64, rules: Rules) -> Self {
        let mut walk = Self {
            rules,
            chance: StdRng::seed_from_u64(seed),
            now: 0.0,
            events: BinaryHeap::new(),
            what: Vec::new(),
            nodes: Vec::new(),
            cut: HashSet::new(),
        };
        for node in 0..NODES {
            let (rate, timeout) = (1.0 + walk.between(-0.0099, 0.0099), walk.between(0.0, 300.0));
            walk.nodes.push(Node {
                rate,
                slept: 0.0,
                term: 0,
                leader: None,
                log: Vec::new(),
                commit: 0,
                heard: LONG_AGO,
                started: LONG_AGO,
                candidate_again: 0.0,
                timeout,
                acks: HashMap::new(),
                quorum: LONG_AGO,
                lengths: HashMap::new(),
                noop: 0,
                up: true,
                generation: 0,
                paused_until: 0.0,
                inbox: Vec::new(),
                role: Role::Follower,
                granter: Granter::new(walk.config()),
                holder: Holder::new(walk.config()),
                grants: HashMap::new(),
                stopped: HashSet::new(),
            });
            walk.at(0.0, Event::Tick(node));
            walk.at(0.0, Event::Heartbeat(node));
            walk.at(0.0, Event::Ask(node));
        }
        walk.at(3000.0, Event::Fault);
        walk
    }

    /// Who served at once, if any did, and at how many steps somebody served.
    fn run(mut self) -> (Option<String>, usize) {
        let mut served = 0;
        while let Some(Reverse((at, _, index))) = self.events.pop() {
            self.now = f64::from_bits(at);
            if self.now > 25_000.0 {
                break;
            }
            if let Some(event) = self.what[index].take() {
                self.handle(event);
            }
            let serving: Vec<_> = (0..NODES).filter(|node| self.serves(*node)).collect();
            served += usize::from(!serving.is_empty());
            if serving.len() > 1 {
                return (Some(format!("at {:.0} ms {serving:?} serve", self.now)), served);
            }
        }
        (None, served)
    }

    fn config(&self) -> LeaseConfig {
        LeaseConfig { length: millis(self.rules.length) }
    }

    fn between(&mut self, least: f64, most: f64) -> f64 {
        self.chance.random_range(least..most)
    }

    fn happens(&mut self, part: f64) -> bool {
        self.chance.random::<f64>() < part
    }

    fn at(&mut self, time: f64, event: Event) {
        let index = self.what.len();
        self.what.push(Some(event));
        self.events.push(Reverse((time.to_bits(), index as u64, index)));
    }

    fn boot(&self, node: usize) -> f64 {
        self.now * self.nodes[node].rate
    }

    fn monotonic(&self, node: usize) -> f64 {
        (self.now - self.nodes[node].slept) * self.nodes[node].rate
    }

    /// What the granter counts leases by.
    fn lease_clock(&self, node: usize) -> f64 {
        if self.rules.boot_clock { self.boot(node) } else { self.monotonic(node) }
    }

    fn clocks(&self, node: usize) -> Clocks {
        let boot = self.lease_clock(node);
        let monotonic = if self.rules.notice_sleep { self.monotonic(node) } else { boot };
        // Both well above zero.
        Clocks { boot: millis(boot + 1e6), monotonic: millis(monotonic + 1e6) }
    }

    fn runs(&self, node: usize) -> bool {
        self.nodes[node].up && self.now >= self.nodes[node].paused_until
    }

    fn owner(log: &[Entry]) -> (u64, usize) {
        log.iter().rev().find_map(|(_, slot)| *slot).unwrap_or((1, 0))
    }

    fn serves(&self, node: usize) -> bool {
        let n = &self.nodes[node];
        self.runs(node) && n.holder.is_held(millis(self.boot(node) + 1e6)) && Self::owner(&n.log[..n.commit]).1 == node
    }

    fn last(&self, node: usize) -> (u64, usize) {
        let log = &self.nodes[node].log;
        (log.last().map_or(0, |(term, _)| *term), log.len())
    }

    fn send(&mut self, from: usize, to: usize, message: Message) {
        if self.cut.contains(&(from, to)) || self.happens(0.03) {
            return;
        }
        let mut delay = 0.2 - 8.0 * (1.0 - self.chance.random::<f64>()).ln();
        if self.happens(0.08) {
            delay += self.between(0.0, 300.0);
        }
        let generation = self.nodes[to].generation;
        self.at(self.now + delay, Event::Deliver { to, generation, message });
    }

    fn broadcast(&mut self, from: usize, message: &Message) {
        for to in (0..NODES).filter(|to| *to != from) {
            self.send(from, to, message.clone());
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Deliver { to, generation, message } => {
                let node = &mut self.nodes[to];
                if !node.up || node.generation != generation {
                    return;
                }
                if self.now < node.paused_until {
                    node.inbox.push(message);
                } else {
                    self.receive(to, message);
                }
            }
            Event::Tick(node) => {
                let next = self.now + self.between(15.0, 25.0);
                self.at(next, Event::Tick(node));
                if self.runs(node) {
                    self.tick(node);
                }
            }
            Event::Heartbeat(node) => {
                self.at(self.now + HEARTBEAT, Event::Heartbeat(node));
                if self.runs(node) {
                    self.beat(node);
                }
            }
            Event::Ask(node) => {
                let next = self.now + HEARTBEAT * self.between(0.9, 1.1);
                self.at(next, Event::Ask(node));
                if self.runs(node) {
                    self.ask(node);
                }
            }
            Event::Fault => self.fault(),
            Event::Wake { node, slept } => {
                self.nodes[node].slept += slept;
                for message in std::mem::take(&mut self.nodes[node].inbox) {
                    self.receive(node, message);
                }
            }
            Event::Back(node) => self.back(node),
        }
    }

    fn receive(&mut self, at: usize, message: Message) {
        match message {
            Message::Beat { from, term, sent, log, commit } => self.on_beat(at, from, term, sent, log, commit),
            Message::Ack { from, term, sent, length } => self.on_ack(at, from, term, sent, length),
            Message::Vote { from, term, last, transfer } => self.on_vote(at, from, term, last, transfer),
            Message::Voted { term } => {
                if self.nodes[at].role == Role::Candidate && self.nodes[at].term == term {
                    self.win(at);
                }
            }
            Message::Ask { from, ask } => self.on_ask(at, from, ask),
            Message::Granted { ask, grant } => self.on_granted(at, ask, grant),
            Message::Transfer { term } => {
                if self.nodes[at].term == term {
                    self.campaign(at, true);
                }
            }
        }
    }
}

/// The first walk in which two served.
fn first_found(rules: Rules, walks: u64) -> Option<String> {
    (0..walks).find_map(|seed| Walk::new(seed, rules).run().0.map(|found| format!("seed {seed}: {found}")))
}

/// 150 walks a length here; as many as the variable asks for.
#[test]
fn no_two_serve_at_once() {
    let walks: u64 = std::env::var("CASTY_LEASE_WALKS").ok().and_then(|walks| walks.parse().ok()).unwrap_or(150);
    let mut served = 0;
    for rules in [DESIGNED, Rules { length: 1000.0, ..DESIGNED }, Rules { length: 200.0, ..DESIGNED }] {
        for seed in 0..walks {
            let (found, steps) = Walk::new(seed, rules).run();
            assert_eq!(found, None, "seed {seed}");
            served += steps;
        }
    }
    println!("somebody served at {served} steps");
    assert!(served > 100_000, "the walk tests nothing: {served}");
}

#[test]
fn each_rule_is_needed() {
    let without = [
        ("new leader's wait", Rules { new_leader_wait: false, length: 560.0, ..DESIGNED }),
        ("from the last quorum", Rules { from_quorum_ack: false, ..DESIGNED }),
        ("no grant after the proposal", Rules { stop_on_propose: false, ..DESIGNED }),
        ("boot clock", Rules { boot_clock: false, ..DESIGNED }),
        ("none if the clocks have parted", Rules { notice_sleep: false, ..DESIGNED }),
        ("table first", Rules { table_first: false, ..DESIGNED }),
        ("own first entry", Rules { noop_first: false, ..DESIGNED }),
        ("counted from the request", Rules { count_from_ask: false, ..DESIGNED }),
    ];
    for (rule, rules) in without {
        let found = first_found(rules, 3000);
        println!("without \"{rule}\": {found:?}");
        assert!(found.is_some(), "nothing found without \"{rule}\"");
    }
}
