//! What a type needs to leave the process, as the macros ask it of the compiler.
//!
//! Encoding itself is not done here.

use serde::{Serialize, de::DeserializeOwned};

use crate::Message;

/// Holds for all that serde can encode and decode.
///
/// The lifetime means nothing: with one a bound can be higher-ranked, and the compiler does not refuse such a bound where
/// it is false for a concrete type, but leaves out the impl that has it.
pub trait Wire<'w>: Serialize + DeserializeOwned {}

impl<T: Serialize + DeserializeOwned> Wire<'_> for T {}

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
    fn names_are_compared_whole() {
        assert!(same("Deposit", "Deposit") && !same("Deposit", "Deposits") && !same("Deposit", "deposit"));
    }
}
