//! Questions about types that the macros ask of the compiler.
//!
//! A macro sees names, not types. What it generates reads the answer from a constant of [`Probe`], and goes on with either
//! answer; where `false` is a mistake, one more line demands `Is<true>`, so that there is one error, at the user's own
//! words.

use std::marker::PhantomData;

use serde::{Serialize, de::DeserializeOwned};

use crate::{Entity, EntityId, Failure, Message, State, registry::EntityType};

/// Answers questions about `T` in constants, while [`Otherwise`] is in scope.
#[derive(Debug)]
pub struct Probe<T>(PhantomData<T>);

impl<M: Message> Probe<M> {
    /// Whether it is a message.
    pub const MESSAGE: bool = true;
}

impl<T: Serialize + DeserializeOwned> Probe<T> {
    /// Whether it is serde.
    pub const WIRE: bool = true;
}

impl<T> Probe<Result<T, Failure>> {
    /// Whether its `Err` is an answer, and no failure.
    pub const ANSWER: bool = false;
}

impl<T: Default> Probe<T> {
    /// Whether there is one without being told more.
    pub const DEFAULT: bool = true;
}

impl<T: for<'a> From<&'a EntityId>> Probe<T> {
    /// Whether it is made from an entity's id.
    pub const ID: bool = true;
}

impl<A: State> Probe<A> {
    /// Whether it says what is kept of it.
    pub const STATE: bool = true;
}

impl<A: Entity> Probe<A> {
    /// What it is as a type of entities.
    pub const ENTITY: Option<EntityType> = Some(EntityType::of::<A>());
}

/// The answers where no inherent constant of [`Probe`] comes first.
pub trait Otherwise {
    /// Whether it is a message.
    const MESSAGE: bool = false;
    /// Whether it is serde.
    const WIRE: bool = false;
    /// Whether its `Err` is an answer, and no failure.
    const ANSWER: bool = true;
    /// Whether there is one without being told more.
    const DEFAULT: bool = false;
    /// Whether it is made from an entity's id.
    const ID: bool = false;
    /// Whether it says what is kept of it.
    const STATE: bool = false;
    /// What it is as a type of entities.
    const ENTITY: Option<EntityType> = None;
}

impl<T> Otherwise for Probe<T> {}

/// An answer as a type.
#[derive(Debug)]
pub struct Is<const ANSWER: bool>;

/// Demands that a type is serde.
#[diagnostic::on_unimplemented(
    message = "`{T}` cannot travel to another node: it is not serde",
    label = "does not implement `Serialize` and `DeserializeOwned`",
    note = "derive `Serialize` and `Deserialize` for it (or put `#[message]` on it, which does), or keep the message in the process: `#[message(local)]`"
)]
pub trait Travels<T> {
    /// Named by the demand, which so comes without a note on where it is made.
    type Travels;
}

impl<T> Travels<T> for Is<true> {
    type Travels = ();
}

/// Demands that a reply is an answer.
#[diagnostic::on_unimplemented(
    message = "a reply cannot be a `casty::Result`, whose `Err` is a failure: the supervisor gets it, and not the asker",
    label = "this is `casty::Result`",
    note = "write the type within it and let the handler return `casty::Result<..>`, or name an error of your own: `reply = Result<T, MyError>`"
)]
pub trait Answers<T> {
    /// As in [`Travels`].
    type Answers;
}

impl<T> Answers<T> for Is<true> {
    type Answers = ();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_tells_what_is_serde() {
        struct NotSerde;
        const { assert!(<Probe<Vec<Option<u64>>>>::WIRE) };
        const { assert!(!<Probe<Vec<NotSerde>>>::WIRE) };
    }

    #[test]
    fn a_probe_tells_failures_from_answers() {
        const { assert!(!<Probe<crate::Result<u64>>>::ANSWER) };
        const { assert!(<Probe<Result<u64, String>>>::ANSWER) };
    }

    #[test]
    fn a_probe_tells_what_holds_an_id() {
        const { assert!(<Probe<String>>::ID && <Probe<std::sync::Arc<str>>>::ID && <Probe<EntityId>>::ID) };
        const { assert!(!<Probe<u64>>::ID) };
    }
}
