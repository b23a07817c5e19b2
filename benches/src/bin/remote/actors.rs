//! The actors of the second node.

use std::time::Instant;

use casty::prelude::*;

/// 64 bytes, and as many come back.
#[message(reply = String)]
pub(crate) struct Echo(pub(crate) String);

/// 100 bytes, of which nothing comes back.
#[message]
pub(crate) struct Note(pub(crate) String);

/// How many notes have come since the last of these, and within how many nanoseconds the first to the last?
#[message(reply = (u64, u64))]
pub(crate) struct Count;

#[actor]
#[derive(Default)]
pub(crate) struct Echoer;

#[actor]
impl Echoer {
    #[handler]
    fn echo(&mut self, Echo(text): Echo) -> String {
        text
    }
}

#[actor]
#[derive(Default)]
pub(crate) struct Sink {
    count: u64,
    bytes: usize,
    began: Option<Instant>,
}

#[actor]
impl Sink {
    #[handler]
    fn note(&mut self, Note(text): Note) {
        self.began.get_or_insert_with(Instant::now);
        self.count += 1;
        self.bytes += text.len();
    }

    #[handler]
    fn count(&mut self, _: Count) -> (u64, u64) {
        let took = self.began.take().map_or(0, |began| began.elapsed().as_nanos() as u64);
        assert_eq!(self.bytes, self.count as usize * 100, "a note has 100 bytes");
        self.bytes = 0;
        (std::mem::take(&mut self.count), took)
    }
}
