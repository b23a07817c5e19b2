//! From the command line to the exit code.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, BufWriter, IsTerminal, Write},
    path::Path,
};

use casty::ActorSystem;

use super::{
    Console, Generator, InputError, LedgerError, Recipe, Source,
    options::{Command, HELP, Input, UsageError},
    progress::grouped,
    run,
};

const DONE: u8 = 0;
const WRONG: u8 = 1;
const UNUSABLE: u8 = 2;

/// Does what the arguments (without the program's name) say, prints to `out`, and returns the exit code.
pub async fn execute(
    system: &ActorSystem,
    args: impl IntoIterator<Item = OsString>,
    out: &mut impl Write,
    console: Console,
) -> u8 {
    let done = match Command::parse(args) {
        Ok(Command::Help) => out.write_all(HELP.as_bytes()).map(|()| DONE).map_err(Stopped::from),
        Ok(Command::Write { recipe, out: path }) => write(recipe, &path, out, &console),
        Ok(Command::Run { input, rows, progress }) => {
            let shows_progress = progress || console.is_terminal();
            print(system, &input, rows, shows_progress, out, &console).await
        }
        Err(error) => Err(error.into()),
    };
    done.unwrap_or_else(|stopped| {
        if let Some(text) = stopped.text {
            console.write(&format!("ledger: {text}\n"));
        }
        stopped.code
    })
}

async fn print(
    system: &ActorSystem,
    input: &Input,
    rows: Option<usize>,
    shows_progress: bool,
    out: &mut impl Write,
    console: &Console,
) -> Result<u8, Stopped> {
    let source = open(input)?;
    let outcome = run(system, source, console.clone(), shows_progress).await?;
    outcome.print(rows, out).and_then(|()| out.flush())?;
    Ok(if outcome.sums_match() { DONE } else { WRONG })
}

fn open(input: &Input) -> Result<Source, Stopped> {
    match input {
        Input::Unnamed if io::stdin().is_terminal() => {
            Err(UsageError("there is no input: name a file, pipe one in, or try --generate 1000000".into()).into())
        }
        Input::Unnamed | Input::Stdin => Ok(Source::stdin()),
        Input::File(path) => Ok(Source::file(path)?),
        Input::Generated(recipe) => Ok(Source::generated(recipe.clone())),
    }
}

fn write(recipe: Recipe, path: &Path, out: &mut impl Write, console: &Console) -> Result<u8, Stopped> {
    let lines = grouped(recipe.lines);
    let mut generator = Generator::new(recipe);
    if path == "-" {
        io::copy(&mut generator, out).and_then(|_| out.flush())?;
        return Ok(DONE);
    }
    let file = File::create(path).map(BufWriter::new);
    let written = file.and_then(|mut file| io::copy(&mut generator, &mut file).and_then(|_| file.flush()));
    written.map_err(|error| Stopped::because(UNUSABLE, &format!("cannot write {}: {error}", path.display())))?;
    console.write(&format!("{lines} lines written to {}\n", path.display()));
    Ok(DONE)
}

/// An early end: the exit code, and what to say.
struct Stopped {
    code: u8,
    text: Option<String>,
}

impl Stopped {
    fn because(code: u8, text: &impl ToString) -> Self {
        Self { code, text: Some(text.to_string()) }
    }
}

impl From<UsageError> for Stopped {
    fn from(error: UsageError) -> Self {
        Self::because(UNUSABLE, &error)
    }
}

impl From<InputError> for Stopped {
    fn from(error: InputError) -> Self {
        Self::because(UNUSABLE, &error)
    }
}

impl From<LedgerError> for Stopped {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Input(error) => error.into(),
            other => Self::because(WRONG, &other),
        }
    }
}

/// The output failed. Whoever reads it may stop when they have seen enough, as `head` does; that is no error.
impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self { code: DONE, text: None },
            _ => Self::because(UNUSABLE, &format!("cannot write the output: {error}")),
        }
    }
}
