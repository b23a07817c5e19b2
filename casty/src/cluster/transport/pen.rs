//! The writing side of a connection: what is queued goes out in as few writes as can be.
//!
//! Whoever has something small to say and finds nobody writing writes it at once, on its own thread. What the socket does
//! not take then, and what comes meanwhile, the connection's own task writes.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tokio::{io::AsyncWriteExt as _, sync::Notify};

use super::outbox::{Outbox, Target};
use crate::{host::WriteHalf, sync::lock};

/// A buffer that has grown beyond this is given back.
const KEEP: usize = 256 * 1024;

pub(crate) struct Pen {
    state: Mutex<State>,
    wake: Notify,
}

struct State {
    outbox: Outbox,
    /// Absent while somebody writes, before there is a connection, and after its end.
    half: Option<WriteHalf>,
    /// Begun and not taken by the socket yet; goes before all else.
    begun: Vec<u8>,
    spare: Vec<u8>,
    /// The task is not told of what comes: somebody will flush soon.
    held: bool,
    closed: bool,
}

impl Pen {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                outbox: Outbox::default(),
                half: None,
                begun: Vec::new(),
                spare: Vec::new(),
                held: false,
                closed: false,
            }),
            wake: Notify::new(),
        })
    }

    /// Queues a whole frame; the task writes it.
    pub(crate) fn push(&self, target: Option<Target>, frame: &[u8]) {
        let mut state = lock(&self.state);
        if state.closed {
            return;
        }
        let first = state.outbox.is_empty();
        state.outbox.push(target, frame);
        let tell = first && !state.held && state.half.is_some();
        drop(state);
        if tell {
            self.wake.notify_one();
        }
    }

    /// Bytes that wait to be written.
    pub(crate) fn waiting(&self) -> usize {
        lock(&self.state).outbox.len()
    }

    /// Until [`flush`](Self::flush), what is pushed only waits.
    pub(crate) fn hold(&self) {
        lock(&self.state).held = true;
    }

    /// Writes what waits, here and now, as far as the socket takes it; the task sees to the rest.
    pub(crate) fn flush(&self) {
        let mut state = lock(&self.state);
        state.held = false;
        loop {
            if state.outbox.is_empty() && state.begun.is_empty() {
                return;
            }
            // Who has the half writes all that is there before it gives it back.
            let Some(half) = state.half.take() else { return };
            let mut batch = state.next_batch();
            drop(state);
            let written = half.try_write(&batch);
            state = lock(&self.state);
            if state.closed {
                return;
            }
            state.half = Some(half);
            let all = matches!(written, Ok(written) if written == batch.len());
            if !all {
                // An error shows again when the task writes.
                batch.drain(..written.unwrap_or(0));
                state.begun = batch;
                drop(state);
                self.wake.notify_one();
                return;
            }
            state.give_back(batch);
        }
    }

    /// Writes until the connection breaks or is closed.
    pub(crate) async fn write(&self, half: WriteHalf) -> io::Result<()> {
        lock(&self.state).half = Some(half);
        loop {
            let next = {
                let mut state = lock(&self.state);
                if state.closed {
                    return Ok(());
                }
                let idle = state.outbox.is_empty() && state.begun.is_empty();
                if idle { None } else { state.half.take().map(|half| (half, state.next_batch())) }
            };
            let Some((mut half, batch)) = next else {
                self.wake.notified().await;
                continue;
            };
            half.write_all(&batch).await?;
            let mut state = lock(&self.state);
            state.half = Some(half);
            state.give_back(batch);
        }
    }

    /// No more is written. What waits is dropped.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let half = state.half.take();
        state.outbox = Outbox::default();
        drop(state);
        drop(half);
        self.wake.notify_one();
    }
}

impl State {
    fn next_batch(&mut self) -> Vec<u8> {
        let mut batch = std::mem::take(&mut self.begun);
        if batch.is_empty() {
            batch = std::mem::take(&mut self.spare);
            self.outbox.take(&mut batch);
        }
        batch
    }

    fn give_back(&mut self, mut batch: Vec<u8>) {
        if batch.capacity() <= KEEP {
            batch.clear();
            self.spare = batch;
        }
    }
}
