//! Large frames in pieces, so that small ones pass between them.

use bytes::{Buf, Bytes, BytesMut};

#[cfg(test)]
use super::DataFrame;
use super::{Frame, Kind, Kinds, WireError};

/// So much of a frame over the limit is kept: its kind, and the first two numbers.
const BEGINNING: usize = 1 + 2 * size_of::<u64>();

/// The most large frames that may be under way on one connection.
pub(crate) const STREAMS: usize = 16;

/// Cuts a large frame into pieces of at most `size` bytes. `frame` is a whole frame as it was encoded, its length
/// included.
#[cfg(test)]
pub(crate) fn pieces(stream: u32, frame: &[u8], size: usize) -> impl Iterator<Item = DataFrame<'_>> {
    let mut parts = frame.get(size_of::<u32>()..).unwrap_or_default().chunks(size.max(1)).peekable();
    std::iter::from_fn(move || {
        let bytes = parts.next()?;
        Some(DataFrame::Piece { stream, last: parts.peek().is_none(), bytes })
    })
}

/// Puts pieces together again. What it holds is bounded: so many streams, each of at most one frame.
#[derive(Debug)]
pub(crate) struct Pieces {
    limit: u32,
    streams: Vec<Stream>,
}

#[derive(Debug)]
struct Stream {
    number: u32,
    whole: BytesMut,
    /// How many bytes came, which `whole` does not hold any more if they are over the limit.
    came: u64,
}

/// What pieces were of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whole {
    Frame(Frame),
    /// A frame of so many bytes, which is over the limit, and how it begins.
    Over {
        beginning: Frame,
        bytes: u64,
    },
}

impl Whole {
    /// What has a number there is a request or an answer: the number, and the one behind it.
    pub(crate) fn numbers(beginning: &Frame) -> Option<(u64, u64)> {
        let (first, rest) = beginning.payload.split_first_chunk()?;
        Some((u64::from_le_bytes(*first), u64::from_le_bytes(*rest.first_chunk()?)))
    }
}

impl Pieces {
    /// For frames of at most `limit` bytes.
    pub(crate) fn new(limit: u32) -> Self {
        Self { limit, streams: Vec::new() }
    }

    /// Takes a piece. With the last one of its stream comes the frame. One that is over the limit is not kept.
    pub(crate) fn take(&mut self, stream: u32, last: bool, bytes: &[u8]) -> Result<Option<Whole>, WireError> {
        if bytes.is_empty() {
            return Err(WireError::BadPiece);
        }
        let index = match self.streams.iter().position(|known| known.number == stream) {
            Some(index) => index,
            None => self.open(stream, bytes[0])?,
        };
        let Stream { whole, came, .. } = &mut self.streams[index];
        *came += bytes.len() as u64;
        if *came > u32::MAX.into() {
            return Err(WireError::TooLong { claimed: *came, limit: self.limit.into() });
        }
        if *came <= self.limit.into() {
            whole.extend_from_slice(bytes);
        } else if whole.len() != BEGINNING {
            let beginning = whole.iter().chain(bytes).take(BEGINNING).copied().collect::<Vec<_>>();
            *whole = BytesMut::from(&beginning[..]);
        }
        if !last {
            return Ok(None);
        }
        let Stream { whole, came, .. } = self.streams.swap_remove(index);
        let mut payload: Bytes = whole.freeze();
        let kind = Kinds::Data.of(payload[0])?;
        payload.advance(1);
        let frame = Frame { kind, payload };
        Ok(Some(if came > self.limit.into() { Whole::Over { beginning: frame, bytes: came } } else { Whole::Frame(frame) }))
    }

    /// How many bytes wait for the rest of their frames.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn held(&self) -> usize {
        self.streams.iter().map(|stream| stream.whole.len()).sum()
    }

    fn open(&mut self, stream: u32, kind: u8) -> Result<usize, WireError> {
        if Kinds::Data.of(kind)? == Kind::Piece {
            return Err(WireError::BadPiece);
        }
        if self.streams.len() == STREAMS {
            return Err(WireError::TooManyStreams { limit: STREAMS });
        }
        self.streams.push(Stream { number: stream, whole: BytesMut::new(), came: 0 });
        Ok(self.streams.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn large(fill: u8) -> Vec<u8> {
        let mut out = Vec::new();
        let body = [fill; 1_000];
        DataFrame::Answer { request: fill.into(), status: super::super::AnswerStatus::Ok, body: &body }
            .encode(&mut out, u32::MAX)
            .unwrap();
        out
    }

    fn take(whole: &mut Pieces, piece: DataFrame<'_>) -> Result<Option<Frame>, WireError> {
        let DataFrame::Piece { stream, last, bytes } = piece else { panic!("{piece:?}") };
        Ok(whole.take(stream, last, bytes)?.map(|whole| match whole {
            Whole::Frame(frame) => frame,
            Whole::Over { bytes, .. } => panic!("{bytes} bytes are not over the limit"),
        }))
    }

    #[test]
    fn large_frames_in_turns_come_out_whole() {
        let (one, two) = (large(1), large(2));
        for size in [1, 7, 999, 1_009, 1_010, 5_000] {
            let (mut whole, mut read) = (Pieces::new(2_000), Vec::new());
            let (mut first, mut second) = (pieces(1, &one, size), pieces(2, &two, size));
            loop {
                let turn: Vec<_> = first.next().into_iter().chain(second.next()).collect();
                if turn.is_empty() {
                    break;
                }
                read.extend(turn.into_iter().filter_map(|piece| take(&mut whole, piece).unwrap()));
            }
            assert_eq!(read.len(), 2);
            for (frame, sent) in read.iter().zip([&one, &two]) {
                assert_eq!(frame.kind, Kind::Answer);
                assert_eq!(frame.payload, sent[5..]);
            }
            assert_eq!(whole.held(), 0);
        }
    }

    #[test]
    fn of_a_frame_over_the_limit_only_the_beginning_is_kept() {
        let frame = large(2);
        for size in [1, 500, 1_001, 5_000] {
            let mut whole = Pieces::new(999);
            let mut all = pieces(1, &frame, size).peekable();
            while let Some(DataFrame::Piece { stream, last, bytes }) = all.next() {
                let Some(over) = whole.take(stream, last, bytes).unwrap() else { continue };
                assert!(all.peek().is_none());
                let Whole::Over { beginning, bytes } = over else { panic!("{over:?}") };
                assert_eq!((beginning.kind, bytes), (Kind::Answer, 1_010));
                assert_eq!(beginning.payload, frame[5..5 + 16]);
                assert_eq!(Whole::numbers(&beginning).unwrap().0, 2);
            }
            assert_eq!(whole.held(), 0);
            // Others are not touched by it.
            assert!(whole.take(1, false, &frame[4..900]).unwrap().is_none());
            assert!(whole.take(2, false, &[2; 2_000]).unwrap().is_none());
            assert_eq!(whole.held(), 896 + BEGINNING);
        }
    }

    #[test]
    fn one_large_frame_too_many_is_refused() {
        let mut whole = Pieces::new(1_000);
        (0..16).for_each(|stream| assert_eq!(whole.take(stream, false, &[2]), Ok(None)));
        assert_eq!(whole.take(16, false, &[2]), Err(WireError::TooManyStreams { limit: 16 }));
        assert!(whole.take(3, true, &[0; 9]).unwrap().is_some());
        assert_eq!(whole.take(16, false, &[2]), Ok(None));
    }

    #[test]
    fn a_piece_of_nothing_of_a_piece_or_of_the_unknown_is_refused() {
        let mut whole = Pieces::new(1_000);
        assert_eq!(whole.take(1, true, &[]), Err(WireError::BadPiece));
        assert_eq!(whole.take(1, true, &[Kind::Piece as u8, 0]), Err(WireError::BadPiece));
        assert!(matches!(whole.take(1, false, &[99]), Err(WireError::UnknownKind { kind: 99, .. })));
    }
}
