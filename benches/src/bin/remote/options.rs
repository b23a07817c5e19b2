//! The command line.

pub(crate) const HELP: &str = "\
usage: cargo run --release -p casty-benches --bin remote [-- OPTIONS]

  --rounds N    rounds, whose median is shown (default 5)
  --only NAME   only this: ask, asks, sends (repeatable)
  --no-raw      without the raw echo
  --no-erlang   without Erlang, even if `erl` and `erlc` are there
  --no-links    without the memory of links
  --quick       a twentieth of the work; its figures mean little
  --help        this";

/// What this process is to do.
pub(crate) enum Task {
    Help,
    /// To be the second node.
    Server {
        seed: String,
    },
    /// To be the raw server.
    Echo,
    /// To be the node that all links lead to.
    Hub,
    /// To be many nodes that are linked to one.
    Spokes {
        seed: String,
    },
    Measure(Options),
}

pub(crate) struct Options {
    pub(crate) rounds: usize,
    pub(crate) quick: bool,
    pub(crate) raw: bool,
    pub(crate) erlang: bool,
    pub(crate) links: bool,
    only: Vec<String>,
}

impl Options {
    /// Whether this is to be measured.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}

pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Task, String> {
    let mut options = Options { rounds: 5, quick: false, raw: true, erlang: true, links: true, only: Vec::new() };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--help" | "-h" => return Ok(Task::Help),
            "--server" => return Ok(Task::Server { seed: value()? }),
            "--echo" => return Ok(Task::Echo),
            "--hub" => return Ok(Task::Hub),
            "--spokes" => return Ok(Task::Spokes { seed: value()? }),
            "--rounds" => options.rounds = value()?.parse().map_err(|error| format!("--rounds: {error}"))?,
            "--only" => options.only.push(value()?),
            "--quick" => options.quick = true,
            "--no-raw" => options.raw = false,
            "--no-erlang" => options.erlang = false,
            "--no-links" => options.links = false,
            _ => return Err(format!("{argument} is unknown")),
        }
    }
    Ok(Task::Measure(options))
}
