//! The command line.

use casty_benches::{Contestant, Scenario, Size};

use crate::also_within_one_thread;

pub(crate) const HELP: &str = "\
usage: cargo run --release -p casty-benches --bin compare [--features mimalloc] [-- OPTIONS]

  --rounds N          rounds of each scenario, whose median is shown (default 5)
  --scenario NAME,..  only these: one-producer, four-producers, ask, askers, ping-pong, lifecycle, idle, tree, round-robin
  --only NAME,..      only these: casty, raw, kameo, ractor, actix, actix-1 (actix within one thread)
  --quick             a tenth of the work in one round, to see that everything runs; its figures mean little
  --help              this

The allocator is the system's (glibc's malloc on Linux); `--features mimalloc` makes it mimalloc for every contestant.
To report both, run both.";

/// What to do.
pub(crate) enum Task {
    Help,
    /// Measure once, in this process.
    Child {
        scenario: Scenario,
        contestant: Contestant,
        size: Size,
    },
    Compare(Options),
}

/// What to compare.
pub(crate) struct Options {
    pub(crate) rounds: usize,
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) quick: bool,
    only: Option<Vec<Contestant>>,
}

impl Options {
    /// Who takes part in a scenario.
    pub(crate) fn contestants(&self, scenario: Scenario) -> Vec<Contestant> {
        match &self.only {
            Some(only) => only.clone(),
            None => Contestant::ALL
                .into_iter()
                .filter(|&contestant| contestant != Contestant::ActixOneThread || also_within_one_thread(scenario))
                .collect(),
        }
    }
}

/// Reads the arguments.
pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Task, String> {
    let (mut rounds, mut quick, mut only, mut child) = (None, false, None, false);
    let mut scenarios = Scenario::ALL.to_vec();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--help" | "-h" => return Ok(Task::Help),
            "--quick" => quick = true,
            "--child" => child = true,
            "--rounds" => rounds = Some(value()?.parse().map_err(|error| format!("--rounds: {error}"))?),
            "--scenario" => scenarios = named(&value()?, &Scenario::ALL, |scenario| scenario.name())?,
            "--only" => only = Some(named(&value()?, &Contestant::ALL, |contestant| contestant.name())?),
            unknown => return Err(format!("`{unknown}` is no option")),
        }
    }
    match (child, &only, scenarios.as_slice()) {
        (true, Some(only), &[scenario]) if only.len() == 1 => {
            let size = if quick { Size::QUICK } else { Size::FULL };
            Ok(Task::Child { scenario, contestant: only[0], size })
        }
        (true, ..) => Err("--child needs one scenario and one contestant".into()),
        (false, ..) => {
            let rounds = rounds.unwrap_or(if quick { 1 } else { 5 });
            Ok(Task::Compare(Options { rounds, scenarios, quick, only }))
        }
    }
}

fn named<T: Copy>(list: &str, all: &[T], name: impl Fn(T) -> &'static str) -> Result<Vec<T>, String> {
    let find = |wanted| all.iter().copied().find(|&one| name(one) == wanted);
    list.split(',').map(|wanted| find(wanted).ok_or_else(|| format!("nothing is called `{wanted}`"))).collect()
}
