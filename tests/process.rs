//! A node that is a process of its own: the program `node`, told what to do line by line.

use std::{
    io::{self, BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// The process. It does not outlive this.
#[derive(Debug)]
pub struct Process {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    asked: u64,
}

impl Process {
    /// Starts it. `command` is the program `node`, or something that turns into it.
    ///
    /// # Errors
    /// If there is no such program.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("the process has no pipes"));
        };
        let (tell, lines) = mpsc::channel();
        thread::spawn(move || BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Ok(Self { child, input, lines, asked: 0 })
    }

    /// The next line that begins with `start`, without it. Others are left out.
    pub fn hear(&mut self, start: &str, limit: Duration) -> Option<String> {
        let deadline = Instant::now() + limit;
        loop {
            let line = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()?;
            if let Some(rest) = line.strip_prefix(start) {
                return Some(rest.trim().to_owned());
            }
        }
    }

    /// Gives an order, and returns the number of its answer.
    pub fn order(&mut self, order: &str) -> u64 {
        self.asked += 1;
        let _ = writeln!(self.input, "{} {order}", self.asked);
        self.asked
    }

    /// What it answers to the order of this number.
    pub fn answer(&mut self, number: u64, limit: Duration) -> Option<String> {
        self.hear(&format!("{number} "), limit)
    }

    /// Orders and waits for the answer.
    pub fn ask(&mut self, order: &str, limit: Duration) -> Option<String> {
        let number = self.order(order);
        self.answer(number, limit)
    }

    /// SIGKILL. Returns when it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGSTOP.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Whether it has not ended.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    fn signal(&self, signal: Signal) {
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
