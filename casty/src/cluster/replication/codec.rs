//! Messages as bytes: a number for which, then its fields, numbers in as few bytes as they need.

use std::sync::Arc;

use super::{
    Content, Message, Written,
    copies::{BUCKETS, Digest},
    message::{Fetched, Listing, Summary},
};
use crate::EntityId;

/// Bytes that are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed replication message")]
pub(crate) struct Malformed;

impl Message {
    /// Appends this message.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let mut w = Writer(out);
        match self {
            Self::Seal { epoch } => w.numbers(0, &[*epoch]),
            Self::Sealed { epoch, served, whole, shelves } => {
                w.numbers(1, &[*epoch, *served, *whole]);
                w.list(shelves, |w, shelf| {
                    w.numbers_only(&[shelf.kind.into(), shelf.adopted, shelf.top]);
                    w.digest(shelf.digest);
                });
            }
            Self::List { epoch, ticket, kind, start, buckets } => {
                w.numbers(2, &[*epoch, *ticket, (*kind).into(), (*start).into()]);
                w.list(buckets, |w, digest| w.digest(*digest));
            }
            Self::Listed { ticket, next, equal, entries } => {
                w.numbers(3, &[*ticket, next.map_or(0, u64::from)]);
                w.bytes(equal);
                w.list(entries, |w, entry| {
                    w.text(&entry.id);
                    w.number(entry.epoch << 1 | u64::from(entry.gone));
                    w.written(entry.written);
                });
            }
            Self::Fetch { epoch, kind, ids } => {
                w.numbers(4, &[*epoch, (*kind).into()]);
                w.list(ids, |w, id| w.text(id));
            }
            Self::Fetched { epoch, kind, entries } => {
                w.numbers(5, &[*epoch, (*kind).into()]);
                w.list(entries, |w, entry| {
                    w.text(&entry.id);
                    w.number(entry.epoch << 1 | u64::from(entry.state.is_none()));
                    w.written(entry.written);
                    if let Some(state) = &entry.state {
                        w.bytes(state);
                    }
                });
            }
            Self::Update { epoch, ticket, kind, id, written, content } => {
                w.numbers(6, &[*epoch, *ticket, (*kind).into()]);
                w.text(id);
                w.written(*written);
                w.content(content);
            }
            Self::Acked { ticket, version } => w.numbers(7, &[*ticket, *version]),
            Self::Lacks { ticket } => w.numbers(8, &[*ticket]),
            Self::Refused { sealed } => w.numbers(9, &[*sealed]),
            Self::Adopt { epoch, kind, digest } => {
                w.numbers(10, &[*epoch, (*kind).into(), digest.is_some().into()]);
                if let Some(digest) = digest {
                    w.digest(*digest);
                }
            }
            Self::Adopted { epoch, kind } => w.numbers(11, &[*epoch, (*kind).into()]),
            Self::Differs { epoch, kind, buckets } => {
                w.numbers(12, &[*epoch, (*kind).into()]);
                w.list(buckets, |w, digest| w.digest(*digest));
            }
            Self::Compare { epoch, kind, buckets, entries } => {
                w.numbers(13, &[*epoch, (*kind).into()]);
                w.bytes(buckets);
                w.list(entries, |w, (id, written)| {
                    w.text(id);
                    w.written(*written);
                });
            }
            Self::Compared { epoch, kind, bucket, lacking } => {
                w.numbers(14, &[*epoch, (*kind).into(), (*bucket).into()]);
                w.list(lacking, |w, id| w.text(id));
            }
        }
    }

    /// Reads a message that is all of these bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader(bytes);
        let message = match r.byte()? {
            0 => Self::Seal { epoch: r.number()? },
            1 => {
                let (epoch, served, whole) = (r.number()?, r.number()?, r.number()?);
                Self::Sealed { epoch, served, whole, shelves: r.list(Reader::summary)? }
            }
            2 => {
                Self::List { epoch: r.number()?, ticket: r.number()?, kind: r.small()?, start: r.small()?, buckets: r.digests()? }
            }
            3 => Self::Listed {
                ticket: r.number()?,
                next: Some(r.small()?).filter(|next| *next != 0),
                equal: r.slice()?.to_vec(),
                entries: r.list(Reader::listing)?,
            },
            4 => Self::Fetch { epoch: r.number()?, kind: r.small()?, ids: r.list(Reader::text)? },
            5 => Self::Fetched { epoch: r.number()?, kind: r.small()?, entries: r.list(Reader::fetched)? },
            6 => Self::Update {
                epoch: r.number()?,
                ticket: r.number()?,
                kind: r.small()?,
                id: r.text()?,
                written: r.written()?,
                content: r.content()?,
            },
            7 => Self::Acked { ticket: r.number()?, version: r.number()? },
            8 => Self::Lacks { ticket: r.number()? },
            9 => Self::Refused { sealed: r.number()? },
            10 => {
                let (epoch, kind) = (r.number()?, r.small()?);
                Self::Adopt { epoch, kind, digest: if r.truth()? { Some(r.digest()?) } else { None } }
            }
            11 => Self::Adopted { epoch: r.number()?, kind: r.small()? },
            12 => Self::Differs { epoch: r.number()?, kind: r.small()?, buckets: r.digests()? },
            13 => Self::Compare {
                epoch: r.number()?,
                kind: r.small()?,
                buckets: r.slice()?.to_vec(),
                entries: r.list(|r| Ok((r.text()?, r.written()?)))?,
            },
            14 => Self::Compared { epoch: r.number()?, kind: r.small()?, bucket: r.small()?, lacking: r.list(Reader::text)? },
            _ => return Err(Malformed),
        };
        if r.0.is_empty() { Ok(message) } else { Err(Malformed) }
    }
}

struct Writer<'a>(&'a mut Vec<u8>);

impl Writer<'_> {
    fn numbers(&mut self, which: u8, numbers: &[u64]) {
        self.0.push(which);
        self.numbers_only(numbers);
    }

    fn numbers_only(&mut self, numbers: &[u64]) {
        numbers.iter().for_each(|number| self.number(*number));
    }

    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn digest(&mut self, digest: Digest) {
        self.0.extend_from_slice(&digest.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, id: &EntityId) {
        self.bytes(id.as_str().as_bytes());
    }

    fn written(&mut self, written: Written) {
        self.numbers_only(&[written.epoch, written.version]);
    }

    fn list<T>(&mut self, list: &[T], mut item: impl FnMut(&mut Self, &T)) {
        self.number(list.len() as u64);
        list.iter().for_each(|value| item(self, value));
    }

    fn content(&mut self, content: &Content) {
        match content {
            Content::Whole(state) => {
                self.0.push(0);
                self.bytes(state);
            }
            Content::Patch { base, prefix, suffix, middle } => {
                self.0.push(1);
                self.written(*base);
                self.numbers_only(&[(*prefix).into(), (*suffix).into()]);
                self.bytes(middle);
            }
            Content::Same => self.0.push(2),
            Content::Gone => self.0.push(3),
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.0.split_first().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*first)
    }

    fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(Malformed);
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Malformed)
    }

    fn small<T: TryFrom<u64>>(&mut self) -> Result<T, Malformed> {
        T::try_from(self.number()?).map_err(|_| Malformed)
    }

    fn truth(&mut self) -> Result<bool, Malformed> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }

    fn slice(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.small()?;
        let (slice, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(slice)
    }

    fn text(&mut self) -> Result<EntityId, Malformed> {
        std::str::from_utf8(self.slice()?).map(EntityId::from).map_err(|_| Malformed)
    }

    fn digest(&mut self) -> Result<Digest, Malformed> {
        let (digest, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(Digest::from_le_bytes(*digest))
    }

    fn digests(&mut self) -> Result<Vec<Digest>, Malformed> {
        let digests = self.list(Self::digest)?;
        if digests.len() > BUCKETS { Err(Malformed) } else { Ok(digests) }
    }

    /// Grows as items are read: what a length claims is never allocated before.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T, Malformed>) -> Result<Vec<T>, Malformed> {
        let length = self.number()?;
        let mut list = Vec::new();
        for _ in 0..length {
            list.push(item(self)?);
        }
        Ok(list)
    }

    fn written(&mut self) -> Result<Written, Malformed> {
        Ok(Written { epoch: self.number()?, version: self.number()? })
    }

    fn summary(&mut self) -> Result<Summary, Malformed> {
        Ok(Summary { kind: self.small()?, adopted: self.number()?, top: self.number()?, digest: self.digest()? })
    }

    fn listing(&mut self) -> Result<Listing, Malformed> {
        let (id, epoch) = (self.text()?, self.number()?);
        Ok(Listing { id, epoch: epoch >> 1, written: self.written()?, gone: epoch & 1 == 1 })
    }

    fn fetched(&mut self) -> Result<Fetched, Malformed> {
        let (id, epoch, written) = (self.text()?, self.number()?, self.written()?);
        let state = if epoch & 1 == 1 { None } else { Some(self.state()?) };
        Ok(Fetched { id, epoch: epoch >> 1, written, state })
    }

    fn state(&mut self) -> Result<Arc<[u8]>, Malformed> {
        self.slice().map(Arc::from)
    }

    fn content(&mut self) -> Result<Content, Malformed> {
        Ok(match self.byte()? {
            0 => Content::Whole(self.state()?),
            1 => Content::Patch { base: self.written()?, prefix: self.small()?, suffix: self.small()?, middle: self.state()? },
            2 => Content::Same,
            3 => Content::Gone,
            _ => return Err(Malformed),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*};

    use super::*;

    fn id() -> impl Strategy<Value = EntityId> {
        "[a-zé]{0,12}".prop_map(EntityId::from)
    }

    fn epoch() -> impl Strategy<Value = u64> {
        prop_oneof![0..300_u64, 0..=u64::MAX >> 1]
    }

    fn written() -> impl Strategy<Value = Written> {
        (epoch(), any::<u64>()).prop_map(|(epoch, version)| Written { epoch, version })
    }

    fn state() -> impl Strategy<Value = Arc<[u8]>> {
        vec(any::<u8>(), 0..40).prop_map(Arc::from)
    }

    fn content() -> impl Strategy<Value = Content> {
        prop_oneof![
            state().prop_map(Content::Whole),
            (written(), any::<u32>(), any::<u32>(), state()).prop_map(|(base, prefix, suffix, middle)| Content::Patch {
                base,
                prefix,
                suffix,
                middle
            }),
            Just(Content::Same),
            Just(Content::Gone),
        ]
    }

    fn message() -> impl Strategy<Value = Message> {
        let kind = any::<u16>;
        let summary = (kind(), any::<u128>(), epoch(), epoch()).prop_map(|(kind, digest, adopted, top)| Summary {
            kind,
            digest,
            adopted,
            top,
        });
        let listing =
            (id(), epoch(), written(), any::<bool>()).prop_map(|(id, epoch, written, gone)| Listing { id, epoch, written, gone });
        let fetched = (id(), epoch(), written(), option::of(state())).prop_map(|(id, epoch, written, state)| Fetched {
            id,
            epoch,
            written,
            state,
        });
        let digests = || vec(any::<Digest>(), 0..5);
        prop_oneof![
            epoch().prop_map(|epoch| Message::Seal { epoch }),
            (epoch(), epoch(), epoch(), vec(summary, 0..4)).prop_map(|(epoch, served, whole, shelves)| Message::Sealed {
                epoch,
                served,
                whole,
                shelves
            }),
            (epoch(), any::<u64>(), kind(), any::<u8>(), digests())
                .prop_map(|(epoch, ticket, kind, start, buckets)| { Message::List { epoch, ticket, kind, start, buckets } }),
            (any::<u64>(), option::of(1..=255_u8), vec(any::<u8>(), 0..9), vec(listing, 0..5))
                .prop_map(|(ticket, next, equal, entries)| Message::Listed { ticket, next, equal, entries }),
            (epoch(), kind(), vec(id(), 0..5)).prop_map(|(epoch, kind, ids)| Message::Fetch { epoch, kind, ids }),
            (epoch(), kind(), vec(fetched, 0..5)).prop_map(|(epoch, kind, entries)| Message::Fetched { epoch, kind, entries }),
            (epoch(), any::<u64>(), kind(), id(), written(), content()).prop_map(
                |(epoch, ticket, kind, id, written, content)| Message::Update { epoch, ticket, kind, id, written, content }
            ),
            (any::<u64>(), any::<u64>()).prop_map(|(ticket, version)| Message::Acked { ticket, version }),
            any::<u64>().prop_map(|ticket| Message::Lacks { ticket }),
            epoch().prop_map(|sealed| Message::Refused { sealed }),
            (epoch(), kind(), option::of(any::<Digest>())).prop_map(|(epoch, kind, digest)| Message::Adopt {
                epoch,
                kind,
                digest
            }),
            (epoch(), kind()).prop_map(|(epoch, kind)| Message::Adopted { epoch, kind }),
            (epoch(), kind(), digests()).prop_map(|(epoch, kind, buckets)| Message::Differs { epoch, kind, buckets }),
            (epoch(), kind(), vec(any::<u8>(), 0..9), vec((id(), written()), 0..5))
                .prop_map(|(epoch, kind, buckets, entries)| Message::Compare { epoch, kind, buckets, entries }),
            (epoch(), kind(), any::<u8>(), vec(id(), 0..5)).prop_map(|(epoch, kind, bucket, lacking)| Message::Compared {
                epoch,
                kind,
                bucket,
                lacking
            }),
        ]
    }

    proptest! {
        #[test]
        fn a_message_is_read_as_it_was_written(message in message()) {
            let mut bytes = Vec::new();
            message.encode(&mut bytes);
            prop_assert_eq!(Message::decode(&bytes), Ok(message));
            for end in 0..bytes.len() {
                prop_assert_eq!(Message::decode(&bytes[..end]), Err(Malformed));
            }
        }

        #[test]
        fn other_bytes_do_no_harm(mut bytes in vec(any::<u8>(), 0..80), which in 0..16_u8) {
            let _ = Message::decode(&bytes);
            if let Some(first) = bytes.first_mut() {
                *first = which;
                let _ = Message::decode(&bytes);
            }
        }
    }

    #[test]
    fn a_length_that_is_not_there_is_not_allocated() {
        let mut bytes = vec![4, 1, 1];
        bytes.extend([0xff; 9]);
        bytes.push(1);
        assert_eq!(Message::decode(&bytes), Err(Malformed));
    }
}
