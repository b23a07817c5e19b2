//! The reading side of a connection: frames from a buffer that is as large as what comes.

use std::io;

use bytes::{Buf as _, BytesMut};
use tokio::io::AsyncReadExt as _;

use super::outbox::PIECE;
use crate::{
    cluster::wire::{FrameReader, FrameRef, Kinds},
    host::ReadHalf,
};

/// Read at once: by a connection with little to say, and at most.
const LEAST: usize = 8 * 1024;
const MOST: usize = 64 * 1024;
/// A frame that holds a piece: its kind, stream, whether it is the last.
const PIECE_FRAME: u32 = PIECE as u32 + 16;

pub(super) struct Intake {
    reader: FrameReader,
    buffer: BytesMut,
    /// How much to read at once.
    size: usize,
}

impl Intake {
    /// For a connection of the data lane. `rest` is what came behind its handshake. A frame may have `limit` bytes, and, as
    /// the other side's limit may be another, always as many as go in one piece.
    pub(super) fn new(rest: BytesMut, limit: u32) -> Self {
        let limit = limit.max(PIECE_FRAME);
        Self { reader: FrameReader::new(Kinds::Data, limit), buffer: rest, size: LEAST }
    }

    /// Waits for more. 0: there is no more. Nothing is lost if it is dropped while it waits.
    pub(super) async fn read(&mut self, from: &mut ReadHalf) -> io::Result<usize> {
        self.buffer.reserve(self.size);
        let room = self.buffer.capacity() - self.buffer.len();
        let read = from.read_buf(&mut self.buffer).await?;
        if read == room {
            self.size = (self.size * 2).min(MOST);
        }
        Ok(read)
    }

    /// Handles all frames that are there whole.
    pub(super) fn each(&mut self, mut handle: impl FnMut(FrameRef<'_>) -> Result<(), String>) -> Result<(), String> {
        let mut rest = &self.buffer[..];
        while let Some((frame, behind)) = self.reader.cut(rest).map_err(|error| error.to_string())? {
            handle(frame)?;
            rest = behind;
        }
        let read = self.buffer.len() - rest.len();
        self.buffer.advance(read);
        Ok(())
    }

    /// Gives back the memory, where nothing has come for a while.
    pub(super) fn rest(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
            self.size = LEAST;
        }
    }
}
