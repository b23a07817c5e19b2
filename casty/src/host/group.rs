//! The tasks of a simulated thread: all of them end with it.

use std::sync::Mutex;

use tokio::task::AbortHandle;

use crate::sync::lock;

/// A look for those that have ended is taken each time that there are twice as many as after the last.
const LEAST: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Group(Mutex<Tasks>);

#[derive(Debug, Default)]
struct Tasks {
    running: Vec<AbortHandle>,
    look_at: usize,
    is_over: bool,
}

impl Group {
    pub(super) fn add(&self, task: AbortHandle) {
        let mut tasks = lock(&self.0);
        if tasks.is_over {
            return task.abort();
        }
        tasks.running.push(task);
        if tasks.running.len() > tasks.look_at {
            tasks.running.retain(|task| !task.is_finished());
            tasks.look_at = (tasks.running.len() * 2).max(LEAST);
        }
    }

    pub(super) fn end(&self) {
        let running = {
            let mut tasks = lock(&self.0);
            tasks.is_over = true;
            std::mem::take(&mut tasks.running)
        };
        running.iter().for_each(AbortHandle::abort);
    }
}
