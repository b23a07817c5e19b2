//! The nodes: their processes, disks and logs.

use std::{
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
        Ok(Self { running, topology, program, raft: raft.into(), memory, dir, keeps_logs: false, begun: Instant::now() })
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
        Ok(())
    }

    pub(crate) fn kill(&mut self, node: usize) {
        self.running[node] = None;
    }

    /// All packets pass, all processes run.
    pub(crate) fn heal(&mut self) -> Result<(), String> {
        println!("{}   heal", self.time());
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
