//! What generated code does with a type that may turn out not to fit.
//!
//! Each trait is implemented by `Is<true>` for the types that fit, and by `Is<false>` for all, of which nothing comes. That
//! a type does not fit is reported by itself, where it is a mistake.

use serde::{Serialize, de::DeserializeOwned};

use super::{EntityId, State};
use crate::{
    probe::Is,
    wire::{CodecError, caught, decode, encode},
};

/// A new one by its `Default`, if it has that.
pub trait Construct<A> {
    /// See `Entity::__new`.
    fn construct() -> Option<A>;
}

impl<A: Default> Construct<A> for Is<true> {
    fn construct() -> Option<A> {
        Some(A::default())
    }
}

impl<A> Construct<A> for Is<false> {
    fn construct() -> Option<A> {
        None
    }
}

/// Fills in a field that is the id.
pub trait Identify<T> {
    /// See `Entity::__identify`.
    fn identify(field: &mut T, id: &EntityId);
}

impl<T: for<'a> From<&'a EntityId>> Identify<T> for Is<true> {
    fn identify(field: &mut T, id: &EntityId) {
        *field = T::from(id);
    }
}

impl<T> Identify<T> for Is<false> {
    fn identify(_: &mut T, _: &EntityId) {}
}

/// Saves the fields that are kept.
pub trait Save<S> {
    /// See `Entity::__save`.
    fn save(fields: &S, into: &mut Vec<u8>) -> Result<(), CodecError>;
}

impl<S: Serialize> Save<S> for Is<true> {
    fn save(fields: &S, into: &mut Vec<u8>) -> Result<(), CodecError> {
        encode(fields, into)
    }
}

impl<S> Save<S> for Is<false> {
    fn save(_: &S, _: &mut Vec<u8>) -> Result<(), CodecError> {
        Err(CodecError::Stays)
    }
}

/// Reads the fields that were kept.
pub trait Load<S> {
    /// See `Entity::__load`.
    fn load(state: &[u8]) -> Result<S, CodecError>;
}

impl<S: DeserializeOwned> Load<S> for Is<true> {
    fn load(state: &[u8]) -> Result<S, CodecError> {
        decode(state)
    }
}

impl<S> Load<S> for Is<false> {
    fn load(_: &[u8]) -> Result<S, CodecError> {
        Err(CodecError::Stays)
    }
}

/// Saves and loads what [`State`] says. A panic of the user's code there is an error.
pub trait Custom<A> {
    /// See `Entity::__save`.
    fn save(actor: &A, into: &mut Vec<u8>) -> Result<(), CodecError>;
    /// See `Entity::__load`.
    fn load(actor: &mut A, state: &[u8]) -> Result<(), CodecError>;
}

impl<A: State> Custom<A> for Is<true> {
    fn save(actor: &A, into: &mut Vec<u8>) -> Result<(), CodecError> {
        let snapshot = caught(|| Ok(actor.get_state()))?;
        encode(&snapshot, into)
    }

    fn load(actor: &mut A, state: &[u8]) -> Result<(), CodecError> {
        let snapshot = decode(state)?;
        caught(|| {
            actor.set_state(snapshot);
            Ok(())
        })
    }
}

impl<A> Custom<A> for Is<false> {
    fn save(_: &A, _: &mut Vec<u8>) -> Result<(), CodecError> {
        Err(CodecError::Stays)
    }

    fn load(_: &mut A, _: &[u8]) -> Result<(), CodecError> {
        Err(CodecError::Stays)
    }
}

/// Demands that a field can hold an id.
#[diagnostic::on_unimplemented(
    message = "`{T}` cannot hold an entity's id: it is not `From<&EntityId>`",
    label = "not made from an id",
    note = "make it a `String`, an `Arc<str>`, a `Box<str>` or a `casty::EntityId`, or implement `From<&casty::EntityId>` for it"
)]
pub trait IdField<T> {
    /// Named by the demand, which so comes without a note on where it is made.
    type IdField;
}

impl<T> IdField<T> for Is<true> {
    type IdField = ();
}

/// Demands that a field can be kept.
#[diagnostic::on_unimplemented(
    message = "`{T}` cannot be kept with an entity's state: it is not serde",
    label = "does not implement `Serialize` and `DeserializeOwned`",
    note = "derive `Serialize` and `Deserialize` for it (or put `#[message]` on it, which does), or leave it out of the state: `#[casty(skip)]`"
)]
pub trait StateField<T> {
    /// As in [`IdField`].
    type StateField;
}

impl<T> StateField<T> for Is<true> {
    type StateField = ();
}

/// Demands that what is kept of an actor is said.
#[diagnostic::on_unimplemented(
    message = "`{A}` does not say what is kept of it: with `state = custom` it implements `casty::State`",
    label = "there is no `impl casty::State for {A}`",
    note = "write `impl casty::State for {A}`, or leave `state = custom` out to keep its fields"
)]
pub trait CustomState<A> {
    /// As in [`IdField`].
    type CustomState;
}

impl<A> CustomState<A> for Is<true> {
    type CustomState = ();
}
