//! Values as MessagePack maps: fields go by name, so programs that know more or fewer of them understand each other.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

use super::depth::Bounded;

// Values within values: fields, elements, variants, options, newtypes. What is nested deeper is refused when it is read,
// long before the stack ends.
const DEPTH: u16 = 256;

/// Why a value is no bytes, or bytes are no value.
#[derive(Debug, Error)]
pub(crate) enum CodecError {
    /// The value's own `Serialize` failed. Nothing was written.
    #[error("the value cannot be encoded: {0}")]
    Encode(#[from] rmp_serde::encode::Error),
    /// The bytes are no such value.
    #[error("the bytes are no such value: {0}; do both programs mean the same by this name?")]
    Decode(#[from] rmp_serde::decode::Error),
    /// A value, and then more.
    #[error("bytes follow the value; do both programs mean the same by this name?")]
    Trailing,
}

/// Appends the value. On an error `into` is as before.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T, into: &mut Vec<u8>) -> Result<(), CodecError> {
    let start = into.len();
    let mut serializer = rmp_serde::Serializer::new(&mut *into).with_struct_map();
    value.serialize(&mut serializer).map_err(|error| {
        into.truncate(start);
        error.into()
    })
}

/// The value that the bytes are, all of them.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
    let value = T::deserialize(Bounded::new(&mut deserializer, DEPTH))?;
    // The deserializer does not tell where it is, but whether one more value could begin.
    match u8::deserialize(&mut deserializer) {
        Err(rmp_serde::decode::Error::InvalidMarkerRead(_)) => Ok(value),
        _ => Err(CodecError::Trailing),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Old {
        name: String,
        count: u32,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct New {
        count: u32,
        #[serde(default)]
        tags: Vec<String>,
        name: String,
        note: Option<String>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Tree {
        Leaf,
        Branch(Box<Self>),
    }

    /// Reads itself again and again without taking a byte.
    #[derive(Debug, Deserialize)]
    struct Endless(#[expect(dead_code, reason = "only read")] Option<Box<Self>>);

    fn bytes<T: Serialize>(value: &T) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(value, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn programs_with_more_or_fewer_fields_understand_each_other() {
        let old = Old { name: "a".into(), count: 3 };
        let new = New { count: 3, tags: Vec::new(), name: "a".into(), note: None };
        assert_eq!(decode::<New>(&bytes(&old)).unwrap(), new);
        assert_eq!(decode::<Old>(&bytes(&new)).unwrap(), old);
    }

    #[test]
    fn a_value_and_then_more_is_refused() {
        let mut bytes = bytes(&Old { name: "a".into(), count: 3 });
        for more in [0x00, 0xc0, 0xc1, 0xff, 0x93] {
            bytes.push(more);
            assert!(matches!(decode::<Old>(&bytes), Err(CodecError::Trailing)), "{more:x}");
            bytes.pop();
        }
        assert!(decode::<Old>(&bytes).is_ok());
        assert!(matches!(decode::<()>(&[0xc0, 0xc0]), Err(CodecError::Trailing)));
        assert!(matches!(decode::<Option<u8>>(&[0xc0, 0xc0]), Err(CodecError::Trailing)));
    }

    #[test]
    fn a_value_that_fails_to_encode_leaves_nothing_behind() {
        struct Fails;
        impl Serialize for Fails {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("no"))
            }
        }
        let mut into = b"before".to_vec();
        let error = encode(&("begun", Fails), &mut into).unwrap_err();
        assert!(error.to_string().contains("cannot be encoded: no"), "{error}");
        assert_eq!(into, b"before");
    }

    #[test]
    fn what_recurses_for_ever_is_refused() {
        let tree = bytes(&Tree::Branch(Box::new(Tree::Leaf)));
        let branch = &tree[..8];
        assert!(decode::<Tree>(&branch.repeat(1_000_000)).unwrap_err().to_string().contains("too deeply"));
        assert!(decode::<Endless>(&[0]).unwrap_err().to_string().contains("too deeply"));
        // What is passed over counts as well.
        let mut unknown = b"\x81\xa1x".to_vec();
        unknown.extend(vec![0x91; 1_000_000]);
        assert!(matches!(decode::<New>(&unknown), Err(CodecError::Decode(_))));
    }

    #[test]
    fn what_is_nested_reasonably_passes() {
        let tree = (0..250).fold(Tree::Leaf, |tree, _| Tree::Branch(Box::new(tree)));
        assert_eq!(decode::<Tree>(&bytes(&tree)).unwrap(), tree);
    }

    #[test]
    fn a_claimed_length_allocates_nothing_of_that_size() {
        for claim in [&b"\xdd\xff\xff\xff\xff"[..], b"\xdb\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff"] {
            assert!(decode::<Vec<u64>>(claim).is_err());
            assert!(decode::<String>(claim).is_err());
            assert!(decode::<BTreeMap<String, u8>>(claim).is_err());
        }
    }

    proptest! {
        #[test]
        fn values_come_out_as_they_went_in(name in ".*", count: u32, tags: Vec<String>, note: Option<String>) {
            let value = New { count, tags, name, note };
            prop_assert_eq!(decode::<New>(&bytes(&value)).unwrap(), value);
        }

        #[test]
        fn any_bytes_are_a_value_or_an_error(bytes: Vec<u8>) {
            let _ = decode::<New>(&bytes);
            let _ = decode::<Tree>(&bytes);
            let _ = decode::<(u128, Option<f32>, char, BTreeMap<String, Vec<Old>>)>(&bytes);
        }
    }
}
