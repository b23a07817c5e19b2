//! Messages that nobody handled: counted, named, and told in the log at a bounded rate.

use std::{
    fmt,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::{error::ActorLabel, host::Host, sync::lock};

/// Lines in the log, at most, for each [`WINDOW`].
const LINES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(10);

/// Why a message was not handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeadLetterReason {
    /// Its actor stopped before it came to it.
    Stopped,
    /// The mailbox was full, or the stash.
    MailboxFull,
    /// Its actor is on another node, which could not be reached, or the message could not go there.
    Unreachable,
    /// The connection to its actor's node broke, and that node had not confirmed it. It may have been handled.
    LostInFlight,
    /// It could change an entity whose type is `strict`, and fewer of its backups were up than `sync` asks for; or too much
    /// waited already for an entity's changes to get to its backups.
    Unavailable,
    /// The actor of this node that it came for does not handle it, or its bytes could not be read.
    Rejected,
}

impl fmt::Display for DeadLetterReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stopped => "its actor had stopped",
            Self::MailboxFull => "the mailbox was full",
            Self::Unreachable => "its actor's node could not be reached with it",
            Self::LostInFlight => "the connection broke behind it",
            Self::Unavailable => "too few of its backups were up, or got its changes",
            Self::Rejected => "it could not be read, or its actor does not handle it",
        })
    }
}

#[derive(Default)]
pub(super) struct DeadLetters {
    count: AtomicU64,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    since: Option<Instant>,
    lines: u32,
    left_out: u64,
}

impl DeadLetters {
    pub(super) fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    pub(super) fn note(&self, host: &Host, actor: &ActorLabel, message: &'static str, reason: DeadLetterReason) {
        self.count.fetch_add(1, Relaxed);
        let mut log = lock(&self.log);
        if log.lines >= LINES && log.since.is_some_and(|since| host.now().saturating_duration_since(since) < WINDOW) {
            log.left_out += 1;
            return;
        }
        if log.lines == 0 || log.lines >= LINES {
            *log = Log { since: Some(host.now()), lines: 0, left_out: std::mem::take(&mut log.left_out) };
        }
        log.lines += 1;
        let left_out = std::mem::take(&mut log.left_out);
        drop(log);
        tracing::warn!(%actor, message, %reason, left_out, "dead letter: a message was not handled");
    }
}
