//! What stands for a handler that is wrong.

use syn::{FnArg, Signature, Type};

use super::model::{Handler, Mode};
use crate::types::{output, without_self};

/// A handler that is known and never called, if its message can be told from what the user wrote.
pub(super) fn handler(sig: &Signature, itself: &Type) -> Option<Handler> {
    if !sig.generics.params.is_empty() {
        return None;
    }
    let message = sig.inputs.iter().find_map(|input| match input {
        FnArg::Typed(message) => Some(&message.ty),
        FnArg::Receiver(_) => None,
    })?;
    matches!(**message, Type::Path(_)).then(|| Handler {
        name: sig.ident.clone(),
        message: without_self(message, itself),
        mode: Mode::Broken,
        takes_ctx: false,
        reads: false,
        output: output(sig),
    })
}
