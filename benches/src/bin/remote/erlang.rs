//! Erlang: two of its nodes, as `erlang/remote_bench.erl` says.

use std::{path::Path, process::Command};

use crate::{
    Failure, IN_FLIGHT, Size,
    process::Process,
    table::{Latency, Measured},
};

pub(crate) struct Server {
    folder: String,
    _process: Process,
}

impl Server {
    /// `None`, and a word why, where there is no Erlang.
    pub(crate) fn start() -> Option<Self> {
        match Self::try_start() {
            Ok(server) => Some(server),
            Err(why) => {
                eprintln!("without Erlang: {why}");
                None
            }
        }
    }

    fn try_start() -> Result<Self, Failure> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("erlang/remote_bench.erl");
        let folder = std::env::temp_dir().join(format!("casty-erlang-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let compiled = Command::new("erlc").arg("-o").arg(&folder).arg(source).status()?;
        if !compiled.success() {
            return Err("it does not compile".into());
        }
        let folder = folder.to_string_lossy().into_owned();
        let (process, _) = Process::start(&mut erl(&folder, "server", "remote_bench:server()"))?;
        Ok(Self { folder, _process: process })
    }

    /// Measures in a second node, which ends then.
    pub(crate) fn measure(&self, size: Size) -> Option<Measured> {
        let Size { single, many, sends } = size;
        let call = format!("remote_bench:client('{}', {single}, {many}, {IN_FLIGHT}, {sends})", name("server"));
        let output = erl(&self.folder, "client", &call).output().ok()?;
        let output = String::from_utf8(output.stdout).ok()?;
        let figures: Vec<f64> = output.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
        let [p50, p99, asks, sends] = figures[..] else {
            eprintln!("Erlang says {output:?}");
            return None;
        };
        let latency = Latency { p50: p50 / 1000.0, p99: p99 / 1000.0 };
        Some(Measured { latency: Some(latency), asks: Some(asks), asks_in_bulk: None, sends: Some(sends) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn name(role: &str) -> String {
    format!("casty_{role}_{}@127.0.0.1", std::process::id())
}

fn erl(folder: &str, role: &str, call: &str) -> Command {
    let mut erl = Command::new("erl");
    erl.args(["-noshell", "-name", &name(role), "-setcookie", "casty", "-pa", folder, "-eval"]);
    erl.arg(format!("{call}, halt()."));
    erl
}
