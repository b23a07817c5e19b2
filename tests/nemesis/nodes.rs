//! The nodes: their processes, disks and logs.

use std::{
    collections::BTreeMap,
    env, fs,
    path::PathBuf,
    process::{self, Stdio},
    time::{Duration, Instant},
};

use casty_tests::process::Process;

use crate::topology::Topology;

/// How many there are.
pub(crate) const COUNT: usize = 5;
const PORT: u16 = 7001;
/// How many call registers on each node, and for how long one rests between two calls, at most, in milliseconds.
const CLIENTS: u32 = 4;
const REST: u64 = 60;

/// All of them. They end with this, and their disks go; the logs stay if they were asked for.
#[derive(Debug)]
pub(crate) struct Nodes {
    /// `None` while it is dead. Before the topology, so that processes end first.
    pub(crate) running: Vec<Option<Process>>,
    pub(crate) topology: Topology,
    program: PathBuf,
    raft: String,
    memory: bool,
    dir: PathBuf,
    keeps_logs: bool,
    begun: Instant,
    /// The number of the next client, and what each node's clients call.
    client: u32,
    generation: Option<u64>,
    /// What happened in this round, and how often in all.
    pub(crate) happened: Vec<String>,
    pub(crate) faults: BTreeMap<&'static str, usize>,
}

pub(crate) fn name(node: usize) -> String {
    format!("n{}", node + 1)
}

impl Nodes {
    pub(crate) fn new(topology: Topology, raft: &str, memory: bool) -> Result<Self, String> {
        let here = env::current_exe().map_err(|error| error.to_string())?;
        let program = here.with_file_name("node");
        if !program.exists() {
            return Err(format!("there is no {}: cargo build -p casty-tests --bins", program.display()));
        }
        let dir = env::temp_dir().join(format!("casty-nemesis-{}", process::id()));
        fs::create_dir_all(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        let running = (0..COUNT).map(|_| None).collect();
        Ok(Self {
            running,
            topology,
            program,
            raft: raft.into(),
            memory,
            dir,
            keeps_logs: false,
            begun: Instant::now(),
            client: 0,
            generation: None,
            happened: Vec::new(),
            faults: BTreeMap::new(),
        })
    }

    pub(crate) fn time(&self) -> String {
        format!("{:>7.2} s", self.begun.elapsed().as_secs_f64())
    }

    pub(crate) fn start_all(&mut self) -> Result<(), String> {
        (0..COUNT).try_for_each(|node| self.start(node))
    }

    pub(crate) fn start(&mut self, node: usize) -> Result<(), String> {
        let mut command = self.topology.command(node, &self.program);
        let seeds: Vec<_> = (0..COUNT).map(|seed| format!("{}:{PORT}", Topology::ip_of(seed))).collect();
        let log = fs::File::options().create(true).append(true).open(self.dir.join(format!("{}.log", name(node))));
        command
            .env("CASTY_BIND", format!("{}:{PORT}", Topology::ip_of(node)))
            .env("CASTY_SEEDS", seeds.join(","))
            .env("CASTY_NODE_ID", name(node))
            .env("CASTY_SECRET", "nemesis")
            .env("CASTY_RAFT", &self.raft)
            .env("RUST_LOG", env::var("RUST_LOG").unwrap_or_else(|_| "casty=debug,warn".into()))
            .env("RUST_BACKTRACE", "1")
            .stderr(log.map_or_else(|_| Stdio::null(), Stdio::from));
        if !self.memory {
            command.env("CASTY_DATA_DIR", self.dir.join(name(node)));
        }
        self.running[node] = Some(Process::start(&mut command).map_err(|error| error.to_string())?);
        self.load_node(node);
        Ok(())
    }

    /// Where the clients of a node write down what they do.
    pub(crate) fn records(&self, node: usize) -> PathBuf {
        self.dir.join(format!("{}.calls", name(node)))
    }

    /// Clients on all nodes call the registers of this generation, from now on those of nodes that start, too.
    pub(crate) fn load(&mut self, generation: u64) {
        self.generation = Some(generation);
        (0..COUNT).for_each(|node| self.load_node(node));
    }

    /// The same, but not on one, and not on nodes that start.
    pub(crate) fn load_all_but(&mut self, node: usize) {
        self.generation = Some(0);
        (0..COUNT).filter(|other| *other != node).for_each(|other| self.load_node(other));
        self.generation = None;
    }

    /// A node that starts comes to it when it is a member.
    fn load_node(&mut self, node: usize) {
        let (Some(generation), records) = (self.generation, self.records(node)) else { return };
        let Some(process) = &mut self.running[node] else { return };
        let (first, path) = (self.client, records.display());
        process.order(&format!("load {path} {first} {CLIENTS} {first} {generation} {REST}"));
        self.client += CLIENTS;
    }

    /// No call is under way when this returns.
    pub(crate) fn rest(&mut self) -> Result<(), String> {
        self.generation = None;
        let said = self.ask_all("rest", Duration::from_secs(15));
        if said.iter().all(|said| said == "rests") { Ok(()) } else { Err(format!("calls do not end: {said:?}")) }
    }

    /// Something happened.
    pub(crate) fn note(&mut self, kind: &'static str, what: String) {
        *self.faults.entry(kind).or_default() += 1;
        self.happened.push(what);
    }

    pub(crate) fn kill(&mut self, node: usize) {
        self.running[node] = None;
    }

    /// Ends one in good order.
    pub(crate) fn end(&mut self, node: usize, limit: Duration) -> Result<(), String> {
        let Some(process) = &mut self.running[node] else { return Ok(()) };
        process.order("shutdown");
        let begun = Instant::now();
        while process.runs() {
            if begun.elapsed() > limit {
                return Err(format!("{} does not end within {limit:?}", name(node)));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.running[node] = None;
        Ok(())
    }

    /// All packets pass, all processes run.
    pub(crate) fn heal(&mut self) -> Result<(), String> {
        self.topology.heal()?;
        for node in 0..COUNT {
            match &mut self.running[node] {
                Some(process) => process.resume(),
                None => self.start(node)?,
            }
        }
        Ok(())
    }

    /// What all nodes answer to an order, asked at the same time. A dead one's is empty.
    pub(crate) fn ask_all(&mut self, order: &str, limit: Duration) -> Vec<String> {
        let asked: Vec<_> = self.running.iter_mut().map(|process| process.as_mut().map(|process| process.order(order))).collect();
        let deadline = Instant::now() + limit;
        let answers = self
            .running
            .iter_mut()
            .zip(asked)
            .map(|(process, number)| process.as_mut()?.answer(number?, deadline.saturating_duration_since(Instant::now())));
        answers.map(Option::unwrap_or_default).collect()
    }

    /// What some node answers to an order.
    pub(crate) fn ask_one(&mut self, order: &str) -> Result<String, String> {
        let answers = self.running.iter_mut().flatten().map(|process| process.ask(order, Duration::from_secs(8)));
        let answered = answers.flatten().find(|answer| !answer.starts_with("failed"));
        answered.ok_or_else(|| format!("nobody answers to {order}"))
    }

    /// Leaves the logs where they are.
    pub(crate) fn keep_logs(&mut self) -> String {
        self.keeps_logs = true;
        self.dir.display().to_string()
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.running.clear();
        if !self.keeps_logs {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}
