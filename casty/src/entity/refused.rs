//! Types of entities that cannot be served, in words that name the way out.

use super::{Durable, EntityConfig};

pub(crate) fn no_maker(name: &str) -> String {
    format!(
        "nobody has said how a `{name}` is made: derive `Default` for it, or give the system's builder `.entities(|id: &EntityId| ..)`"
    )
}

/// Two types of one name would have each other's states.
pub(crate) fn same_name(one: &str, other: &str, name: &str) -> String {
    format!(
        "`{one}` and `{other}` are both named \"{name}\" in the cluster: give one of them a name of its own, as `#[sharded(name = \"..\")]`"
    )
}

/// # Errors
/// If this version cannot keep its copies as the type says.
pub(crate) fn check_durable(name: &str, config: &EntityConfig) -> Result<(), String> {
    let durable = match config.durable {
        Durable::Memory => return Ok(()),
        Durable::Disk => "disk",
        Durable::Fsync => "fsync",
    };
    Err(format!(
        "`{name}` is `durable = {durable}`, which this version of casty does not have yet: its copies live in memory. Leave `durable` out, \
         and have a change on several nodes before it is answered: `sync = quorum`"
    ))
}
