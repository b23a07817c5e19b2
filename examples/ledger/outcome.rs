//! What came of it: balances, and whether they are right.

use std::{
    io::{self, Write},
    time::Duration,
};

use super::{
    amount::{Amount, Sum},
    progress::{grouped, rate},
};

/// The whole ledger, once every line is posted.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Each account and its balance, the largest first.
    pub balances: Vec<(String, Amount)>,
    /// How many lines were read, besides the header and empty ones.
    pub lines: u64,
    /// How many of them were not posted.
    pub bad_lines: u64,
    /// The sum of those that were, as the reader added it up; the balances must come to the same.
    pub posted: Sum,
    /// How long it took.
    pub elapsed: Duration,
}

impl Outcome {
    pub(super) fn sort(&mut self) {
        self.balances.sort_unstable_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
    }

    /// What all balances come to.
    pub fn sum(&self) -> Sum {
        self.balances.iter().map(|&(_, balance)| balance).collect()
    }

    /// Whether nothing was lost and nothing was posted twice.
    pub fn sums_match(&self) -> bool {
        self.sum() == self.posted
    }

    /// Prints the first `rows` balances, or all of them, then the sums.
    pub fn print(&self, rows: Option<usize>, out: &mut impl Write) -> io::Result<()> {
        let shown = &self.balances[..rows.unwrap_or(usize::MAX).min(self.balances.len())];
        let width = shown.iter().map(|(account, _)| account.chars().count()).max().unwrap_or(0).max("account".len());
        if !shown.is_empty() {
            writeln!(out, "{:<width$}  {:>20}", "account", "balance")?;
        }
        for (account, balance) in shown {
            writeln!(out, "{account:<width$}  {balance:>20}")?;
        }
        if shown.len() < self.balances.len() {
            writeln!(out, "and {} more (--all prints them)", grouped((self.balances.len() - shown.len()) as u64))?;
        }
        self.print_sums(out)
    }

    fn print_sums(&self, out: &mut impl Write) -> io::Result<()> {
        let (lines, bad, accounts) = (self.lines, self.bad_lines, self.balances.len() as u64);
        writeln!(
            out,
            "{} lines ({} bad), {} accounts, {:.2} s, {} lines a second",
            grouped(lines),
            grouped(bad),
            grouped(accounts),
            self.elapsed.as_secs_f64(),
            grouped(rate(lines, self.elapsed)),
        )?;
        let (sum, posted) = (self.sum(), self.posted);
        if self.sums_match() {
            writeln!(out, "sums match: the balances and the good lines both come to {sum}")
        } else {
            writeln!(out, "SUMS DIFFER: the balances come to {sum}, the good lines to {posted}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome() -> Outcome {
        let account = |name: &str, cents| (name.to_owned(), Amount::from_cents(cents));
        let mut outcome = Outcome {
            balances: vec![account("bob", -50), account("zoe", 300), account("ann", 300)],
            lines: 1_500,
            bad_lines: 1,
            posted: [550].map(Amount::from_cents).into_iter().collect(),
            elapsed: Duration::from_millis(500),
        };
        outcome.sort();
        outcome
    }

    fn printed(outcome: &Outcome, rows: Option<usize>) -> String {
        let mut out = Vec::new();
        outcome.print(rows, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_largest_balances_come_first() {
        assert_eq!(
            printed(&outcome(), Some(2)),
            "account               balance\n\
             ann                      3.00\n\
             zoe                      3.00\n\
             and 1 more (--all prints them)\n\
             1,500 lines (1 bad), 3 accounts, 0.50 s, 3,000 lines a second\n\
             sums match: the balances and the good lines both come to 5.50\n"
        );
    }

    #[test]
    fn a_sum_that_is_wrong_is_said_in_the_last_line() {
        let mut outcome = outcome();
        outcome.balances.pop();
        let printed = printed(&outcome, None);
        assert!(!outcome.sums_match());
        assert!(printed.ends_with("SUMS DIFFER: the balances come to 6.00, the good lines to 5.50\n"), "{printed}");
    }
}
