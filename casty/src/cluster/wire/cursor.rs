//! Reading fields off a frame's payload, little-endian.

use super::WireError;

/// What is left of the payload of a `frame`.
pub(super) struct Cursor<'a> {
    frame: &'static str,
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    #[inline]
    pub(super) fn new(frame: &'static str, bytes: &'a [u8]) -> Self {
        Self { frame, bytes }
    }

    #[inline]
    pub(super) fn u8(&mut self) -> Result<u8, WireError> {
        self.chunk::<1>().map(|[byte]| byte)
    }

    #[inline]
    pub(super) fn u16(&mut self) -> Result<u16, WireError> {
        self.chunk().map(u16::from_le_bytes)
    }

    #[inline]
    pub(super) fn u32(&mut self) -> Result<u32, WireError> {
        self.chunk().map(u32::from_le_bytes)
    }

    #[inline]
    pub(super) fn u64(&mut self) -> Result<u64, WireError> {
        self.chunk().map(u64::from_le_bytes)
    }

    /// A truth: 0 or 1, and nothing else.
    #[inline]
    pub(super) fn bool(&mut self, field: &'static str) -> Result<bool, WireError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            value => Err(self.unknown(field, value)),
        }
    }

    /// A text of `length` bytes.
    #[inline]
    pub(super) fn text(&mut self, length: usize) -> Result<&'a str, WireError> {
        let text = self.slice(length)?;
        self.utf8(text)
    }

    #[inline]
    pub(super) fn slice(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        match self.bytes.split_at_checked(length) {
            Some((slice, rest)) => {
                self.bytes = rest;
                Ok(slice)
            }
            None => Err(WireError::Truncated { frame: self.frame }),
        }
    }

    /// All that is left, and not yet read.
    #[inline]
    pub(super) fn left(&self) -> &'a [u8] {
        self.bytes
    }

    /// All that is left, as the last field.
    #[inline]
    pub(super) fn rest(self) -> &'a [u8] {
        self.bytes
    }

    /// All that is left, as a last field that is a text.
    pub(super) fn rest_text(self) -> Result<&'a str, WireError> {
        self.utf8(self.bytes)
    }

    /// Checks that no byte is left.
    #[inline]
    pub(super) fn end(self) -> Result<(), WireError> {
        match self.bytes.len() {
            0 => Ok(()),
            bytes => Err(WireError::Trailing { frame: self.frame, bytes }),
        }
    }

    /// The error for a number that stands for nothing.
    #[cold]
    pub(super) fn unknown(&self, field: &'static str, value: u8) -> WireError {
        WireError::UnknownValue { frame: self.frame, field, value }
    }

    #[inline]
    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        match self.bytes.split_first_chunk() {
            Some((&chunk, rest)) => {
                self.bytes = rest;
                Ok(chunk)
            }
            None => Err(WireError::Truncated { frame: self.frame }),
        }
    }

    #[inline]
    fn utf8(&self, bytes: &'a [u8]) -> Result<&'a str, WireError> {
        std::str::from_utf8(bytes).map_err(|_| WireError::NotUtf8 { frame: self.frame })
    }
}
