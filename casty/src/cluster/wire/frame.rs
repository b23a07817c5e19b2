//! How a stream of bytes is cut into frames: a length (`u32`, little-endian, of what follows), a kind, a payload.

use bytes::{Buf, Bytes, BytesMut};

use super::{Kind, Kinds, WireError};

/// The longest frame unless configured: 16 MiB, kind included.
pub(crate) const FRAME_LIMIT: u32 = 16 * 1024 * 1024;

const LENGTH: usize = size_of::<u32>();

/// A frame that was read. The payload shares the memory that it was read into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) payload: Bytes,
}

/// A frame where it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameRef<'a> {
    pub(crate) kind: Kind,
    pub(crate) payload: &'a [u8],
}

impl Frame {
    pub(crate) fn as_ref(&self) -> FrameRef<'_> {
        FrameRef { kind: self.kind, payload: &self.payload }
    }
}

/// Takes frames off a buffer that a connection reads into.
#[derive(Debug)]
pub(crate) struct FrameReader {
    kinds: Kinds,
    limit: u32,
}

impl FrameReader {
    /// A reader of the frames of a lane, each of at most `limit` bytes.
    pub(crate) fn new(kinds: Kinds, limit: u32) -> Self {
        Self { kinds, limit }
    }

    /// The next frame, or `None` until more of it is in the buffer. After an error the buffer is where it was, and the
    /// connection has no use any more.
    #[inline]
    pub(crate) fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, WireError> {
        let Some((kind, payload)) = self.first(buffer)? else { return Ok(None) };
        let end = LENGTH + 1 + payload.len();
        let mut payload = buffer.split_to(end).freeze();
        payload.advance(LENGTH + 1);
        Ok(Some(Frame { kind, payload }))
    }

    /// The next frame as it lies in what was read, and what follows it.
    #[inline]
    pub(crate) fn cut<'a>(&self, bytes: &'a [u8]) -> Result<Option<(FrameRef<'a>, &'a [u8])>, WireError> {
        let Some((kind, payload)) = self.first(bytes)? else { return Ok(None) };
        Ok(Some((FrameRef { kind, payload }, &bytes[LENGTH + 1 + payload.len()..])))
    }

    #[inline]
    fn first<'a>(&self, buffer: &'a [u8]) -> Result<Option<(Kind, &'a [u8])>, WireError> {
        let Some(length) = buffer.first_chunk() else { return Ok(None) };
        let length = u32::from_le_bytes(*length);
        if length == 0 {
            return Err(WireError::Empty);
        }
        if length > self.limit {
            return Err(WireError::TooLong { claimed: length.into(), limit: self.limit.into() });
        }
        let Some(&number) = buffer.get(LENGTH) else { return Ok(None) };
        let kind = self.kinds.of(number)?;
        let end = LENGTH + length as usize;
        Ok(buffer.get(LENGTH + 1..end).map(|payload| (kind, payload)))
    }

    /// How many bytes the frame at the front of the buffer still lacks: what is worth reading at once. 0 if that is not
    /// known yet, or if the frame will be refused.
    #[cfg(test)]
    pub(crate) fn lacking(&self, buffer: &BytesMut) -> usize {
        match buffer.first_chunk().map(|length| u32::from_le_bytes(*length)) {
            Some(length) if length <= self.limit => (LENGTH + length as usize).saturating_sub(buffer.len()),
            _ => 0,
        }
    }
}

/// Begins a frame at the end of `out`. Its payload is whatever is appended until [`FrameStart::end`].
#[inline]
pub(crate) fn begin_frame(out: &mut Vec<u8>, kind: Kind) -> FrameStart {
    let start = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, kind as u8]);
    FrameStart(start)
}

/// Where a frame that is being written begins.
#[derive(Debug)]
#[must_use = "a frame has no length until it has ended"]
pub(crate) struct FrameStart(usize);

impl FrameStart {
    /// Ends the frame: its length is put in. If it is over `limit`, `out` is back where it was.
    #[inline]
    pub(crate) fn end(self, out: &mut Vec<u8>, limit: u32) -> Result<(), WireError> {
        let length = out.len() - self.0 - LENGTH;
        if length > limit as usize {
            self.abandon(out);
            return Err(WireError::TooLong { claimed: length as u64, limit: limit.into() });
        }
        out[self.0..self.0 + LENGTH].copy_from_slice(&(length as u32).to_le_bytes());
        Ok(())
    }

    /// Takes the frame back, as if it had never begun.
    pub(crate) fn abandon(self, out: &mut Vec<u8>) {
        out.truncate(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader() -> FrameReader {
        FrameReader::new(Kinds::Data, 1_000)
    }

    fn frame(kind: Kind, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let start = begin_frame(&mut out, kind);
        out.extend_from_slice(payload);
        start.end(&mut out, FRAME_LIMIT).unwrap();
        out
    }

    #[test]
    fn frames_come_out_as_they_went_in_however_they_were_cut() {
        let mut sent = frame(Kind::Ping, b"12345678");
        sent.extend(frame(Kind::Goodbye, b""));
        sent.extend(frame(Kind::Answer, &[7; 900]));
        for cut in 1..sent.len() {
            let (mut reader, mut buffer, mut read) = (reader(), BytesMut::new(), Vec::new());
            for part in sent.chunks(cut) {
                buffer.extend_from_slice(part);
                let cut = reader.cut(&buffer).unwrap().map(|(frame, _)| (frame.kind, frame.payload.to_vec()));
                assert_eq!(cut, reader.next(&mut buffer.clone()).unwrap().map(|frame| (frame.kind, frame.payload.to_vec())));
                while let Some(Frame { kind, payload }) = reader.next(&mut buffer).unwrap() {
                    read.push((kind, payload.to_vec()));
                }
            }
            let expected = [(Kind::Ping, b"12345678".to_vec()), (Kind::Goodbye, Vec::new()), (Kind::Answer, vec![7; 900])];
            assert_eq!(read, expected);
            assert!(buffer.is_empty());
        }
    }

    #[test]
    fn a_frame_that_claims_4_gib_is_refused_by_its_length_alone() {
        let mut buffer = BytesMut::from(&[0xff; 4][..]);
        let error = reader().next(&mut buffer).unwrap_err();
        assert_eq!(error, WireError::TooLong { claimed: u32::MAX.into(), limit: 1_000 });
        assert!(error.to_string().contains("4294967295") && error.to_string().contains("1000"));
        assert!(buffer.capacity() < 100);
    }

    #[test]
    fn an_unknown_kind_is_refused_before_its_payload_has_come() {
        let mut buffer = BytesMut::from(&[200, 0, 0, 0, 99][..]);
        assert_eq!(reader().next(&mut buffer), Err(WireError::UnknownKind { kind: 99, lane: Kinds::Data }));
    }

    #[test]
    fn a_frame_of_length_0_is_refused() {
        assert_eq!(reader().next(&mut BytesMut::from(&[0; 8][..])), Err(WireError::Empty));
    }

    #[test]
    fn a_frame_of_just_the_limit_passes_and_one_byte_more_does_not() {
        let mut buffer = BytesMut::from(&frame(Kind::Answer, &[0; 999])[..]);
        assert_eq!(reader().next(&mut buffer).unwrap().unwrap().payload.len(), 999);
        let mut buffer = BytesMut::from(&frame(Kind::Answer, &[0; 1_000])[..]);
        assert!(matches!(reader().next(&mut buffer), Err(WireError::TooLong { claimed: 1_001, limit: 1_000 })));
    }

    #[test]
    fn a_frame_that_grew_too_long_leaves_nothing_behind() {
        let mut out = b"before".to_vec();
        let start = begin_frame(&mut out, Kind::Answer);
        out.extend_from_slice(&[0; 50]);
        assert_eq!(start.end(&mut out, 50), Err(WireError::TooLong { claimed: 51, limit: 50 }));
        assert_eq!(out, b"before");
    }

    #[test]
    fn what_a_frame_lacks_is_known_from_its_length() {
        let whole = frame(Kind::Answer, &[0; 99]);
        assert_eq!(reader().lacking(&BytesMut::from(&whole[..3])), 0);
        assert_eq!(reader().lacking(&BytesMut::from(&whole[..4])), 100);
        assert_eq!(reader().lacking(&BytesMut::from(&whole[..])), 0);
        assert_eq!(reader().lacking(&BytesMut::from(&[0xff; 4][..])), 0);
    }
}
