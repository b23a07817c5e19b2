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
    /// Frames with a target that went, or wait to go, in the order in which they came.
    prompt: u64,
    /// Of the others, those that are gone since this was last asked.
    passed: VecDeque<Passed>,
}

/// A frame that was overtaken, and is gone: to this target, once so many were that go in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Passed {
    pub(crate) target: Target,
    pub(crate) after: u64,
}

#[derive(Debug)]
struct Stream {
    number: u32,
    target: Target,
    /// The target is one that it was given, not one made up.
    has_target: bool,
    /// Whole frames, without their lengths: the first is under way.
    frames: VecDeque<Vec<u8>>,
    /// How much of the first is gone.
    gone: usize,
    /// Bytes that are left of all of them.
    left: usize,
}

impl Outbox {
    /// Bytes that wait.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of small frames that wait.
    pub(crate) fn small(&self) -> usize {
        self.ready.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Gives back the memory of an empty one.
    pub(crate) fn rest(&mut self) {
        if self.is_empty() {
            let passed = std::mem::take(&mut self.passed);
            *self = Self { next_stream: self.next_stream, prompt: self.prompt, passed, ..Self::default() };
        }
    }

    /// Queues a frame: its length, kind and payload are what `write` appends. Returns whether others may overtake it: it
    /// is among [`passed`](Self::passed) when it is gone.
    ///
    /// `target` is `None` for what need not keep an order with anything.
    pub(crate) fn push(&mut self, target: Option<Target>, frame: &[u8]) -> bool {
        let body = &frame[LENGTH..];
        if let Some(target) = target
            && self.behind.contains(&target)
        {
            self.len += body.len();
            let mut streams = self.streams.iter_mut().chain(&mut self.later);
            if let Some(stream) = streams.find(|stream| stream.target == target) {
                stream.left += body.len();
                stream.frames.push_back(body.to_vec());
            }
            return true;
        }
        if body.len() <= PIECE {
            self.ready.extend_from_slice(frame);
            self.len += frame.len();
            self.prompt += u64::from(target.is_some());
            return false;
        }
        let has_target = target.is_some();
        self.next_stream = self.next_stream.wrapping_add(1);
        // What has no target gets one that no other has: streams are told apart by it.
        let target = target.unwrap_or_else(|| u64::MAX - u64::from(self.next_stream));
        let frames = VecDeque::from([body.to_vec()]);
        let stream = Stream { number: self.next_stream, target, has_target, frames, gone: 0, left: body.len() };
        self.behind.insert(target);
        self.len += body.len();
        if self.streams.len() < STREAMS {
            self.streams.push_back(stream)
        } else {
            self.later.push_back(stream)
        }
        true
    }

    /// Those that were overtaken and are gone, in the order in which they went.
    pub(crate) fn passed(&mut self) -> VecDeque<Passed> {
        std::mem::take(&mut self.passed)
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
            let ended = stream.next_pieces(batch);
            if stream.has_target {
                // All that is ready went before.
                let passed = Passed { target: stream.target, after: self.prompt };
                self.passed.extend(std::iter::repeat_n(passed, ended));
            }
            if stream.frames.is_empty() {
                self.behind.remove(&stream.target);
                self.streams.extend(self.later.pop_front());
            } else {
                self.streams.push_back(stream);
            }
        }
        self.len = self.streams.iter().chain(&self.later).map(|stream| stream.left).sum();
    }
}

impl Stream {
    /// Appends a piece of the large frame, or, once it is gone, what waits behind it, about as much at once.
    /// Returns how many frames it ended.
    fn next_pieces(&mut self, batch: &mut Vec<u8>) -> usize {
        let (mut room, mut ended) = (PIECE, 0);
        while let Some(frame) = self.frames.front() {
            let end = frame.len().min(self.gone + PIECE);
            if end - self.gone > room {
                break;
            }
            room -= end - self.gone;
            self.left -= end - self.gone;
            let last = end == frame.len();
            if last && self.gone == 0 {
                // The receiver has had all that came before it: it can go as it is.
                batch.extend_from_slice(&(frame.len() as u32).to_le_bytes());
                batch.extend_from_slice(frame);
            } else {
                let piece = DataFrame::Piece { stream: self.number, last, bytes: &frame[self.gone..end] };
                // A piece is far shorter than a frame may be.
                let _ = piece.encode(batch, FRAME_LIMIT);
            }
            self.gone = end;
            if last {
                self.gone = 0;
                self.frames.pop_front();
                ended += 1;
            }
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use proptest::prelude::*;

    use super::*;
    use crate::cluster::wire::{AnswerStatus, FrameReader, Kinds, Pieces, Whole};

    /// A frame of the data lane that tells its target and its number among those to it.
    fn frame(target: u64, number: u64, body: usize) -> Vec<u8> {
        let mut whole = number.to_le_bytes().to_vec();
        whole.resize(8 + body, number as u8);
        let mut out = Vec::new();
        DataFrame::Answer { request: target, status: AnswerStatus::Ok, body: &whole }.encode(&mut out, FRAME_LIMIT).unwrap();
        out
    }

    /// The other side of the connection.
    struct Receiver {
        reader: FrameReader,
        pieces: Pieces,
        /// Target, number, and length of the body.
        read: Vec<(u64, u64, usize)>,
    }

    impl Receiver {
        fn new() -> Self {
            Self { reader: FrameReader::new(Kinds::Data, FRAME_LIMIT), pieces: Pieces::new(FRAME_LIMIT), read: Vec::new() }
        }

        fn take(&mut self, batch: &[u8]) {
            let mut buffer = BytesMut::from(batch);
            while let Some(frame) = self.reader.next(&mut buffer).unwrap() {
                match DataFrame::decode(&frame).unwrap() {
                    DataFrame::Piece { stream, last, bytes } => {
                        if let Some(Whole::Frame(whole)) = self.pieces.take(stream, last, bytes).unwrap() {
                            self.note(&DataFrame::decode(&whole).unwrap());
                        }
                    }
                    other => self.note(&other),
                }
            }
            assert!(buffer.is_empty(), "a batch ends where a frame ends");
        }

        fn note(&mut self, frame: &DataFrame<'_>) {
            let DataFrame::Answer { request, body, .. } = *frame else { panic!("{frame:?}") };
            let number = u64::from_le_bytes(body[..8].try_into().unwrap());
            assert!(body[8..].iter().all(|byte| *byte == number as u8), "a frame is whole");
            self.read.push((request, number, body.len() - 8));
        }

        fn all(&mut self, outbox: &mut Outbox) {
            while !outbox.is_empty() {
                let mut batch = Vec::new();
                outbox.take(&mut batch);
                self.take(&batch);
            }
        }
    }

    #[derive(Debug, Clone)]
    enum Event {
        Push { target: u64, body: usize },
        Write,
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let body = prop_oneof![5 => 0..200usize, 1 => PIECE - 20..PIECE + 20, 1 => PIECE..5 * PIECE];
        let push = (0..12u64, body).prop_map(|(target, body)| Event::Push { target, body });
        prop::collection::vec(prop_oneof![3 => push, 1 => Just(Event::Write)], 0..60)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

        #[test]
        fn frames_to_one_target_come_whole_and_in_order(events in events()) {
            let (mut outbox, mut receiver) = (Outbox::default(), Receiver::new());
            let mut sent: [Vec<(u64, usize)>; 12] = Default::default();
            for event in events {
                match event {
                    Event::Push { target, body } => {
                        let to = &mut sent[target as usize];
                        let number = to.len() as u64;
                        to.push((number, body));
                        outbox.push(Some(target), &frame(target, number, body));
                        prop_assert!(!outbox.is_empty());
                    }
                    Event::Write => {
                        let (mut batch, waiting) = (Vec::new(), outbox.ready.len());
                        outbox.take(&mut batch);
                        // Each piece and each frame behind one has a head of some bytes.
                        prop_assert!(batch.len() <= waiting + STREAMS * (PIECE + PIECE / 4), "{} bytes at once", batch.len());
                        receiver.take(&batch);
                    }
                }
            }
            receiver.all(&mut outbox);
            prop_assert_eq!(receiver.pieces.held(), 0);
            prop_assert_eq!(outbox.len(), 0);
            for (target, sent) in sent.iter().enumerate() {
                let read: Vec<_> = receiver.read.iter().filter(|frame| frame.0 == target as u64).map(|frame| (frame.1, frame.2)).collect();
                prop_assert_eq!(sent, &read);
            }
        }
    }

    #[test]
    fn small_frames_pass_large_ones_of_other_targets() {
        let (mut outbox, mut receiver, mut batch) = (Outbox::default(), Receiver::new(), Vec::new());
        outbox.push(Some(1), &frame(1, 0, 10 * PIECE));
        outbox.push(Some(1), &frame(1, 1, 10));
        outbox.push(Some(2), &frame(2, 0, 10));
        outbox.push(None, &frame(9, 0, 10));
        outbox.take(&mut batch);
        receiver.take(&batch);
        assert_eq!(receiver.read, [(2, 0, 10), (9, 0, 10)]);
        receiver.all(&mut outbox);
        assert_eq!(receiver.read[2..], [(1, 0, 10 * PIECE), (1, 1, 10)]);
    }

    #[test]
    fn many_large_frames_share_a_few_streams() {
        let (mut outbox, mut receiver) = (Outbox::default(), Receiver::new());
        for target in 0..100 {
            outbox.push(Some(target), &frame(target, 0, 2 * PIECE));
            // What has no target is told apart from all.
            outbox.push(None, &frame(1_000 + target, 0, 2 * PIECE));
        }
        let mut batch = Vec::new();
        outbox.take(&mut batch);
        assert!(batch.len() < (STREAMS + 1) * PIECE);
        receiver.take(&batch);
        receiver.all(&mut outbox);
        assert_eq!(receiver.read.len(), 200);
    }

    #[test]
    fn what_waits_behind_a_large_frame_goes_many_at_once() {
        let (mut outbox, mut receiver) = (Outbox::default(), Receiver::new());
        outbox.push(Some(1), &frame(1, 0, PIECE + 1));
        (1..1_000).for_each(|number| assert!(outbox.push(Some(1), &frame(1, number, 10)), "it waits behind"));
        let mut writes = 0;
        while !outbox.is_empty() {
            let mut batch = Vec::new();
            outbox.take(&mut batch);
            receiver.take(&batch);
            writes += 1;
        }
        assert!(writes <= 4, "{writes} writes");
        assert_eq!(receiver.read.len(), 1_000);
    }
}
