//! Processes of this very program, each of which says a line when it is ready and ends with its standard input.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::Failure;

pub(crate) struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts this program with these arguments. Returns it with its first line.
    pub(crate) fn of_myself(arguments: &[&str]) -> Result<(Self, String), Failure> {
        // A newer build may have taken this one's place.
        Self::start(Command::new("/proc/self/exe").args(arguments))
    }

    pub(crate) fn start(command: &mut Command) -> Result<(Self, String), Failure> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else { return Err("no pipes".into()) };
        let mut process = Self { child, input: Some(input), output: BufReader::new(output) };
        let line = process.line()?;
        Ok((process, line))
    }

    /// The next line that it says.
    pub(crate) fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        if line.is_empty() { Err("a process ended".into()) } else { Ok(line.trim().to_owned()) }
    }

    /// Tells it a line.
    pub(crate) fn tell(&mut self, line: &str) -> Result<(), Failure> {
        let Some(input) = &mut self.input else { return Err("its input is closed".into()) };
        Ok(writeln!(input, "{line}")?)
    }

    /// Resident memory in bytes.
    pub(crate) fn resident(&self) -> Result<usize, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.split_whitespace().next().ok_or("no figure")?.parse::<usize>()? * 1024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// Says a line, and waits for the end of the standard input.
pub(crate) async fn ready(line: &str) -> Result<(), Failure> {
    println!("{line}");
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}
