//! The command line, read by hand.

use std::{ffi::OsString, num::NonZeroU64, path::PathBuf};

use thiserror::Error;

use super::generate::Recipe;

/// What `--help` prints.
pub(super) const HELP: &str = "\
Adds up account transactions: an actor for each account, a balance for each at the end.

usage: ledger [FILE]             read FILE, or the standard input if it is - or left out
       ledger --generate N       make up N lines and read those

The input is CSV with the header `account,amount`. An amount is a decimal number with up to
two digits after the point; below zero it is a withdrawal. A bad line is reported on the
standard error output by its number, and the rest goes on.

what to print:
  --top N          the N largest balances; 10 if left out
  --all            all balances
  --progress       show progress though the standard error output is no terminal

with --generate:
  --accounts N     spread the lines over N accounts; 1000 if left out
  --bad N          break N of the lines; 0 if left out
  --seed N         make up other lines; 1 if left out
  --out FILE       write the lines to FILE, or to the standard output if it is -, and end

exit code: 0 if the balances sum to the total of the input's good lines, 1 if they do not or the
ledger failed, 2 if the command line or the input cannot be used.
";

/// A command line that makes sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Print [`HELP`].
    Help,
    /// Write made-up lines to a file.
    Write { recipe: Recipe, out: PathBuf },
    /// Run the ledger.
    Run { input: Input, rows: Option<usize>, progress: bool },
}

/// What to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// Nothing was named: the standard input, unless it is a terminal.
    Unnamed,
    Stdin,
    File(PathBuf),
    Generated(Recipe),
}

/// A command line that makes no sense, and why.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0} (--help explains)")]
pub(super) struct UsageError(pub(super) String);

/// The options as they were given.
#[derive(Default)]
struct Given {
    files: Vec<OsString>,
    generate: Option<u64>,
    accounts: Option<NonZeroU64>,
    bad: Option<u64>,
    seed: Option<u64>,
    out: Option<PathBuf>,
    top: Option<usize>,
    all: bool,
    progress: bool,
}

impl Command {
    /// Reads the arguments, without the program's name.
    pub(super) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self, UsageError> {
        let mut args = args.into_iter();
        let mut given = Given::default();
        while let Some(arg) = args.next() {
            let (option, value) = match arg.to_str() {
                Some(text) if text.starts_with("--") => match text.split_once('=') {
                    Some((option, value)) => (option.to_owned(), Some(OsString::from(value))),
                    None => (text.to_owned(), None),
                },
                Some("-h") => ("--help".to_owned(), None),
                Some(text) if text.starts_with('-') && text != "-" => return Err(unknown(text)),
                _ => {
                    given.files.push(arg);
                    continue;
                }
            };
            let is_flag = matches!(option.as_str(), "--help" | "--all" | "--progress");
            if is_flag && value.is_some() {
                return Err(UsageError(format!("{option} takes no value")));
            }
            let mut value = || value.clone().or_else(|| args.next()).ok_or_else(|| missing_value(&option));
            match option.as_str() {
                "--help" => return Ok(Self::Help),
                "--all" => given.all = true,
                "--progress" => given.progress = true,
                "--generate" => given.generate = Some(number(&option, &value()?)?),
                "--accounts" => given.accounts = Some(number(&option, &value()?)?),
                "--bad" => given.bad = Some(number(&option, &value()?)?),
                "--seed" => given.seed = Some(number(&option, &value()?)?),
                "--top" => given.top = Some(number(&option, &value()?)?),
                "--out" => given.out = Some(value()?.into()),
                _ => return Err(unknown(&option)),
            }
        }
        given.command()
    }
}

impl Given {
    fn command(mut self) -> Result<Command, UsageError> {
        if self.all && self.top.is_some() {
            return Err(UsageError("--all and --top exclude each other".into()));
        }
        let recipe = self.recipe()?;
        if let Some(out) = self.out {
            let recipe = recipe.ok_or_else(|| UsageError("--out needs --generate".into()))?;
            return Ok(Command::Write { recipe, out });
        }
        let input = match (recipe, self.files.pop()) {
            (Some(recipe), None) => Input::Generated(recipe),
            (Some(_), Some(_)) => return Err(UsageError("--generate and a file exclude each other".into())),
            (None, None) => Input::Unnamed,
            (None, Some(file)) if file == "-" => Input::Stdin,
            (None, Some(file)) => Input::File(file.into()),
        };
        if !self.files.is_empty() {
            return Err(UsageError("there is more than one file".into()));
        }
        let rows = if self.all { None } else { Some(self.top.unwrap_or(10)) };
        Ok(Command::Run { input, rows, progress: self.progress })
    }

    fn recipe(&self) -> Result<Option<Recipe>, UsageError> {
        let Some(lines) = self.generate else {
            let stray = [("--accounts", self.accounts.is_some()), ("--bad", self.bad.is_some()), ("--seed", self.seed.is_some())];
            return match stray.iter().find(|(_, is_given)| *is_given) {
                Some((option, _)) => Err(UsageError(format!("{option} needs --generate"))),
                None => Ok(None),
            };
        };
        let bad = self.bad.unwrap_or(0);
        if bad > lines {
            return Err(UsageError(format!("--bad {bad} is more than the {lines} lines of --generate")));
        }
        let accounts = self.accounts.map_or(1_000, NonZeroU64::get);
        Ok(Some(Recipe { lines, bad, accounts, seed: self.seed.unwrap_or(1) }))
    }
}

fn unknown(option: &str) -> UsageError {
    UsageError(format!("there is no option {option}"))
}

fn missing_value(option: &str) -> UsageError {
    UsageError(format!("{option} needs a value"))
}

fn number<N: std::str::FromStr>(option: &str, value: &OsString) -> Result<N, UsageError> {
    let text = value.to_string_lossy();
    text.replace('_', "").parse().map_err(|_| UsageError(format!("{option} {text}: not a number that it can be")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, UsageError> {
        Command::parse(line.split_whitespace().map(OsString::from))
    }

    fn run(input: Input) -> Command {
        Command::Run { input, rows: Some(10), progress: false }
    }

    #[test]
    fn the_input_is_a_file_a_pipe_or_made_up() {
        assert_eq!(parse(""), Ok(run(Input::Unnamed)));
        assert_eq!(parse("-"), Ok(run(Input::Stdin)));
        assert_eq!(parse("in.csv"), Ok(run(Input::File("in.csv".into()))));
        let recipe = Recipe { lines: 1_000_000, bad: 3, accounts: 1_000, seed: 7 };
        assert_eq!(parse("--generate 1_000_000 --bad=3 --seed 7"), Ok(run(Input::Generated(recipe))));
    }

    #[test]
    fn options_may_follow_the_file() {
        let expected = Command::Run { input: Input::File("in.csv".into()), rows: None, progress: true };
        assert_eq!(parse("in.csv --all --progress"), Ok(expected));
        assert_eq!(parse("nonsense --help"), Ok(Command::Help));
    }

    #[test]
    fn generated_lines_can_be_written() {
        let recipe = Recipe { lines: 5, bad: 0, accounts: 2, seed: 1 };
        let expected = Command::Write { recipe, out: "out.csv".into() };
        assert_eq!(parse("--generate 5 --accounts 2 --out out.csv"), Ok(expected));
    }

    #[test]
    fn a_wrong_command_line_says_what_is_wrong() {
        for (line, text) in [
            ("--speed 3", "there is no option --speed"),
            ("-x", "there is no option -x"),
            ("--top", "--top needs a value"),
            ("--top=many", "--top many: not a number that it can be"),
            ("--generate 5 --accounts 0", "--accounts 0: not a number that it can be"),
            ("--all=yes", "--all takes no value"),
            ("--all --top 3", "--all and --top exclude each other"),
            ("a b", "there is more than one file"),
            ("a --generate 5", "--generate and a file exclude each other"),
            ("a --bad 5", "--bad needs --generate"),
            ("a --out b", "--out needs --generate"),
            ("--generate 5 --bad 6", "--bad 6 is more than the 5 lines of --generate"),
        ] {
            assert_eq!(parse(line), Err(UsageError(text.into())), "{line}");
        }
    }
}
