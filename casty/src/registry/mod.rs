//! What the macros submit: an entry for each actor type of the program.

/// An actor type that this program has.
#[derive(Debug, Clone, Copy)]
pub struct ActorEntry {
    /// Its declared name.
    pub name: &'static str,
    /// Its path in the program, for messages to people.
    pub type_name: fn() -> &'static str,
}

impl ActorEntry {
    /// The entry of `A`.
    pub const fn new<A: crate::Actor>() -> Self {
        Self { name: A::NAME, type_name: std::any::type_name::<A> }
    }
}

inventory::collect!(ActorEntry);
