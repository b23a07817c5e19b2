//! The input, line by line: what is a transaction, and what is wrong with a line that is none.
//!
//! A bad line is a value like any other. Only a header that is missing or a broken read ends the reading.

use std::{
    borrow::Cow,
    io::{self, BufRead, Read},
};

use thiserror::Error;

use super::amount::{Amount, AmountError};

/// The first line of every file.
pub(super) const HEADER: &str = "account,amount";

/// A line that is longer is not kept in memory: it is bad.
const LONGEST_LINE: usize = 64 * 1024;

/// A good line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Its number in the file; the header is line 1.
    pub line: u64,
    /// Whose account it is.
    pub account: String,
    /// What is paid in, or out if it is below zero.
    pub amount: Amount,
}

/// A line that is no transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Its number in the file; the header is line 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with a line.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Reason {
    /// Some of its bytes are not text.
    #[error("the line is not valid UTF-8")]
    NotUtf8,
    /// It is no line of a ledger, more likely a file without line ends.
    #[error("the line is longer than {LONGEST_LINE} bytes")]
    TooLong,
    /// It has more or fewer than two fields.
    #[error("the line has {0} field(s) instead of 2")]
    Fields(usize),
    /// A quoted field does not end where it should.
    #[error("a quote is not closed, or text follows it")]
    Quote,
    /// Nobody's account.
    #[error("there is no account")]
    NoAccount,
    /// The second field is no amount.
    #[error(transparent)]
    Amount(#[from] AmountError),
}

/// Why a file cannot be read at all.
#[derive(Debug, Error)]
pub enum CsvError {
    /// There is not even a header.
    #[error("the input is empty; it must start with the header \"{HEADER}\"")]
    Empty,
    /// The first line is another.
    #[error("the first line is {0:?} instead of the header \"{HEADER}\"")]
    Header(String),
    /// The file or the pipe failed.
    #[error("reading failed after line {line}: {source}")]
    Read {
        /// The last line that was read whole; 0 if there is none.
        line: u64,
        /// What the system says.
        source: io::Error,
    },
}

/// The lines of one input, good and bad, in their order. Empty lines are left out.
pub struct Lines<R> {
    input: R,
    line: u64,
    bytes: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// Reads the header.
    pub fn open(input: R) -> Result<Self, CsvError> {
        let mut lines = Self { input, line: 0, bytes: 0, buffer: Vec::new() };
        if !lines.read_start()? {
            return Err(CsvError::Empty);
        }
        let first = lines.buffer.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&lines.buffer);
        let is_header =
            str::from_utf8(first).is_ok_and(|first| split(first).is_ok_and(|names| names.join(",").eq_ignore_ascii_case(HEADER)));
        if is_header {
            Ok(lines)
        } else {
            let shown = String::from_utf8_lossy(first).trim_end().chars().take(60).collect();
            Err(CsvError::Header(shown))
        }
    }

    /// How many bytes have been read.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads the next line into the buffer, and over what is too long to be kept; false at the end.
    fn read_line(&mut self) -> Result<bool, CsvError> {
        let is_there = self.read_start()?;
        if self.buffer.len() > LONGEST_LINE && self.buffer.last() != Some(&b'\n') {
            let line = self.line - 1;
            let skipped = self.input.skip_until(b'\n').map_err(|source| CsvError::Read { line, source })?;
            self.bytes += skipped as u64;
        }
        Ok(is_there)
    }

    /// Reads one byte more than the longest line has, at most.
    fn read_start(&mut self) -> Result<bool, CsvError> {
        let line = self.line;
        let mut start = self.input.by_ref().take(LONGEST_LINE as u64 + 1);
        self.buffer.clear();
        let read = start.read_until(b'\n', &mut self.buffer).map_err(|source| CsvError::Read { line, source })?;
        self.bytes += read as u64;
        self.line += u64::from(read > 0);
        Ok(read > 0)
    }

    fn transaction(&self) -> Result<Transaction, Reason> {
        if self.buffer.len() > LONGEST_LINE {
            return Err(Reason::TooLong);
        }
        let text = str::from_utf8(&self.buffer).map_err(|_| Reason::NotUtf8)?;
        let [account, amount] = split(text)?;
        if account.is_empty() {
            return Err(Reason::NoAccount);
        }
        Ok(Transaction { line: self.line, amount: amount.parse()?, account: account.into_owned() })
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<Result<Transaction, BadLine>, CsvError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.read_line() {
                Ok(false) => return None,
                Ok(true) if self.buffer.trim_ascii().is_empty() => {}
                Ok(true) => {
                    let line = self.line;
                    return Some(Ok(self.transaction().map_err(|reason| BadLine { line, reason })));
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// The two fields of a line.
fn split(line: &str) -> Result<[Cow<'_, str>; 2], Reason> {
    let (account, rest) = field(line)?;
    let (amount, mut rest) = field(rest.ok_or(Reason::Fields(1))?)?;
    let mut fields = 2;
    while let Some(text) = rest {
        rest = field(text)?.1;
        fields += 1;
    }
    if fields == 2 { Ok([account, amount]) } else { Err(Reason::Fields(fields)) }
}

/// The first field of `text`, and what follows its comma if there is one.
fn field(text: &str) -> Result<(Cow<'_, str>, Option<&str>), Reason> {
    if let Some(quoted) = text.trim_ascii_start().strip_prefix('"') {
        return quoted_field(quoted);
    }
    match text.split_once(',') {
        Some((field, rest)) => Ok((field.trim_ascii().into(), Some(rest))),
        None => Ok((text.trim_ascii().into(), None)),
    }
}

/// As [`field`], behind an opening quote. A quote within is written twice.
fn quoted_field(text: &str) -> Result<(Cow<'_, str>, Option<&str>), Reason> {
    let mut from = 0;
    let end = loop {
        let quote = from + text[from..].find('"').ok_or(Reason::Quote)?;
        if !text[quote + 1..].starts_with('"') {
            break quote;
        }
        from = quote + 2;
    };
    let field = if from == 0 { text[..end].into() } else { text[..end].replace("\"\"", "\"").into() };
    match text[end + 1..].trim_ascii_start() {
        "" => Ok((field, None)),
        rest => Ok((field, Some(rest.strip_prefix(',').ok_or(Reason::Quote)?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<Result<Transaction, BadLine>> {
        Lines::open(text).unwrap().map(Result::unwrap).collect()
    }

    fn good(line: u64, account: &str, cents: i64) -> Result<Transaction, BadLine> {
        Ok(Transaction { line, account: account.into(), amount: Amount::from_cents(cents) })
    }

    fn bad(line: u64, reason: Reason) -> Result<Transaction, BadLine> {
        Err(BadLine { line, reason })
    }

    #[test]
    fn lines_are_numbered_as_in_the_file() {
        let lines = read(b"account,amount\nann,1.00\n\n  \nbob,-2.50");
        assert_eq!(lines, [good(2, "ann", 100), good(5, "bob", -250)]);
    }

    #[test]
    fn files_from_other_systems_are_read_too() {
        let lines = read(b"\xEF\xBB\xBFAccount, Amount\r\n ann , 1.00 \r\n\"Lee, \"\"Bo\"\"\" ,\"2.00\"\r\n");
        assert_eq!(lines, [good(2, "ann", 100), good(3, "Lee, \"Bo\"", 200)]);
    }

    #[test]
    fn a_bad_line_says_why_and_the_next_is_read() {
        let lines = read(b"account,amount\nann\nann,1,2\n,5.00\nann,x\n\xFF,1.00\n\"ann,1.00\n\"a\"b,1\nann,1.00\n");
        assert_eq!(
            lines,
            [
                bad(2, Reason::Fields(1)),
                bad(3, Reason::Fields(3)),
                bad(4, Reason::NoAccount),
                bad(5, Reason::Amount(AmountError::NotANumber)),
                bad(6, Reason::NotUtf8),
                bad(7, Reason::Quote),
                bad(8, Reason::Quote),
                good(9, "ann", 100),
            ]
        );
    }

    #[test]
    fn a_line_without_end_is_not_kept_in_memory() {
        let mut text = b"account,amount\n".to_vec();
        text.resize(text.len() + 10 * LONGEST_LINE, b'x');
        text.extend(b"\nann,1.00\n");
        let length = text.len() as u64;
        let mut lines = Lines::open(text.as_slice()).unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), bad(2, Reason::TooLong));
        assert_eq!(lines.next().unwrap().unwrap(), good(3, "ann", 100));
        assert!(lines.buffer.capacity() < 4 * LONGEST_LINE);
        assert_eq!(lines.bytes(), length);
    }

    #[test]
    fn the_header_must_be_there() {
        assert!(matches!(Lines::open(&b""[..]), Err(CsvError::Empty)));
        let without = Lines::open(&b"ann,1.00\n"[..]);
        assert!(matches!(without, Err(CsvError::Header(first)) if first == "ann,1.00"));
        let endless = Lines::open(io::BufReader::new(io::repeat(b'0')));
        assert!(matches!(endless, Err(CsvError::Header(first)) if first == "0".repeat(60)));
        assert!(read(b"\"account\",\"amount\"").is_empty());
    }
}
