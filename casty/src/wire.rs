//! What a type needs to leave the process, and how it does: as MessagePack, fields by name.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Message,
    actor::{Answer, Awaited, FarPort, FarReply},
    probe::Is,
    reply::ReplyTo,
};

/// Holds for all that serde can encode and decode.
///
/// The lifetime means nothing: with one a bound can be higher-ranked, and the compiler does not refuse such a bound where
/// it is false for a concrete type, but leaves out the impl that has it.
pub trait Wire<'w>: Serialize + DeserializeOwned {}

impl<T: Serialize + DeserializeOwned> Wire<'_> for T {}

/// Why a value did not become bytes, or bytes no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// It is `local`, or generic.
    #[error("it stays in its process")]
    Stays,
    /// Its serde implementation said so, or the bytes are of something else.
    #[error("{0}")]
    Failed(Arc<str>),
}

/// How deep what comes from outside may be nested.
const DEPTH: usize = 128;

/// Appends `value` to `into`. If that fails, `into` is as it was. A panic of the type's own is an error, here and in
/// [`decode`].
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T, into: &mut Vec<u8>) -> Result<(), CodecError> {
    let before = into.len();
    let mut serializer = rmp_serde::Serializer::new(&mut *into).with_struct_map();
    let encoded = caught(|| value.serialize(&mut serializer).map_err(|error| error.to_string()));
    if encoded.is_err() {
        into.truncate(before);
    }
    encoded
}

/// A value from bytes that anybody may have sent.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
    deserializer.set_max_depth(DEPTH);
    caught(|| T::deserialize(&mut deserializer).map_err(|error| error.to_string()))
}

/// What `code` of the user's comes to, with a panic as an error.
pub(crate) fn caught<T>(code: impl FnOnce() -> Result<T, String>) -> Result<T, CodecError> {
    let done = catch_unwind(AssertUnwindSafe(code));
    let done = done.unwrap_or_else(|payload| Err(crate::Failure::from_panic(&*payload).to_string()));
    done.map_err(|why| CodecError::Failed(why.into()))
}

/// How a message and its answer travel. Implemented by `Is<true>` where both are serde, and by `Is<false>` for all.
pub trait Codec<M: Message> {
    /// See `Message::__encode`.
    fn encode(message: &M, into: &mut Vec<u8>) -> Result<(), CodecError>;
    /// See `Message::__decode`.
    fn decode(bytes: &[u8]) -> Result<M, CodecError>;
    /// See `Message::__await`.
    fn awaited(reply: ReplyTo<M>) -> Option<Box<dyn Answer>>;
    /// See `Message::__reply`.
    fn reply(port: Box<dyn FarPort>) -> ReplyTo<M>;
}

impl<M: Message + Serialize + DeserializeOwned> Codec<M> for Is<true>
where
    M::Reply: Serialize + DeserializeOwned,
{
    fn encode(message: &M, into: &mut Vec<u8>) -> Result<(), CodecError> {
        encode(message, into)
    }

    fn decode(bytes: &[u8]) -> Result<M, CodecError> {
        decode(bytes)
    }

    fn awaited(reply: ReplyTo<M>) -> Option<Box<dyn Answer>> {
        reply.is_ask().then(|| Box::new(Awaited::new(reply, decode)) as Box<dyn Answer>)
    }

    fn reply(port: Box<dyn FarPort>) -> ReplyTo<M> {
        ReplyTo::far(FarReply::new(port, encode))
    }
}

impl<M: Message> Codec<M> for Is<false> {
    fn encode(_: &M, _: &mut Vec<u8>) -> Result<(), CodecError> {
        Err(CodecError::Stays)
    }

    fn decode(_: &[u8]) -> Result<M, CodecError> {
        Err(CodecError::Stays)
    }

    fn awaited(_: ReplyTo<M>) -> Option<Box<dyn Answer>> {
        None
    }

    fn reply(_: Box<dyn FarPort>) -> ReplyTo<M> {
        ReplyTo::NOBODY
    }
}

/// A message of type `M` that came as bytes, if `name` is its name.
pub fn incoming<M: Message>(
    name: &str,
    body: &[u8],
    reply: &mut Option<Box<dyn FarPort>>,
) -> Option<Result<(M, ReplyTo<M>), CodecError>> {
    if M::LOCAL || name != M::NAME {
        return None;
    }
    Some(M::__decode(body).map(|message| (message, reply.take().map_or(ReplyTo::NOBODY, M::__reply))))
}

/// The name of a message on the wire, for the check that an actor's messages can be told apart by it.
#[derive(Debug, Clone, Copy)]
pub struct WireName {
    name: &'static str,
    local: bool,
}

impl WireName {
    /// The name that `M` goes by.
    pub const fn of<M: Message>() -> Self {
        Self { name: M::NAME, local: M::LOCAL }
    }

    /// Fails to compile if an earlier message that travels has the name of the one at `index`.
    #[track_caller]
    pub const fn is_new(names: &[Self], index: usize) {
        let mut earlier = 0;
        while earlier < index {
            let clash = !names[earlier].local && !names[index].local && same(names[earlier].name, names[index].name);
            assert!(
                !clash,
                "this actor handles another message of the same name; give one of them a name of its own: `#[message(name = \"..\")]`"
            );
            earlier += 1;
        }
    }
}

const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    one.len() == other.len() && index == one.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_something_else_are_an_error() {
        let mut bytes = Vec::new();
        encode(&("text", 7u64), &mut bytes).unwrap();
        assert_eq!(decode::<(String, u64)>(&bytes).unwrap(), ("text".to_owned(), 7));
        assert!(decode::<u64>(&bytes).is_err() && decode::<(String, u64)>(&bytes[..3]).is_err());
    }

    #[test]
    fn nesting_without_end_is_an_error() {
        #[derive(serde::Deserialize)]
        struct Nested(#[expect(dead_code, reason = "only its depth counts")] Vec<Self>);
        // A million arrays of one array each.
        assert!(decode::<Nested>(&vec![0x91; 1_000_000]).is_err());
    }

    #[test]
    fn names_are_compared_whole() {
        assert!(same("Deposit", "Deposit") && !same("Deposit", "Deposits") && !same("Deposit", "deposit"));
    }
}
