//! The table: Markdown, aligned so that it reads well in a terminal too.

use std::collections::BTreeMap;
use std::fmt;
use std::thread::available_parallelism;

use casty_benches::{ALLOCATOR_NAME, Contestant, Metric, Report, Scenario};

use crate::options::Options;
use crate::targets::{Target, judged};

const THE_THREE: [Contestant; 3] = [Contestant::Kameo, Contestant::Ractor, Contestant::Actix];

/// All figures of all runs.
#[derive(Default)]
pub(crate) struct Table {
    runs: Vec<Run>,
}

/// One measurement.
pub(crate) struct Run {
    pub(crate) scenario: Scenario,
    pub(crate) round: usize,
    pub(crate) contestant: Contestant,
    pub(crate) report: Report,
}

impl Table {
    /// Adds what one run gave.
    pub(crate) fn add(&mut self, run: Run) {
        self.runs.push(run);
    }

    /// A figure in each round, where that run did not fail.
    fn rounds(&self, scenario: Scenario, contestant: Contestant, figure: usize) -> BTreeMap<usize, f64> {
        let ours = self.runs.iter().filter(|run| (run.scenario, run.contestant) == (scenario, contestant));
        ours.map(|run| (run.round, run.report[figure])).collect()
    }

    fn row(&self, scenario: Scenario, figure: usize) -> Vec<String> {
        let (metric, target) = (scenario.metrics()[figure], Target::of(scenario, figure));
        let rounds = |contestant| self.rounds(scenario, contestant, figure);
        let casty = rounds(Contestant::Casty);

        let mut row = vec![format!("{}, {}", metric.name, metric.unit)];
        row.push(match median(casty.values()) {
            Some(own) => rounded(own) + &judged(own, target.own, metric),
            None => NOTHING.to_owned(),
        });
        for other in Contestant::ALL.into_iter().skip(1) {
            row.push(median(rounds(other).values()).map_or_else(|| NOTHING.to_owned(), rounded));
        }
        let raw = rounds(Contestant::Raw);
        row.push(ratio(&casty, &raw, target.raw, metric));
        row.push(ratio(&casty, &best(metric, THE_THREE.map(rounds)), target.best, metric));
        row
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut header = vec!["medians".to_owned()];
        header.extend(Contestant::ALL.map(|contestant| contestant.name().to_owned()));
        header.extend(["casty / raw".to_owned(), "casty / best of three".to_owned()]);
        let mut rows = vec![header];
        for scenario in Scenario::ALL {
            if self.runs.iter().any(|run| run.scenario == scenario) {
                rows.extend((0..scenario.metrics().len()).map(|figure| self.row(scenario, figure)));
            }
        }

        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
        rows.insert(1, widths.iter().map(|&width| "-".repeat(width)).collect());
        for row in &rows {
            for (cell, &width) in row.iter().zip(&widths) {
                write!(f, "| {cell:<width$} ")?;
            }
            writeln!(f, "|")?;
        }
        Ok(())
    }
}

const NOTHING: &str = "-";

fn median<'a>(figures: impl Iterator<Item = &'a f64>) -> Option<f64> {
    let mut figures: Vec<f64> = figures.copied().collect();
    figures.sort_by(f64::total_cmp);
    match figures.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(figures[odd / 2]),
        even => Some(f64::midpoint(figures[even / 2 - 1], figures[even / 2])),
    }
}

/// The best figure of each round.
fn best(metric: Metric, contestants: [BTreeMap<usize, f64>; 3]) -> BTreeMap<usize, f64> {
    let better = if metric.more_is_better { f64::max } else { f64::min };
    let mut best = BTreeMap::new();
    for (round, figure) in contestants.into_iter().flatten() {
        best.entry(round).and_modify(|best| *best = better(*best, figure)).or_insert(figure);
    }
    best
}

/// The median of the rounds' ratios: what ran in one round shared the machine's mood.
fn ratio(casty: &BTreeMap<usize, f64>, other: &BTreeMap<usize, f64>, bound: Option<f64>, metric: Metric) -> String {
    let ratios: Vec<f64> = casty.iter().filter_map(|(round, casty)| Some(casty / other.get(round)?)).collect();
    median(ratios.iter()).map_or_else(|| NOTHING.to_owned(), |ratio| format!("{ratio:.2}{}", judged(ratio, bound, metric)))
}

/// Three digits, or all of those before the point.
fn rounded(figure: f64) -> String {
    let digits = match figure {
        small if small < 10.0 => 2,
        medium if medium < 100.0 => 1,
        _ => 0,
    };
    format!("{figure:.digits$}")
}

/// One run, for who watches.
pub(crate) fn line(scenario: Scenario, report: &Report) -> String {
    let figures = scenario.metrics().iter().zip(report);
    let figures = figures.map(|(metric, &figure)| format!("{}: {} {}", metric.name, rounded(figure), metric.unit));
    figures.collect::<Vec<_>>().join("; ")
}

/// What was run, where.
pub(crate) fn heading(options: &Options) -> String {
    let cores = available_parallelism().map_or(0, usize::from);
    let size = if options.quick { "a tenth of the work (the figures mean little)" } else { "full size" };
    let (rounds, load) = (options.rounds, load());
    format!("{rounds} rounds, {size}; {ALLOCATOR_NAME}; {cores} cores; load {load} before the start.")
}

/// What to know when reading the table.
pub(crate) fn footing() -> String {
    format!(
        "Raw: tokio's unbounded mpsc and oneshot, a task an actor. The best of three: kameo, ractor, and actix over two \
         arbiters; actix-1, within one thread, stands beside them.\n\
         A ratio is the median of the rounds' ratios, not the ratio of the medians.\n\
         Load {} at the end; whatever else ran shows in the figures.",
        load()
    )
}

/// The machine's load of the last minute, this program's included.
fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().filter(|load| !load.is_empty()).unwrap_or("unknown").to_owned()
}
