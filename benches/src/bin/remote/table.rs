//! What was measured, and the table of it.

use std::{fmt, time::Duration};

/// The goals: casty's latency and rate by the raw ones, and messages a second.
const LATENCY_GOAL: f64 = 2.0;
const ASKS_GOAL: f64 = 0.5;
const SENDS_GOAL: f64 = 1e6;

/// Of single questions, in microseconds.
#[derive(Clone, Copy)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

impl Latency {
    pub(crate) fn of(mut took: Vec<Duration>) -> Self {
        took.sort_unstable();
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_nanos() as f64 / 1000.0;
        Self { p50: at(0.5), p99: at(0.99) }
    }
}

/// Of one contestant in one round: what it was asked to do.
#[derive(Clone, Copy, Default)]
pub(crate) struct Measured {
    pub(crate) latency: Option<Latency>,
    /// Answers a second.
    pub(crate) asks: Option<f64>,
    /// The same of the raw echo, written in as few writes as can be.
    pub(crate) asks_in_bulk: Option<f64>,
    /// Messages a second.
    pub(crate) sends: Option<f64>,
}

/// Of one round.
#[derive(Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) casty: Measured,
    pub(crate) raw: Measured,
    pub(crate) erlang: Option<Measured>,
}

/// Of all rounds.
#[derive(Default)]
pub(crate) struct Table(Vec<Figures>);

impl Table {
    pub(crate) fn add(&mut self, figures: Figures) {
        self.0.push(figures);
    }

    /// The median of what each round has.
    fn median(&self, of: impl Fn(&Figures) -> Option<f64>) -> Option<f64> {
        let mut all: Vec<f64> = self.0.iter().filter_map(of).collect();
        all.sort_unstable_by(f64::total_cmp);
        all.get(all.len() / 2).copied()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Table(vec![*self]))
    }
}

type Row = (&'static str, fn(&Measured) -> Option<f64>);

const ROWS: [Row; 5] = [
    ("ask, p50, µs", |measured| Some(measured.latency?.p50)),
    ("ask, p99, µs", |measured| Some(measured.latency?.p99)),
    ("64 asks at once, thousands/s", |measured| Some(measured.asks? / 1e3)),
    ("  raw, in bulk", |measured| Some(measured.asks_in_bulk? / 1e3)),
    ("100-byte sends, thousands/s", |measured| Some(measured.sends? / 1e3)),
];

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<30}{:>10}{:>10}{:>10}", "", "casty", "raw TCP", "Erlang")?;
        for (name, of) in ROWS {
            let casty = self.median(|figures| of(&figures.casty));
            let raw = self.median(|figures| of(&figures.raw));
            let erlang = self.median(|figures| of(figures.erlang.as_ref()?));
            if casty.or(raw).or(erlang).is_none() {
                continue;
            }
            write!(f, "{name:<30}")?;
            for figure in [casty, raw, erlang] {
                match figure {
                    Some(figure) => write!(f, "{figure:>10.1}")?,
                    None => write!(f, "{:>10}", "-")?,
                }
            }
            writeln!(f)?;
        }
        let latency = self.median(|figures| Some(figures.casty.latency?.p50 / figures.raw.latency?.p50));
        let asks = self.median(|figures| Some(figures.casty.asks? / figures.raw.asks?));
        let in_bulk = self.median(|figures| Some(figures.casty.asks? / figures.raw.asks_in_bulk?));
        let sends = self.median(|figures| figures.casty.sends);
        if let Some(ratio) = latency {
            writeln!(f, "ask, p50: {ratio:.2} of raw (goal: at most {LATENCY_GOAL}) {}", mark(ratio <= LATENCY_GOAL))?;
        }
        if let Some(ratio) = asks {
            writeln!(f, "64 asks at once: {ratio:.2} of raw (goal: at least {ASKS_GOAL}) {}", mark(ratio >= ASKS_GOAL))?;
        }
        if let Some(ratio) = in_bulk {
            writeln!(f, "64 asks at once: {ratio:.2} of raw in bulk")?;
        }
        if let Some(rate) = sends {
            writeln!(f, "sends: {:.2} million a second (goal: at least 1) {}", rate / 1e6, mark(rate >= SENDS_GOAL))?;
        }
        Ok(())
    }
}

fn mark(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}
