//! Which actors run on this thread, innermost last: an actor that asks an idle one runs it within its own turn.

use std::cell::Cell;

use super::ActorId;
use crate::ActorSystem;

/// How deep asks run within asks on one thread, at most.
const DEPTH: usize = 8;

struct Stack {
    /// System (by address) and id.
    ids: [Cell<(usize, u64)>; DEPTH],
    len: Cell<usize>,
}

thread_local! {
    static STACK: Stack = const { Stack { ids: [const { Cell::new((0, 0)) }; DEPTH], len: Cell::new(0) } };
}

/// While it lives, `id` is the actor that runs on this thread.
pub(super) struct Frame(());

impl Frame {
    /// `None` if actors are nested too deep here already.
    pub(super) fn enter(system: &ActorSystem, id: ActorId) -> Option<Self> {
        STACK.with(|stack| {
            let len = stack.len.get();
            stack.ids.get(len)?.set((system.addr(), id.0));
            stack.len.set(len + 1);
            Some(Self(()))
        })
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        STACK.with(|stack| stack.len.set(stack.len.get() - 1));
    }
}

/// The actor of `system` in whose turn this code runs.
pub(crate) fn current(system: &ActorSystem) -> Option<ActorId> {
    STACK.with(|stack| {
        let (at, id) = stack.ids[stack.len.get().checked_sub(1)?].get();
        (at == system.addr()).then_some(ActorId(id))
    })
}

/// Whether `id` of `system` runs on this thread, at any depth.
pub(super) fn contains(system: &ActorSystem, id: ActorId) -> bool {
    STACK.with(|stack| stack.ids[..stack.len.get()].iter().any(|running| running.get() == (system.addr(), id.0)))
}
