//! The gate of a simulated node's tasks: while it is shut, none of them is polled, as with a process that SIGSTOP holds.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
};

use super::{CURRENT, Host};
use crate::sync::lock;

/// Open unless shut.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    shut: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

impl Gate {
    pub(crate) fn shut(&self) {
        self.shut.store(true, SeqCst);
    }

    /// Lets all who were to be polled meanwhile go on.
    pub(crate) fn open(&self) {
        self.shut.store(false, SeqCst);
        let waiting = std::mem::take(&mut *lock(&self.waiting));
        waiting.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn is_shut(&self) -> bool {
        self.shut.load(SeqCst)
    }
}

/// A task of a host.
pub(crate) struct Gated<F> {
    host: Host,
    /// On the heap, so that it can be polled without unsafe code.
    task: Pin<Box<F>>,
}

impl<F: Future> Gated<F> {
    pub(super) fn new(host: Host, task: F) -> Self {
        Self { host, task: Box::pin(task) }
    }
}

impl<F: Future> Future for Gated<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        if let Some(gate) = this.host.gate()
            && gate.is_shut()
        {
            lock(&gate.waiting).push(cx.waker().clone());
            return Poll::Pending;
        }
        if !this.host.is_simulated() {
            return this.task.as_mut().poll(cx);
        }
        let before = CURRENT.replace(Some(this.host.clone()));
        let poll = this.task.as_mut().poll(cx);
        CURRENT.set(before);
        poll
    }
}
