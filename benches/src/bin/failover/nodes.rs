//! The nodes, as processes of this program.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    time::Duration,
};

const LIMIT: Duration = Duration::from_secs(30);

struct Node {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    address: String,
}

impl Node {
    fn tell(&mut self, line: &str) {
        let _ = writeln!(self.input, "{line}");
    }

    fn hear(&mut self, start: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("no `{start}` came within {LIMIT:?}"));
            if let Some(rest) = line.strip_prefix(start) {
                return rest.trim().to_owned();
            }
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) struct Nodes {
    nodes: BTreeMap<String, Node>,
    fast: bool,
    entities: usize,
}

impl Nodes {
    pub(crate) fn start(fast: bool, entities: usize) -> Self {
        let mut nodes = Self { nodes: BTreeMap::new(), fast, entities };
        ["n0", "n1", "n2"].iter().for_each(|id| nodes.add(id));
        nodes
    }

    pub(crate) fn add(&mut self, id: &str) {
        let seeds: Vec<String> = self.nodes.values().map(|node| node.address.clone()).collect();
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--node", id, "--seeds", &seeds.join(","), "--entities", &self.entities.to_string()]);
        if self.fast {
            command.arg("--fast");
        }
        let mut child = command.stdout(Stdio::piped()).stdin(Stdio::piped()).spawn().expect("a process");
        let (input, output) = (child.stdin.take().expect("it is piped"), child.stdout.take().expect("it is piped"));
        let (tell, lines) = mpsc::channel();
        std::thread::spawn(move || BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let mut node = Node { child, input, lines, address: String::new() };
        node.address = node.hear("ready ");
        self.nodes.insert(id.to_owned(), node);
    }

    pub(crate) fn victim(&mut self, round: usize, leader: bool) -> String {
        let any = self.nodes.values_mut().next().expect("a node");
        any.tell("leader");
        let leads = any.hear("leader ");
        let others: Vec<_> = self.nodes.keys().filter(|id| **id != leads).cloned().collect();
        if leader && self.nodes.contains_key(&leads) { leads } else { others[round % others.len()].clone() }
    }

    pub(crate) fn kill(&mut self, id: &str) {
        drop(self.nodes.remove(id));
    }

    /// When the last of them had an answer of each entity that it asked after that.
    pub(crate) fn all_answer_after(&mut self, since: u64) -> u64 {
        self.nodes.values_mut().for_each(|node| node.tell(&format!("since {since}")));
        let times = self.nodes.values_mut().map(|node| node.hear("all ").parse().unwrap_or(u64::MAX));
        times.max().unwrap_or(since)
    }

    pub(crate) fn forget_asks(&mut self) {
        self.nodes.values_mut().for_each(|node| node.tell("forget"));
    }

    /// Has the node leave. Returns when it is gone.
    pub(crate) fn leave(&mut self, id: &str) {
        if let Some(mut node) = self.nodes.remove(id) {
            node.tell("leave");
            let _ = node.child.wait();
        }
    }

    /// Of each node, how many asks were answered since they were forgotten, how many failed, and how long they took.
    pub(crate) fn asks(&mut self) -> Vec<(u64, u64, Duration, Duration)> {
        let of = |node: &mut Node| {
            node.tell("asks");
            let line = node.hear("asks ");
            let numbers: Vec<u64> = line.split(' ').filter_map(|number| number.parse().ok()).collect();
            (numbers[0], numbers[1], Duration::from_nanos(numbers[2]), Duration::from_nanos(numbers[3]))
        };
        self.nodes.values_mut().map(of).collect()
    }
}
