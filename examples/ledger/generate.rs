//! A file of any length that nobody has to keep: the same bytes for the same [`Recipe`], made while they are read.

use std::io::{self, BufRead, Read, Write};

use super::csv::HEADER;

/// What to generate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// How many lines, besides the header.
    pub lines: u64,
    /// How many of them are broken; at most all.
    pub bad: u64,
    /// How many accounts they are spread over; at least one.
    pub accounts: u64,
    /// Where the random numbers start.
    pub seed: u64,
}

/// How many bytes are made at a time, about.
const CHUNK: usize = 64 * 1024;

/// This account is filled to the brim, so that more cannot be paid in: such a line looks good, but its actor fails.
const FULL: &str = "account-full";

/// The file of a recipe, as a reader.
#[derive(Debug)]
pub struct Generator {
    left: Recipe,
    random: SplitMix,
    is_full: bool,
    chunk: Vec<u8>,
    read: usize,
}

impl Generator {
    /// A reader at the start of the file.
    pub fn new(recipe: Recipe) -> Self {
        let random = SplitMix(recipe.seed);
        Self { left: recipe, random, is_full: false, chunk: format!("{HEADER}\n").into_bytes(), read: 0 }
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        self.chunk.clear();
        self.read = 0;
        while self.left.lines > 0 && self.chunk.len() < CHUNK {
            self.write_line()?;
        }
        Ok(())
    }

    fn write_line(&mut self) -> io::Result<()> {
        let is_bad = self.random.below(self.left.lines) < self.left.bad;
        self.left.lines -= 1;
        if is_bad {
            self.left.bad -= 1;
            return self.write_bad_line();
        }
        if self.left.bad > 0 && !self.is_full {
            self.is_full = true;
            return writeln!(self.chunk, "{FULL},92233720368547758.07");
        }
        let account = self.random.below(self.left.accounts);
        let cents = self.random.below(100_000);
        // Of 1,000.00 the lower 400 are withdrawals: accounts grow in the long run.
        let (sign, cents) = if cents < 40_000 { ("-", cents + 1) } else { ("", cents - 40_000) };
        writeln!(self.chunk, "account-{account:05},{sign}{}.{:02}", cents / 100, cents % 100)
    }

    fn write_bad_line(&mut self) -> io::Result<()> {
        let line: &[u8] = match self.random.below(if self.is_full { 7 } else { 6 }) {
            0 => b"account-00000",
            1 => b"account-00000,12.00,twice",
            2 => b"account-00000,twelve",
            3 => b"account-00000,12.345",
            4 => b",12.00",
            5 => b"account-\xFF,12.00",
            _ => b"account-full,0.01",
        };
        self.chunk.write_all(line)?;
        self.chunk.write_all(b"\n")
    }
}

impl BufRead for Generator {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.read == self.chunk.len() {
            self.next_chunk()?;
        }
        Ok(&self.chunk[self.read..])
    }

    fn consume(&mut self, amount: usize) {
        self.read += amount;
    }
}

impl Read for Generator {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

/// Steele, Lea and Flood's SplitMix64: small, and good enough for made-up money.
#[derive(Debug)]
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from zero to `limit - 1`, by multiplying instead of dividing.
    fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::{super::csv::Lines, *};

    fn text(recipe: Recipe) -> Vec<u8> {
        let mut text = Vec::new();
        Generator::new(recipe).read_to_end(&mut text).unwrap();
        text
    }

    const RECIPE: Recipe = Recipe { lines: 5_000, bad: 0, accounts: 7, seed: 1 };

    #[test]
    fn the_same_recipe_makes_the_same_file() {
        assert_eq!(text(RECIPE), text(RECIPE));
        assert_ne!(text(RECIPE), text(Recipe { seed: 2, ..RECIPE }));
    }

    #[test]
    fn every_line_is_good_unless_bad_ones_are_asked_for() {
        let lines: Vec<_> = Lines::open(Generator::new(RECIPE)).unwrap().map(Result::unwrap).collect();
        assert_eq!(lines.len(), 5_000);
        assert!(lines.iter().all(Result::is_ok));
    }

    #[test]
    fn as_many_lines_are_bad_as_were_asked_for() {
        let recipe = Recipe { bad: 100, ..RECIPE };
        let lines: Vec<_> = Lines::open(Generator::new(recipe)).unwrap().map(Result::unwrap).collect();
        let to_full = lines.iter().flatten().filter(|line| line.account == FULL).count();
        let refused = to_full - 1;
        assert_eq!(lines.len(), 5_000);
        assert!(refused > 0, "some lines look good and are refused by their account");
        assert_eq!(lines.iter().filter(|line| line.is_err()).count() + refused, 100);
    }

    #[test]
    fn all_lines_may_be_bad() {
        let recipe = Recipe { bad: 50, lines: 50, ..RECIPE };
        assert!(Lines::open(Generator::new(recipe)).unwrap().all(|line| line.unwrap().is_err()));
    }

    #[test]
    fn nothing_but_a_header_is_a_file_too() {
        assert_eq!(text(Recipe { lines: 0, ..RECIPE }), b"account,amount\n");
    }
}
