//! What clients write down of their calls, each beginning before it is made: what somebody wrote who was killed is there.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    sync::{Mutex, PoisonError},
};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::{Act, Op, Outcome};

/// An entity, by its type and id.
pub type Name = (String, String);

/// The beginning or the end of a call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Record {
    /// It begins.
    Begun {
        /// Whom it is to.
        entity: Name,
        /// Whose it is.
        op: Op,
        /// What is to be done.
        act: Act,
        /// When, in nanoseconds of the machine's clock.
        at: u64,
    },
    /// It has ended.
    Ended {
        /// Whom it was to.
        entity: Name,
        /// Whose it is.
        op: Op,
        /// When, in nanoseconds of the machine's clock.
        at: u64,
        /// What came of it.
        outcome: Outcome,
    },
    /// A transfer is begun.
    Transfer(Transfer),
    /// The transfer of this id has come to its end.
    Made(String),
}

/// Money that is to go from one account to another.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Transfer {
    /// No other has it.
    pub id: String,
    /// The account that it comes from.
    pub from: String,
    /// The account that it goes to.
    pub to: String,
    /// How much it is.
    pub amount: u64,
}

/// A file of them, a line each.
#[derive(Debug)]
pub struct Records(Mutex<File>);

impl Records {
    /// Goes on with what is there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::options().create(true).append(true).open(path)?;
        // Whoever wrote before may have been killed within a line.
        file.write_all(b"\n")?;
        Ok(Self(Mutex::new(file)))
    }

    /// Writes one down. What cannot be written must not be done: the process ends.
    pub fn write(&self, record: &Record) {
        let mut line = serde_json::to_vec(record).unwrap_or_default();
        line.push(b'\n');
        if let Err(error) = self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line) {
            eprintln!("records: {error}");
            std::process::exit(2);
        }
    }
}

/// All processes of a machine have the same time, in nanoseconds.
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap_or_default() * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or_default()
}
