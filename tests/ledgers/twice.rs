//! What is done to an entity is done once, and what was said not to be handled never.

use std::collections::BTreeMap;

use super::{Done, Operation, Outcome};

/// Checks all that was done to an entity.
///
/// # Errors
/// What was done twice, or against its word.
pub fn check(operations: &[Operation], done: &[Done]) -> Result<(), String> {
    let mut places = BTreeMap::new();
    for (at, it) in done.iter().enumerate() {
        if let Some(first) = places.insert(it.op, at) {
            return Err(format!("{} was handled as {first} and as {at}: {it:?}", it.op));
        }
    }
    for operation in operations {
        if let Some((_, Outcome::NotHandled(why))) = &operation.ended
            && places.contains_key(&operation.op)
        {
            return Err(format!("{} was said not to be handled, and was: {why}", operation.op));
        }
    }
    Ok(())
}
