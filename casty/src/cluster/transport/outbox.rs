//! What waits to be written to one connection. Pure.
//!
//! Small frames go out in the order in which they came. A large one goes in pieces that alternate with whatever else there
//! is, but for frames to the same target: those wait behind it, so that the order of one sender's messages to one actor
//! holds.

use std::collections::{HashSet, VecDeque};

use crate::cluster::wire::{DataFrame, FRAME_LIMIT};

/// A frame beyond this many bytes goes in pieces of as many.
pub(crate) const PIECE: usize = 64 * 1024;
/// So many large frames are under way at once; others wait for one of these to end.
const STREAMS: usize = 8;

/// Before a frame's kind and payload.
const LENGTH: usize = size_of::<u32>();

/// Whom frames are for, as far as their order goes.
pub(crate) type Target = u64;

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Frames as they go out.
    ready: Vec<u8>,
    /// Large frames under way, each with what follows it to the same target.
    streams: VecDeque<Stream>,
    /// Their targets.
    behind: HashSet<Target>,
    /// Large frames that wait for a stream.
    later: VecDeque<Stream>,
    next_stream: u32,
    /// Bytes in all of these.
    len: usize,
}

#[derive(Debug)]
struct Stream {
    number: u32,
    target: Target,
    /// Whole frames, without their lengths: the first is under way.
    frames: VecDeque<Vec<u8>>,
    /// How much of the first is gone.
    gone: usize,
}

impl Outbox {
    /// Bytes that wait.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Queues a frame: its length, kind and payload are what `write` appends.
    ///
    /// `target` is `None` for what need not keep an order with anything.
    pub(crate) fn push(&mut self, target: Option<Target>, frame: &[u8]) {
        let body = &frame[LENGTH..];
        if let Some(target) = target
            && self.behind.contains(&target)
        {
            self.len += body.len();
            let mut streams = self.streams.iter_mut().chain(&mut self.later);
            if let Some(stream) = streams.find(|stream| stream.target == target) {
                stream.frames.push_back(body.to_vec());
            }
            return;
        }
        if body.len() <= PIECE {
            self.ready.extend_from_slice(frame);
            self.len += frame.len();
            return;
        }
        self.next_stream = self.next_stream.wrapping_add(1);
        // What has no target gets one that no other has: streams are told apart by it.
        let target = target.unwrap_or(u64::MAX - u64::from(self.next_stream));
        let stream = Stream { number: self.next_stream, target, frames: VecDeque::from([body.to_vec()]), gone: 0 };
        self.behind.insert(target);
        self.len += body.len();
        if self.streams.len() < STREAMS { self.streams.push_back(stream) } else { self.later.push_back(stream) }
    }

    /// Moves what is to be written next into `batch`: all small frames, and a piece of each large one.
    pub(crate) fn take(&mut self, batch: &mut Vec<u8>) {
        if batch.is_empty() {
            std::mem::swap(batch, &mut self.ready);
        } else {
            batch.append(&mut self.ready);
        }
        for _ in 0..self.streams.len() {
            let Some(mut stream) = self.streams.pop_front() else { break };
            stream.next_piece(batch);
            if stream.frames.is_empty() {
                self.behind.remove(&stream.target);
                self.streams.extend(self.later.pop_front());
            } else {
                self.streams.push_back(stream);
            }
        }
        self.len = self.streams.iter().chain(&self.later).map(Stream::left).sum();
    }
}

impl Stream {
    fn left(&self) -> usize {
        self.frames.iter().map(Vec::len).sum::<usize>() - self.gone
    }

    fn next_piece(&mut self, batch: &mut Vec<u8>) {
        let Some(frame) = self.frames.front() else { return };
        let end = frame.len().min(self.gone + PIECE);
        let last = end == frame.len();
        let piece = DataFrame::Piece { stream: self.number, last, bytes: &frame[self.gone..end] };
        // A piece is far shorter than a frame may be.
        let _ = piece.encode(batch, FRAME_LIMIT);
        self.gone = end;
        if last {
            self.gone = 0;
            self.frames.pop_front();
        }
    }
}
