//! The disk of a simulated node: it outlives the node's crash, except for what was not synced.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::mpsc;

use super::{Identity, LogStore, Snapshots, Write, log::Log};
use crate::{
    cluster::{NodeId, control::raft::Snapshot},
    host::Host,
    sync::lock,
};

/// The longest that a sync takes, in microseconds.
const SYNC: u64 = 2_000;

/// What is on the disk. The simulation keeps a clone, and hands it to each start of the node.
#[derive(Debug, Clone, Default)]
pub(crate) struct SimDisk(Arc<Mutex<Content>>);

#[derive(Debug, Clone, Default)]
struct Content {
    identity: Option<Identity>,
    log: Log,
    snapshot: Option<Snapshot>,
    /// How often it was opened: what an earlier start still wants to write is lost.
    opened: u64,
    lies: bool,
    /// So many writes get to it yet.
    #[cfg(test)]
    left: Option<u64>,
}

impl SimDisk {
    /// Opens it for one start of a node. What the start before it had not synced is gone.
    pub(crate) fn open(&self, host: &Host, node_id: &NodeId) -> (Identity, LogStore, Snapshots) {
        let mut content = lock(&self.0);
        content.opened += 1;
        let identity = match &content.identity {
            Some(last) => last.next(host),
            None => Identity::new(host, node_id.clone()),
        };
        content.identity = Some(identity.clone());
        let (writer, writes) = mpsc::unbounded_channel();
        let (store, snapshots) = LogStore::new(content.log.clone(), content.snapshot.clone(), Some(writer));
        host.spawn(self.clone().write_all(host.clone(), writes, content.opened));
        (identity, store, snapshots)
    }

    /// From now on the disk claims to have stored votes that it has not: for tests of the simulation itself.
    #[cfg(feature = "testkit")]
    pub(crate) fn forget_votes(&self) {
        lock(&self.0).lies = true;
    }

    /// Another disk with the same on it.
    #[cfg(test)]
    pub(crate) fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(lock(&self.0).clone())))
    }

    /// The process ends after so many more writes.
    #[cfg(test)]
    pub(crate) fn dies_after(&self, writes: u64) {
        lock(&self.0).left = Some(writes);
    }

    async fn write_all(self, host: Host, mut writes: mpsc::UnboundedReceiver<Write>, opened: u64) {
        let mut batch = Vec::new();
        while writes.recv_many(&mut batch, 256).await > 0 {
            host.sleep(Duration::from_micros(host.random() % SYNC)).await;
            let mut done: Vec<Box<dyn FnOnce() + Send>> = Vec::new();
            {
                let mut content = lock(&self.0);
                if content.opened != opened {
                    return;
                }
                batch.drain(..).for_each(|write| done.extend(content.carry_out(write)));
            }
            done.into_iter().for_each(|done| done());
        }
    }
}

impl Content {
    /// What there is to do once it is synced.
    fn carry_out(&mut self, write: Write) -> Option<Box<dyn FnOnce() + Send>> {
        #[cfg(test)]
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1)?;
        }
        match write {
            Write::Append(entries, callback) => {
                self.log.append(entries);
                return Some(Box::new(|| callback.io_completed(Ok(()))));
            }
            Write::Truncate(last) => self.log.truncate_after(last),
            Write::Purge(upto) => self.log.purge(upto),
            Write::Committed(committed) => self.log.set_committed(committed),
            Write::Vote(vote, done) => {
                if !self.lies {
                    self.log.set_vote(vote);
                }
                return Some(Box::new(|| drop(done.send(Ok(())))));
            }
            Write::Snapshot(meta, snapshot, done) => {
                self.snapshot = Some(Snapshot { meta, snapshot });
                return Some(Box::new(|| drop(done.send(Ok(())))));
            }
            Write::Anew(identity, done) => {
                (self.identity, self.log, self.snapshot) = (Some(identity), Log::default(), None);
                return Some(Box::new(|| drop(done.send(Ok(())))));
            }
            Write::Barrier(done) | Write::Close(done) => return Some(Box::new(|| drop(done.send(Ok(()))))),
        }
        None
    }
}
