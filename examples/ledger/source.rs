//! Where the lines come from: a file, a pipe or the generator.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use thiserror::Error;

use super::{
    csv::CsvError,
    generate::{Generator, Recipe},
};

/// Bytes read from the system at a time.
const CHUNK: usize = 64 * 1024;

/// An open input.
pub struct Source {
    pub(super) name: String,
    pub(super) input: Box<dyn BufRead + Send>,
    pub(super) size: Size,
}

/// How much there is to read, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(super) enum Size {
    Unknown,
    Bytes(u64),
    Lines(u64),
}

impl Source {
    /// Opens a file.
    pub fn file(path: &Path) -> Result<Self, InputError> {
        let name = path.display().to_string();
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
        let (metadata, file) = opened.map_err(|source| InputError::Open { name: name.clone(), source })?;
        let size = if metadata.is_file() { Size::Bytes(metadata.len()) } else { Size::Unknown };
        Ok(Self { name, input: Box::new(BufReader::with_capacity(CHUNK, file)), size })
    }

    /// The standard input.
    pub fn stdin() -> Self {
        let input = Box::new(BufReader::with_capacity(CHUNK, io::stdin()));
        Self { name: "standard input".into(), input, size: Size::Unknown }
    }

    /// Lines that are made up while they are read.
    pub fn generated(recipe: Recipe) -> Self {
        let size = Size::Lines(recipe.lines);
        Self { name: "the generator".into(), input: Box::new(Generator::new(recipe)), size }
    }
}

impl Size {
    /// How much of it has been read, in percent.
    pub(super) fn percent(self, lines: u64, bytes: u64) -> Option<u8> {
        let (read, all) = match self {
            Self::Unknown => return None,
            Self::Bytes(all) => (bytes, all),
            Self::Lines(all) => (lines, all),
        };
        let percent = u128::from(read) * 100 / u128::from(all.max(1));
        // A file can grow while it is read.
        Some(percent.min(100) as u8)
    }
}

/// Why an input cannot be read.
#[derive(Debug, Error)]
pub enum InputError {
    /// It cannot be opened.
    #[error("cannot open {name}: {source}")]
    Open {
        /// The file.
        name: String,
        /// What the system says.
        source: io::Error,
    },
    /// It is no ledger, or breaks off.
    #[error("{name}: {source}")]
    Csv {
        /// The file, or what stands for it.
        name: String,
        /// What is wrong.
        source: CsvError,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_known_where_the_size_is() {
        assert_eq!(Size::Unknown.percent(10, 10), None);
        assert_eq!(Size::Bytes(200).percent(1, 50), Some(25));
        assert_eq!(Size::Bytes(200).percent(9, 500), Some(100));
        assert_eq!(Size::Lines(0).percent(0, 15), Some(0));
    }
}
