//! Which actors run on this thread, innermost last: an actor that asks an idle one runs it within its own turn.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

use super::ActorId;
use crate::{ActorSystem, reply::Outputs};

/// How deep asks run within asks on one thread, at most.
const DEPTH: usize = 8;

struct Stack {
    /// System (by address) and id.
    ids: [Cell<(usize, u64)>; DEPTH],
    len: Cell<usize>,
    /// Which of them are entities, as bits.
    entities: Cell<u8>,
}

thread_local! {
    static STACK: Stack = const { Stack { ids: [const { Cell::new((0, 0)) }; DEPTH], len: Cell::new(0), entities: Cell::new(0) } };
    /// Of those that are entities.
    static OUTPUTS: RefCell<Vec<Arc<Outputs>>> = const { RefCell::new(Vec::new()) };
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

    /// The same; what it answers goes there, if it is an entity.
    #[inline]
    pub(super) fn enter_with(system: &ActorSystem, id: ActorId, outputs: Option<&Arc<Outputs>>) -> Option<Self> {
        let frame = Self::enter(system, id)?;
        if let Some(outputs) = outputs {
            STACK.with(|stack| stack.entities.set(stack.entities.get() | 1 << (stack.len.get() - 1)));
            OUTPUTS.with_borrow_mut(|all| all.push(outputs.clone()));
        }
        Some(frame)
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        STACK.with(|stack| {
            let len = stack.len.get() - 1;
            stack.len.set(len);
            if stack.entities.get() >> len & 1 == 1 {
                stack.entities.set(stack.entities.get() & !(1 << len));
                drop(OUTPUTS.with_borrow_mut(Vec::pop));
            }
        });
    }
}

#[inline]
fn is_entity() -> bool {
    STACK.with(|stack| stack.entities.get() != 0 && stack.entities.get() >> (stack.len.get() - 1) & 1 == 1)
}

/// The outputs of the entity in whose turn this code runs, if it is one.
#[inline]
pub(crate) fn speaking() -> Option<Arc<Outputs>> {
    if is_entity() { OUTPUTS.with_borrow(|all| all.last().cloned()) } else { None }
}

/// Whether what this code answers may leave at once: always, if it runs in no entity's turn.
#[inline]
pub(crate) fn passes() -> bool {
    !is_entity() || OUTPUTS.with_borrow(|all| all.last().is_none_or(|outputs| outputs.passes()))
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
