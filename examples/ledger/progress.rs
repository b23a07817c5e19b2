//! The text of the progress line. Drawing it is the work of [`Report`](super::report::Report).

use std::time::Duration;

/// How far the work is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// Lines so far.
    pub(super) lines: u64,
    /// How much of the input that is, if its size is known.
    pub(super) percent: Option<u8>,
}

impl Progress {
    /// What to show after `elapsed`.
    pub(super) fn text(self, elapsed: Duration) -> String {
        let (lines, rate) = (grouped(self.lines), grouped(rate(self.lines, elapsed)));
        match self.percent {
            Some(percent) => format!("{percent:>3}%  {lines} lines, {rate} a second"),
            None => format!("{lines} lines, {rate} a second"),
        }
    }
}

/// Lines a second.
pub(super) fn rate(lines: u64, elapsed: Duration) -> u64 {
    let rate = u128::from(lines) * 1_000_000 / elapsed.as_micros().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// A number as people write it: `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn progress_shows_the_rate_and_the_share_if_it_is_known() {
        let mut progress = Progress { lines: 3_000, percent: None };
        assert_eq!(progress.text(Duration::from_millis(1_500)), "3,000 lines, 2,000 a second");
        progress.percent = Some(7);
        assert_eq!(progress.text(Duration::from_millis(1_500)), "  7%  3,000 lines, 2,000 a second");
    }

    #[test]
    fn no_time_is_no_division_by_zero() {
        assert_eq!(rate(5, Duration::ZERO), 5_000_000);
    }
}
