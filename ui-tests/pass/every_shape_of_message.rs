#![deny(warnings)]
#![allow(dead_code)]

use std::{collections::HashMap, sync::Arc};

use casty::{Message, prelude::*};

#[message]
struct Unit;

#[message(reply = (u8, String), name = "tuple")]
pub struct Tuple(u8, pub Option<Vec<String>>);

#[message(idempotent, reply = Tree)]
enum Tree {
    Leaf,
    Node(Box<Tree>, Vec<Self>),
    #[serde(rename = "n")]
    Named {
        #[serde(default)]
        count: u64,
        #[serde(skip)]
        handle: Option<Arc<Handle>>,
    },
}

#[derive(Debug)]
struct Handle;

#[message]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WithSerdeAttributes {
    #[serde(with = "as_text")]
    handle: Handle,
    by_name: HashMap<String, [u8; 4]>,
}

mod as_text {
    pub fn serialize<S>(_: &super::Handle, _: S) -> Result<S::Ok, S::Error>
    where
        S: casty::__private::serde::Serializer,
    {
        unimplemented!()
    }

    pub fn deserialize<'de, D>(_: D) -> Result<super::Handle, D::Error>
    where
        D: casty::__private::serde::Deserializer<'de>,
    {
        unimplemented!()
    }
}

#[message]
struct There(#[serde(bound = "")] Box<Option<Back>>);

#[message]
#[serde(bound = "")]
struct Back(Option<Box<There>>);

#[derive(Clone)]
#[message(local, retain, reply = Arc<Handle>)]
struct Local(Arc<Handle>);

#[derive(Clone)]
#[message(retain)]
struct Generic<T: Clone, const N: usize>(Vec<T>)
where
    T: std::fmt::Debug;

#[message]
struct r#Struct {
    r#type: ActorLike,
}

#[message]
struct ActorLike;

#[message]
struct Elsewhere {
    here: u8,
    #[cfg(not(any(unix, windows)))]
    there: NoSuchType,
    #[cfg(any(unix, windows))]
    there: u16,
}

macro_rules! messages {
    ($($name:ident($ty:ty)),*) => {
        $(
            #[message(reply = $ty)]
            struct $name($ty);
        )*
    };
}

messages!(Small(u8), Large(Vec<[u64; 3]>));

fn main() {
    assert_eq!(Unit::NAME, "Unit");
    assert_eq!(Tuple::NAME, "tuple");
    assert_eq!(r#Struct::NAME, "Struct");
    assert_eq!(Generic::<u8, 1>::NAME, "Generic");
    assert_eq!(Small::NAME, "Small");
}
