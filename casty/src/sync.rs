//! Locks. None of ours is held while code of the user runs, so a poisoned one holds nothing half done.

use std::{
    hint::spin_loop,
    sync::{Mutex, MutexGuard, PoisonError, TryLockError},
};

pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// For a lock that is held for some nanoseconds, and that several threads may want again and again.
///
/// Who finds it taken keeps away from it for a while: the other one can then take it many times within its own cache,
/// where two that take turns would move it from core to core for each message. Anderson, "The Performance of Spin Lock
/// Alternatives for Shared-Memory Multiprocessors", 1990.
#[inline(always)]
pub(crate) fn lock_hot<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    match mutex.try_lock() {
        Ok(guard) => guard,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => lock_late(mutex),
    }
}

/// How long to keep away, in pauses of the processor: at first, and at most. After that the thread sleeps.
const PAUSES: (u32, u32) = (32, 1024);

#[cold]
#[inline(never)]
fn lock_late<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    let mut pauses = PAUSES.0;
    while pauses <= PAUSES.1 {
        for _ in 0..pauses {
            spin_loop();
        }
        match mutex.try_lock() {
            Ok(guard) => return guard,
            Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => pauses *= 2,
        }
    }
    lock(mutex)
}
