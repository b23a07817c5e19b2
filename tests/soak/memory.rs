//! How the memory of this process goes.

use std::{fmt, fs, time::Duration};

/// Who is longer there than this is warm.
const WARM: f64 = 60.0;
/// A shorter run than this tells nothing of leaks.
const TELLING: f64 = 110.0;
const MIB: f64 = 1024.0;

/// Seconds, and KiB.
#[derive(Default)]
pub(crate) struct Memory(Vec<(f64, f64)>);

/// In KiB.
pub(crate) struct Size(f64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} MiB", self.0 / MIB)
    }
}

impl Memory {
    pub(crate) fn sample(&mut self, elapsed: Duration) {
        self.0.push((elapsed.as_secs_f64(), resident().unwrap_or_default()));
    }

    pub(crate) fn now(&self) -> Size {
        Size(self.0.last().map_or(0.0, |(_, size)| *size))
    }

    /// Prints what came of it. Whether it grew.
    pub(crate) fn verdict(&self) -> bool {
        let last = self.0.last().map_or(0.0, |(at, _)| *at);
        let warm = WARM.min(last / 2.0);
        let (before, after): (Vec<_>, Vec<_>) = self.0.iter().partition(|(at, _)| *at <= warm);
        let (first, end) = (middle(&before), middle(&after));
        let most = after.iter().map(|(_, size)| *size).fold(0.0, f64::max);
        println!(
            "memory: {} at {warm:.0} s, {} at the end, {} at most after {warm:.0} s, slope {:+.1} KiB a minute",
            Size(first),
            Size(end),
            Size(most),
            slope(&after) * 60.0
        );
        last >= TELLING && end > first * 1.1 + 8.0 * MIB
    }
}

/// Of the last ten: a peak is no leak.
fn middle(samples: &[(f64, f64)]) -> f64 {
    let mut last: Vec<f64> = samples.iter().rev().take(10).map(|(_, size)| *size).collect();
    last.sort_by(f64::total_cmp);
    last.get(last.len() / 2).copied().unwrap_or_default()
}

/// Least squares, in KiB a second.
fn slope(samples: &[(f64, f64)]) -> f64 {
    let mean = |of: fn(&(f64, f64)) -> f64| samples.iter().map(of).sum::<f64>() / samples.len().max(1) as f64;
    let (x, y) = (mean(|sample| sample.0), mean(|sample| sample.1));
    let spread: f64 = samples.iter().map(|(at, _)| (at - x).powi(2)).sum();
    let rise: f64 = samples.iter().map(|(at, size)| (at - x) * (size - y)).sum();
    if spread > 0.0 { rise / spread } else { 0.0 }
}

/// Of this process, in KiB, where the system tells.
fn resident() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}
