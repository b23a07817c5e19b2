//! A value that others wait for changes of.
//!
//! As tokio's `watch`, except that those who wait are woken in the order in which they came: tokio's draws lots, from a
//! source that a simulation cannot seed, and no run of a seed would be like another.

use std::{
    fmt,
    ops::Deref,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
};

use openraft_rt::{
    OptionalSend, OptionalSync,
    watch::{RecvError, SendError, Watch, WatchReceiver, WatchSender},
};
use tokio::sync::Notify;

struct Shared<T> {
    value: RwLock<T>,
    /// Of the value; changed only while that is locked.
    version: AtomicU64,
    senders: AtomicUsize,
    receivers: AtomicUsize,
    changed: Notify,
}

/// Who changes the value.
pub(crate) struct Sender<T>(Arc<Shared<T>>);

/// Who waits for changes.
pub(crate) struct Receiver<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
}

/// A look at the value, which nobody can change meanwhile.
pub(crate) struct Ref<'a, T>(RwLockReadGuard<'a, T>);

/// There is no sender any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closed;

impl<T> Shared<T> {
    fn borrow(&self) -> Ref<'_, T> {
        Ref(self.value.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T> Sender<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(Shared {
            value: RwLock::new(value),
            version: AtomicU64::new(0),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(0),
            changed: Notify::new(),
        }))
    }

    /// Puts another value in the place of the last one, whoever waits.
    pub(crate) fn set(&self, value: T) {
        self.change(|current| {
            *current = value;
            true
        });
    }

    /// Changes the value; tells the others if `change` says so.
    pub(crate) fn change(&self, change: impl FnOnce(&mut T) -> bool) -> bool {
        let changed = {
            let mut value = self.0.value.write().unwrap_or_else(PoisonError::into_inner);
            let changed = change(&mut value);
            if changed {
                self.0.version.fetch_add(1, SeqCst);
            }
            changed
        };
        if changed {
            self.0.changed.notify_waiters();
        }
        changed
    }

    pub(crate) fn borrow(&self) -> Ref<'_, T> {
        self.0.borrow()
    }

    /// What comes from here on is news to the receiver.
    pub(crate) fn subscribe(&self) -> Receiver<T> {
        self.0.receivers.fetch_add(1, SeqCst);
        Receiver { seen: self.0.version.load(SeqCst), shared: self.0.clone() }
    }
}

impl<T> Receiver<T> {
    /// Waits for a value that this one has not seen.
    ///
    /// # Errors
    /// If no sender is left to change it.
    pub(crate) async fn changed(&mut self) -> Result<(), Closed> {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            // From here on nothing is missed.
            changed.as_mut().enable();
            let version = self.shared.version.load(SeqCst);
            if version != self.seen {
                self.seen = version;
                return Ok(());
            }
            if self.shared.senders.load(SeqCst) == 0 {
                return Err(Closed);
            }
            changed.await;
        }
    }

    /// Waits until the value is as wanted.
    ///
    /// # Errors
    /// If no sender is left to change it.
    pub(crate) async fn wait_for(&mut self, wanted: impl Fn(&T) -> bool) -> Result<(), Closed> {
        while !wanted(&self.borrow_and_update()) {
            self.changed().await?;
        }
        Ok(())
    }

    pub(crate) fn borrow(&self) -> Ref<'_, T> {
        self.shared.borrow()
    }

    pub(crate) fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let value = self.shared.borrow();
        self.seen = self.shared.version.load(SeqCst);
        value
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.senders.fetch_add(1, SeqCst);
        Self(self.0.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.0.senders.fetch_sub(1, SeqCst) == 1 {
            self.0.changed.notify_waiters();
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.receivers.fetch_add(1, SeqCst);
        Self { shared: self.shared.clone(), seen: self.seen }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.receivers.fetch_sub(1, SeqCst);
    }
}

impl<T: fmt::Debug> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&*self.borrow()).finish()
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// For openraft.
#[derive(Debug)]
pub(crate) struct HostWatch;

impl Watch for HostWatch {
    type Sender<T: OptionalSend + OptionalSync> = Sender<T>;
    type Receiver<T: OptionalSend + OptionalSync> = Receiver<T>;
    type Ref<'a, T: OptionalSend + 'a> = Ref<'a, T>;

    fn channel<T: OptionalSend + OptionalSync>(init: T) -> (Sender<T>, Receiver<T>) {
        let sender = Sender::new(init);
        let receiver = Sender::subscribe(&sender);
        (sender, receiver)
    }
}

impl<T: OptionalSend + OptionalSync> WatchSender<HostWatch, T> for Sender<T> {
    fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.0.receivers.load(SeqCst) == 0 {
            return Err(SendError(value));
        }
        self.set(value);
        Ok(())
    }

    fn send_if_modified<F: FnOnce(&mut T) -> bool>(&self, modify: F) -> bool {
        self.change(modify)
    }

    fn borrow_watched(&self) -> Ref<'_, T> {
        self.borrow()
    }

    fn subscribe(&self) -> Receiver<T> {
        Self::subscribe(self)
    }
}

impl<T: OptionalSend + OptionalSync> WatchReceiver<HostWatch, T> for Receiver<T> {
    async fn changed(&mut self) -> Result<(), RecvError> {
        Self::changed(self).await.map_err(|Closed| RecvError(()))
    }

    fn borrow_watched(&self) -> Ref<'_, T> {
        self.borrow()
    }

    fn borrow_and_update(&mut self) -> Ref<'_, T> {
        Self::borrow_and_update(self)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::sync::lock;

    #[tokio::test]
    async fn each_change_is_seen_once_and_the_last_one_is_there() {
        let sender = Sender::new(1);
        let mut receiver = sender.subscribe();
        sender.set(2);
        sender.set(3);
        assert_eq!(receiver.changed().await, Ok(()));
        assert_eq!(*receiver.borrow(), 3);
        sender.change(|value| {
            *value = 4;
            false
        });
        drop(sender);
        assert_eq!(receiver.changed().await, Err(Closed), "a silent change is no news");
        assert_eq!(*receiver.borrow(), 4);
    }

    #[tokio::test]
    async fn those_who_wait_are_woken_in_their_order() {
        let (sender, woken) = (Sender::new(0), Arc::new(Mutex::new(Vec::new())));
        let waiting: Vec<_> = (0..40)
            .map(|number| {
                let (mut receiver, woken) = (sender.subscribe(), woken.clone());
                tokio::spawn(async move {
                    receiver.wait_for(|value| *value == 1).await.expect("there is a sender");
                    lock(&woken).push(number);
                })
            })
            .collect();
        tokio::task::yield_now().await;
        sender.set(1);
        for one in waiting {
            one.await.expect("it does not panic");
        }
        assert_eq!(*lock(&woken), (0..40).collect::<Vec<_>>());
    }

    #[test]
    fn nobody_listening_is_an_error_for_raft_alone() {
        let (sender, receiver) = HostWatch::channel(1);
        assert!(WatchSender::send(&sender, 2).is_ok());
        drop(receiver);
        assert_eq!(WatchSender::send(&sender, 3).map_err(|refused| refused.0), Err(3));
        sender.set(4);
        assert_eq!(*sender.borrow(), 4);
    }
}
