//! Foca's packets as MessagePack, one value after the other.

use bytes::{Buf, BufMut};
use foca::{Codec, Header, Member};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

use super::identity::Identity;

/// Longer names are taken for garbage.
const LONGEST_NAME: usize = 255;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct MessagePack;

#[derive(Debug, Error)]
pub(super) enum CodecError {
    #[error("does not fit the packet")]
    Full,
    #[error(transparent)]
    Encode(#[from] rmp_serde::encode::Error),
    #[error(transparent)]
    Decode(#[from] rmp_serde::decode::Error),
    #[error("a node's name of {0} bytes")]
    LongName(usize),
}

impl Codec<Identity> for MessagePack {
    type Error = CodecError;

    fn encode_header(&mut self, header: &Header<Identity>, into: impl BufMut) -> Result<(), CodecError> {
        encode(header, into)
    }

    fn decode_header(&mut self, from: impl Buf) -> Result<Header<Identity>, CodecError> {
        let header: Header<Identity> = decode(from)?;
        check_name(&header.src)?;
        Ok(header)
    }

    fn encode_member(&mut self, member: &Member<Identity>, into: impl BufMut) -> Result<(), CodecError> {
        encode(member, into)
    }

    fn decode_member(&mut self, from: impl Buf) -> Result<Member<Identity>, CodecError> {
        let member: Member<Identity> = decode(from)?;
        check_name(member.id())?;
        Ok(member)
    }
}

fn encode<T: Serialize>(value: &T, mut into: impl BufMut) -> Result<(), CodecError> {
    // Whole or not at all: a packet may have no room for one more member.
    let bytes = rmp_serde::to_vec(value)?;
    if bytes.len() > into.remaining_mut() {
        return Err(CodecError::Full);
    }
    into.put_slice(&bytes);
    Ok(())
}

/// Takes exactly one value: more follow.
fn decode<T: DeserializeOwned>(from: impl Buf) -> Result<T, CodecError> {
    Ok(T::deserialize(&mut rmp_serde::Deserializer::new(from.reader()))?)
}

fn check_name(identity: &Identity) -> Result<(), CodecError> {
    let length = identity.id.as_str().len();
    if length > LONGEST_NAME { Err(CodecError::LongName(length)) } else { Ok(()) }
}
