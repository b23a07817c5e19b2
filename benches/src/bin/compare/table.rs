//! The table: Markdown, aligned so that it reads well in a terminal too.

use std::fmt;
use std::thread::available_parallelism;

use casty_benches::{ALLOCATOR_NAME, Contestant, Metric, Report, Scenario};

use crate::options::Options;
use crate::targets::{Target, judged};

const THE_THREE: [Contestant; 3] = [Contestant::Kameo, Contestant::Ractor, Contestant::Actix];

/// All figures of all runs.
#[derive(Default)]
pub(crate) struct Table {
    reports: Vec<(Scenario, Contestant, Report)>,
}

impl Table {
    /// Adds what one run gave.
    pub(crate) fn add(&mut self, scenario: Scenario, contestant: Contestant, report: Report) {
        self.reports.push((scenario, contestant, report));
    }

    fn median(&self, scenario: Scenario, contestant: Contestant, figure: usize) -> Option<f64> {
        let ours = self.reports.iter().filter(|(what, who, _)| (*what, *who) == (scenario, contestant));
        let mut figures: Vec<f64> = ours.map(|(.., report)| report[figure]).collect();
        figures.sort_by(f64::total_cmp);
        match figures.len() {
            0 => None,
            odd if odd % 2 == 1 => Some(figures[odd / 2]),
            even => Some(f64::midpoint(figures[even / 2 - 1], figures[even / 2])),
        }
    }

    fn row(&self, scenario: Scenario, figure: usize) -> Vec<String> {
        let (metric, target) = (scenario.metrics()[figure], Target::of(scenario, figure));
        let median = |contestant| Some((contestant, self.median(scenario, contestant, figure)?));
        let casty = median(Contestant::Casty);
        let raw = median(Contestant::Raw);
        let best = THE_THREE.into_iter().filter_map(median).reduce(|one, other| {
            let one_is_better = if metric.more_is_better { one.1 >= other.1 } else { one.1 <= other.1 };
            if one_is_better { one } else { other }
        });

        let mut row = vec![format!("{}, {}", metric.name, metric.unit)];
        row.push(casty.map_or_else(nothing, |(_, own)| rounded(own) + &judged(own, target.own, metric)));
        let others = Contestant::ALL.into_iter().skip(1);
        row.extend(others.map(|other| median(other).map_or_else(nothing, |(_, own)| rounded(own))));
        row.push(ratio(casty, raw, "", target.raw, metric));
        row.push(ratio(casty, best, best.map_or("", |(who, _)| who.name()), target.best, metric));
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
            if self.reports.iter().any(|(what, ..)| *what == scenario) {
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

type Median = Option<(Contestant, f64)>;

fn ratio(casty: Median, other: Median, name: &str, bound: Option<f64>, metric: Metric) -> String {
    let (Some((_, casty)), Some((_, other))) = (casty, other) else {
        return nothing();
    };
    let ratio = casty / other;
    let verdict = judged(ratio, bound, metric);
    let name = if name.is_empty() { String::new() } else { format!(" {name}") };
    format!("{ratio:.2}{name}{verdict}")
}

fn nothing() -> String {
    "-".to_owned()
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
         Load {} at the end; whatever else ran shows in the figures.",
        load()
    )
}

/// The machine's load of the last minute, this program's included.
fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().filter(|load| !load.is_empty()).unwrap_or("unknown").to_owned()
}
