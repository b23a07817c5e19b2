//! A cluster in one process, on a simulated network and in simulated time.

mod builder;
mod inspect;
mod links;
mod node;

use std::{fmt, future::Future, time::Duration};

use crate::ActorSystem;
pub use builder::ClusterBuilder;
pub use inspect::{Inspection, SeenCopies, SeenMember, configurations, served_slots};
use links::Links;
pub use node::Running;
use node::{Node, State};

/// How long [`Cluster::on`] and [`Cluster::settle`] wait, in simulated time.
const PATIENCE: Duration = Duration::from_secs(60);
/// Nothing has changed for so long: it is settled.
const QUIET: Duration = Duration::from_secs(2);
/// The step of simulated time.
const TICK: Duration = Duration::from_millis(1);

/// Whole nodes, with the code that runs in earnest, in one thread: network and time are simulated, and all that happens
/// follows from one seed. A test cuts links, kills nodes and lets time pass, which takes hardly any.
///
/// ```standalone_crate
/// use casty::{prelude::*, testkit::Cluster};
///
/// #[message(reply = u64)]
/// struct Add(u64);
///
/// #[actor]
/// #[derive(Default)]
/// struct Sum(u64);
///
/// #[actor]
/// impl Sum {
///     #[handler]
///     fn add(&mut self, Add(n): Add) -> u64 {
///         self.0 += n;
///         self.0
///     }
/// }
///
/// let mut cluster = Cluster::of(3).seed(7).start();
/// cluster.on(0, |system| async move { system.spawn(Sum::default).name("sum").await.unwrap() });
/// let sum = cluster.on(2, |system| async move {
///     let sum = system.lookup::<Sum>("sum").await.unwrap().expect("names are known in the whole cluster");
///     sum.ask(Add(2)).await.unwrap()
/// });
/// assert_eq!(sum, 2);
///
/// cluster.crash(0);
/// cluster.settle();
/// let found = cluster.on(2, |system| async move { system.lookup::<Sum>("sum").await.unwrap() });
/// assert_eq!(found, None);
/// ```
///
/// Nodes are numbered from 0, and named `"node-0"` and so on. What runs on them is given to [`on`](Self::on); what is done
/// to a system from outside, through [`system`](Self::system), takes effect with the next step.
pub struct Cluster {
    sim: turmoil::Sim<'static>,
    nodes: Vec<Node>,
    links: Links,
}

/// A node's term, the entry that its members are as of, whether it holds a lease, and who leads.
type Outline = (u64, u64, bool, Option<String>);

impl Cluster {
    /// A cluster of so many nodes, to be started.
    pub fn of(nodes: usize) -> ClusterBuilder {
        ClusterBuilder::new(nodes)
    }

    /// How many nodes there are, those that do not run included.
    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    /// Simulated time since the start.
    pub fn elapsed(&self) -> Duration {
        self.sim.elapsed()
    }

    /// The system of a node.
    ///
    /// # Panics
    /// If the node has crashed, or has not started yet.
    #[track_caller]
    pub fn system(&self, node: usize) -> ActorSystem {
        match self.started(node) {
            Some(system) => system,
            None => panic!("node {node} does not run: {}", self.nodes[node].state()),
        }
    }

    /// The system of a node, if it runs and is a member of the cluster by its own account.
    pub fn started(&self, node: usize) -> Option<ActorSystem> {
        match &*self.nodes[node].lock() {
            State::Started(_, system) => Some(system.clone()),
            _ => None,
        }
    }

    /// Lets a millisecond pass.
    ///
    /// # Panics
    /// If a node could not start.
    #[track_caller]
    pub fn step(&mut self) {
        if let Err(error) = self.sim.step() {
            panic!("the simulation has ended: {error}");
        }
        let elapsed = self.sim.elapsed();
        self.nodes.iter().for_each(|node| node.sim().tell_time(elapsed));
    }

    /// Lets time pass.
    #[track_caller]
    pub fn run_for(&mut self, time: Duration) {
        let until = self.elapsed() + time;
        while self.elapsed() < until {
            self.step();
        }
    }

    /// Lets time pass until it is so, at most `limit`. Returns whether it is.
    #[track_caller]
    pub fn run_until(&mut self, limit: Duration, mut is_so: impl FnMut(&Self) -> bool) -> bool {
        let until = self.elapsed() + limit;
        loop {
            if is_so(self) {
                return true;
            }
            if self.elapsed() >= until {
                return false;
            }
            self.step();
        }
    }

    /// Lets time pass until the nodes have come to rest: for two seconds nothing of what they know about each other has
    /// changed. Nodes that are cut off may rest apart.
    ///
    /// # Panics
    /// If they don't within a minute of simulated time.
    #[track_caller]
    pub fn settle(&mut self) {
        let until = self.elapsed() + PATIENCE;
        let mut since = self.elapsed();
        let mut seen = self.outline();
        while self.elapsed() < since + QUIET {
            assert!(self.elapsed() < until, "the cluster has not settled within {PATIENCE:?}: {self:?}");
            for _ in 0..20 {
                self.step();
            }
            let now = self.outline();
            if now != seen {
                since = self.elapsed();
                seen = now;
            }
        }
    }

    /// What nodes know about each other.
    fn outline(&self) -> Vec<Option<Outline>> {
        let outline = |seen: Inspection| (seen.term, seen.view, seen.lease, seen.leader);
        (0..self.size()).map(|node| self.inspect(node).map(outline)).collect()
    }

    /// Lets time pass until all nodes that run are up in the eyes of all of them, hold leases, and no other node is up.
    ///
    /// # Errors
    /// What is missing, if they don't within `limit`.
    #[track_caller]
    pub fn recover(&mut self, limit: Duration) -> Result<Duration, String> {
        let began = self.elapsed();
        let mut missing = String::new();
        for _ in 0..limit.as_millis() / 5 {
            match self.whole() {
                Ok(()) => return Ok(self.elapsed() - began),
                Err(why) => missing = why,
            }
            for _ in 0..5 {
                self.step();
            }
        }
        Err(missing)
    }

    /// Runs an async block on a node, and lets time pass until it is done.
    ///
    /// # Panics
    /// If the block panics, the node does not run or crashes meanwhile, or a minute of simulated time is over.
    #[track_caller]
    pub fn on<T, F>(&mut self, node: usize, act: impl FnOnce(ActorSystem) -> F) -> T
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let mut running = self.begin(node, act);
        let until = self.elapsed() + PATIENCE;
        loop {
            if let Some(done) = running.take() {
                return done;
            }
            assert!(!running.is_lost(), "node {node} has crashed meanwhile");
            assert!(self.elapsed() < until, "what runs on node {node} is not done within {PATIENCE:?}");
            self.step();
        }
    }

    /// Has an async block begin on a node with the next step.
    ///
    /// # Panics
    /// If the node does not run.
    #[track_caller]
    pub fn begin<T, F>(&mut self, node: usize, act: impl FnOnce(ActorSystem) -> F) -> Running<T>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let state = self.nodes[node].lock();
        let State::Started(host, system) = &*state else { panic!("node {node} does not run: {state}") };
        Running::new(host.spawn(act(system.clone())))
    }

    /// The node's process ends, at once and without a word. Its disk stays.
    pub fn crash(&mut self, node: usize) {
        *self.nodes[node].lock() = State::Crashed;
        self.nodes[node].sim().wake();
        self.nodes[node].sim().gate().open();
        self.sim.crash(self.nodes[node].name());
    }

    /// Starts the node again, with its disk as it was when it crashed. A node that runs crashes first.
    pub fn restart(&mut self, node: usize) {
        self.crash(node);
        *self.nodes[node].lock() = State::Starting;
        self.sim.bounce(self.nodes[node].name());
    }

    /// Starts the node again, with an empty disk.
    pub fn restart_empty(&mut self, node: usize) {
        self.crash(node);
        self.nodes[node].sim().wipe();
        self.restart(node);
    }

    /// Whether the node's process runs. It may be paused, or on its way into the cluster.
    pub fn is_running(&self, node: usize) -> bool {
        matches!(&*self.nodes[node].lock(), State::Started(..) | State::Starting)
    }

    /// Why the node could not start, if that is so. It can be restarted.
    pub fn failure(&self, node: usize) -> Option<String> {
        match &*self.nodes[node].lock() {
            State::Failed(why) => Some(why.clone()),
            _ => None,
        }
    }

    /// The node's process is stopped, as by SIGSTOP, while time goes on.
    pub fn pause(&mut self, node: usize) {
        self.nodes[node].sim().gate().shut();
    }

    /// The node's machine sleeps: as [`pause`](Self::pause), and the clocks that count only while it is awake stand still.
    pub fn suspend(&mut self, node: usize) {
        self.nodes[node].sim().sleep();
        self.pause(node);
    }

    /// Lets a paused process, or a machine that sleeps, go on.
    pub fn resume(&mut self, node: usize) {
        self.nodes[node].sim().wake();
        self.nodes[node].sim().gate().open();
    }

    /// Whether the node is paused.
    pub fn is_paused(&self, node: usize) -> bool {
        self.nodes[node].sim().gate().is_shut()
    }

    /// Its clock for leases goes at `rate` from now on: 1.01 runs ahead by 1 %. The protocols allow for 2 % between any two.
    pub fn clock_rate(&mut self, node: usize, rate: f64) {
        self.nodes[node].sim().turn(|turns| turns.rate = rate);
    }

    /// Its time of day is off by so many milliseconds from now on.
    pub fn day_offset(&mut self, node: usize, millis: i64) {
        self.nodes[node].sim().turn(|turns| turns.day_offset = millis);
    }

    /// Of the datagrams that a node sends, these parts are lost, and come twice.
    pub fn datagrams(&mut self, node: usize, loss: f64, duplication: f64) {
        self.nodes[node].sim().turn(|turns| (turns.loss, turns.duplication) = (loss, duplication));
    }

    /// Cuts these nodes off from all others, both ways. Among themselves they still reach each other.
    pub fn partition(&mut self, nodes: &[usize]) {
        for inside in nodes {
            for outside in (0..self.size()).filter(|node| !nodes.contains(node)) {
                self.cut(*inside, outside);
                self.cut(outside, *inside);
            }
        }
    }

    /// Nothing from one node reaches the other; the other way it still does.
    pub fn cut(&mut self, from: usize, to: usize) {
        self.links.cut(&self.sim, &self.nodes, from, to);
    }

    /// Whatever is under way between two nodes stays there, and so does what comes after, until [`heal`](Self::heal).
    pub fn stall(&mut self, one: usize, other: usize) {
        self.links.stall(&self.sim, &self.nodes, one, other);
    }

    /// How long what one node sends to the other takes, at most, from now on; both ways.
    pub fn delay(&mut self, one: usize, other: usize, most: Duration) {
        self.sim.set_link_max_message_latency(self.nodes[one].name(), self.nodes[other].name(), most);
    }

    /// All links are good again, as slow as they are.
    pub fn heal(&mut self) {
        self.links.heal(&self.sim, &self.nodes);
    }

    /// Whether what one node sends can reach the other.
    pub fn reaches(&self, from: usize, to: usize) -> bool {
        self.links.is_open(from, to)
    }

    /// Its disk claims to store votes from now on, and does not.
    #[doc(hidden)]
    pub fn forget_votes(&mut self, node: usize) {
        let disk = self.nodes[node].disk();
        disk.forget_votes();
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Cluster at {:?}", self.elapsed())?;
        for (number, node) in self.nodes.iter().enumerate() {
            let seen = self.inspect(number);
            let paused = if self.is_paused(number) { ", paused" } else { "" };
            write!(f, "  {}: {}{paused}", node.name(), node.state())?;
            match seen {
                Some(seen) => writeln!(f, ", {seen}; {}", self.members(number).join(", "))?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}
