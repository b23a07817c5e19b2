//! The processes of the play: started, told, listened to, and ended whatever happens.

use std::{
    collections::BTreeMap,
    env,
    fmt::Display,
    io::{self, BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

/// Why the play could not go on.
pub(crate) type Problem = Box<dyn std::error::Error>;

/// All nodes, and what they said.
pub(crate) struct Stage {
    started: Instant,
    nodes: BTreeMap<String, Node>,
    heard: Receiver<(String, String)>,
    tell: Sender<(String, String)>,
}

/// A process. It does not outlive this.
struct Node {
    process: Child,
    input: ChildStdin,
    address: Option<String>,
    members: Vec<String>,
    leader: Option<String>,
    answered_by: Option<String>,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Default for Stage {
    fn default() -> Self {
        let (tell, heard) = mpsc::channel();
        Self { started: Instant::now(), nodes: BTreeMap::new(), heard, tell }
    }
}

impl Stage {
    /// Starts this very program as a node.
    pub(crate) fn start(&mut self, name: &str, seeds: &str) -> Result<(), Problem> {
        let mut process = Command::new(env::current_exe()?)
            .arg("node")
            .env("CASTY_NODE_ID", name)
            .env("CASTY_SEEDS", seeds)
            .env("CASTY_BIND", "127.0.0.1:0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err("the process has no pipes".into());
        };
        let (tell, who) = (self.tell.clone(), name.to_owned());
        thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| tell.send((who.clone(), line)))
        });
        let node = Node { process, input, address: None, members: Vec::new(), leader: None, answered_by: None };
        self.nodes.insert(name.to_owned(), node);
        Ok(())
    }

    /// A line for the node's standard input.
    pub(crate) fn tell(&mut self, name: &str, order: &str) -> Result<(), Problem> {
        let node = self.nodes.get_mut(name).ok_or("there is no such node")?;
        Ok(writeln!(node.input, "{order}")?)
    }

    /// SIGKILL, or what the system has in its place: the node does not get to say a word.
    pub(crate) fn kill(&mut self, name: &str) -> Result<(), Problem> {
        let mut node = self.nodes.remove(name).ok_or("there is no such node")?;
        Ok(node.process.kill()?)
    }

    /// Waits until the node has ended by itself.
    pub(crate) fn ended(&mut self, name: &str, limit: Duration) -> Result<(), Problem> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            let node = self.nodes.get_mut(name).ok_or("there is no such node")?;
            if let Some(status) = node.process.try_wait()? {
                self.nodes.remove(name);
                return if status.success() { Ok(()) } else { Err(format!("{name} ended with {status}").into()) };
            }
            self.listen(Duration::from_millis(20))?;
        }
        Err(format!("{name} has not ended within {limit:?}").into())
    }

    /// Listens until it is so.
    pub(crate) fn until(&mut self, what: &str, limit: Duration, is_so: impl Fn(&Self) -> bool) -> Result<(), Problem> {
        let deadline = Instant::now() + limit;
        while !is_so(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(format!("it did not come about within {limit:?} that {what}").into());
            }
            self.listen(left)?;
        }
        Ok(())
    }

    /// Listens for a while.
    pub(crate) fn watch(&mut self, time: Duration) -> Result<(), Problem> {
        let deadline = Instant::now() + time;
        while Instant::now() < deadline {
            self.listen(deadline.saturating_duration_since(Instant::now()))?;
        }
        Ok(())
    }

    /// Shows the next line and learns from it.
    fn listen(&mut self, limit: Duration) -> Result<(), Problem> {
        let (name, line) = match self.heard.recv_timeout(limit) {
            Ok(heard) => heard,
            Err(RecvTimeoutError::Timeout) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        self.show(&name, &line)?;
        // A killed node's last words come late.
        let Some(node) = self.nodes.get_mut(&name) else { return Ok(()) };
        if let Some(address) = line.strip_prefix("listens on ") {
            node.address = Some(address.to_owned());
        } else if let Some((members, leader)) = line.strip_prefix("members: ").and_then(|rest| rest.split_once("; leader: ")) {
            node.members = members.split(", ").map(str::to_owned).collect();
            node.leader = Some(leader.to_owned()).filter(|leader| leader != "nobody");
        } else if let Some((by, _)) = line.strip_prefix("answered by ").and_then(|rest| rest.split_once(':')) {
            node.answered_by = Some(by.to_owned());
        }
        Ok(())
    }

    /// A line of the play's own.
    pub(crate) fn say(&self, text: &str) {
        let _ = self.show("------", text);
    }

    fn show(&self, who: &str, text: impl Display) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{:>5.2} s  {who}  {text}", self.started.elapsed().as_secs_f64())
    }

    pub(crate) fn address(&self, name: &str) -> Option<&str> {
        self.nodes.get(name)?.address.as_deref()
    }

    /// The members that the node knows of.
    pub(crate) fn members(&self, name: &str) -> &[String] {
        self.nodes.get(name).map_or(&[], |node| &node.members)
    }

    /// Who leads, if they all say the same.
    pub(crate) fn leader(&self, names: &[&str]) -> Option<&str> {
        let mut said = names.iter().map(|name| self.nodes.get(*name)?.leader.as_deref());
        let first = said.next()??;
        said.all(|leader| leader == Some(first)).then_some(first)
    }

    /// Who answered the node's last question.
    pub(crate) fn answered_by(&self, name: &str) -> Option<&str> {
        self.nodes.get(name)?.answered_by.as_deref()
    }
}
