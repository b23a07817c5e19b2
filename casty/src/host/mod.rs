//! The world outside: time, tasks, threads, sockets, chance, as the rest of this crate takes them.
//!
//! Everything else asks the host for them, so that a simulated world can take the place of the real one: then time and
//! network are a simulator's, chance has a seed, and the gate of each task lets a node be paused.
#![expect(clippy::disallowed_methods, reason = "this is the one place that reaches for the real ones")]

mod clock;
#[cfg(feature = "testkit")]
mod gate;
#[cfg(feature = "testkit")]
mod group;
mod net;
#[cfg(feature = "testkit")]
mod simulated;
#[cfg(feature = "tls")]
mod tls;
pub(crate) mod watch;

use std::{
    cell::RefCell,
    future::Future,
    io,
    time::{Duration, Instant},
};

use rustix::{process::setpriority_process, thread::gettid};
use tokio::{
    runtime::{EnterGuard, Handle, RuntimeFlavor},
    task::JoinHandle,
    time::{Sleep, Timeout},
};

#[cfg(feature = "testkit")]
pub(crate) use gate::{Gate, Gated};
#[cfg(feature = "testkit")]
use group::Group;
pub(crate) use net::{Datagrams, Listener, ReadHalf, Stream, WriteHalf};
#[cfg(feature = "testkit")]
pub(crate) use simulated::SimNode;
#[cfg(feature = "tls")]
pub(crate) use tls::{NoTls, Secured};

/// A handle to the world that a system, or a part of it, lives in.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    runtime: Handle,
    world: World,
}

#[derive(Debug, Clone)]
enum World {
    Real,
    #[cfg(feature = "testkit")]
    Simulated(std::sync::Arc<SimNode>, Option<std::sync::Arc<Group>>),
}

thread_local! {
    /// Whose task is being polled on this thread, if it is a simulated one's.
    static CURRENT: RefCell<Option<Host>> = const { RefCell::new(None) };
}

impl Host {
    /// The world that the caller is in.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[track_caller]
    pub(crate) fn current() -> Self {
        if let Some(host) = CURRENT.with_borrow(Clone::clone) {
            return host;
        }
        let Ok(runtime) = Handle::try_current() else {
            panic!("an ActorSystem needs a tokio runtime: make it within #[casty::main], #[tokio::main] or Runtime::block_on");
        };
        Self { runtime, world: World::Real }
    }

    /// The simulated node that the caller's runtime belongs to.
    #[cfg(feature = "testkit")]
    pub(crate) fn simulated(node: std::sync::Arc<SimNode>) -> Self {
        Self { runtime: Handle::current(), world: World::Simulated(node, None) }
    }

    /// How many threads run tasks.
    pub(crate) fn workers(&self) -> usize {
        match self.runtime.runtime_flavor() {
            RuntimeFlavor::CurrentThread => 1,
            _ => self.runtime.metrics().num_workers(),
        }
    }

    /// Whether the caller is within this runtime. Not for a hot path: it counts references that all threads share.
    pub(crate) fn is_here(&self) -> bool {
        Handle::try_current().is_ok_and(|current| current.id() == self.runtime.id())
    }

    /// While the guard lives, the caller is within this runtime.
    pub(crate) fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    pub(crate) fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        match &self.world {
            World::Real => self.runtime.spawn(task),
            #[cfg(feature = "testkit")]
            World::Simulated(_, group) => {
                let task = self.runtime.spawn(self.gated(task));
                if let Some(group) = group {
                    group.add(task.abort_handle());
                }
                task
            }
        }
    }

    /// Runs `task` on this host, wherever the caller is. `None` if the host has ended, or ends meanwhile.
    pub(crate) async fn within<F>(&self, task: F) -> Option<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        if self.is_simulated() || self.is_here() {
            return Some(task.await);
        }
        self.spawn(task).await.ok()
    }

    /// `task` as one of this host's: polled only while the host's gate is open, and knowing the host as its current one.
    #[cfg(feature = "testkit")]
    pub(crate) fn gated<F: Future>(&self, task: F) -> Gated<F> {
        Gated::new(self.clone(), task)
    }

    #[cfg(feature = "testkit")]
    fn gate(&self) -> Option<&Gate> {
        match &self.world {
            World::Real => None,
            World::Simulated(node, _) => Some(node.gate()),
        }
    }

    /// Runs a group of tasks where nothing else of the process holds them up: `main` and all that it spawns. In reality
    /// that is a thread with a runtime of its own, of higher priority where the process may ask for that. They end with `main`.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub(crate) fn apart<F, Fut>(&self, name: &str, main: F) -> io::Result<()>
    where
        F: FnOnce(Self) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        // Best effort: few processes may.
        self.runtime_of_its_own(name, || _ = setpriority_process(Some(gettid()), -10), main)
    }

    /// The same for what holds up nothing else: it has the process's priority, even if whoever asks for it has a higher one.
    ///
    /// # Errors
    /// If there is no thread to be had.
    #[cfg(feature = "tls")]
    pub(crate) fn aside<F, Fut>(&self, name: &str, main: F) -> io::Result<()>
    where
        F: FnOnce(Self) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let of_process = || {
            // A thread begins with the priority of the one that made it.
            if let Ok(priority) = rustix::process::getpriority_process(Some(rustix::process::getpid())) {
                let _ = setpriority_process(Some(gettid()), priority);
            }
        };
        self.runtime_of_its_own(name, of_process, main)
    }

    fn runtime_of_its_own<F, Fut>(&self, name: &str, prioritise: impl FnOnce() + Send + 'static, main: F) -> io::Result<()>
    where
        F: FnOnce(Self) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        match &self.world {
            World::Real => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                self.thread(name, move || {
                    prioritise();
                    let host = Self { runtime: runtime.handle().clone(), world: World::Real };
                    runtime.block_on(main(host));
                    runtime.shutdown_background();
                })
            }
            #[cfg(feature = "testkit")]
            World::Simulated(node, _) => {
                let group = std::sync::Arc::new(Group::default());
                let host = Self { runtime: self.runtime.clone(), world: World::Simulated(node.clone(), Some(group.clone())) };
                self.spawn(async move {
                    main(host).await;
                    group.end();
                });
                Ok(())
            }
        }
    }

    /// A thread for what blocks, such as a disk.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub(crate) fn thread(&self, name: &str, main: impl FnOnce() + Send + 'static) -> io::Result<()> {
        std::thread::Builder::new().name(name.into()).spawn(main).map(drop)
    }

    /// Runs what takes a while where it holds up no task; at once, in a simulation.
    ///
    /// # Errors
    /// If the runtime ends meanwhile, or `work` panics.
    pub(crate) async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        if self.is_simulated() {
            return Ok(work());
        }
        self.runtime.spawn_blocking(work).await.map_err(io::Error::other)
    }

    pub(crate) fn now(&self) -> tokio::time::Instant {
        tokio::time::Instant::now()
    }

    pub(crate) fn sleep(&self, time: Duration) -> Sleep {
        let _inside = self.enter();
        tokio::time::sleep(time)
    }

    pub(crate) fn sleep_until(&self, deadline: tokio::time::Instant) -> Sleep {
        let _inside = self.enter();
        tokio::time::sleep_until(deadline)
    }

    pub(crate) fn timeout<F: Future>(&self, limit: Duration, task: F) -> Timeout<F> {
        let _inside = self.enter();
        tokio::time::timeout(limit, task)
    }

    /// In a simulation, what decides instead of the time that something took in reality.
    #[inline]
    pub(crate) fn toss(&self) -> Option<bool> {
        match &self.world {
            World::Real => None,
            #[cfg(feature = "testkit")]
            World::Simulated(node, _) => Some(node.random() & 1 == 0),
        }
    }

    /// For measuring how long code runs, which virtual time cannot tell.
    pub(crate) fn stopwatch(&self) -> Instant {
        Instant::now()
    }

    /// Whether time and network are a simulator's.
    pub(crate) fn is_simulated(&self) -> bool {
        !matches!(self.world, World::Real)
    }

    /// What is at a path of a simulated node's disk; `None` in reality.
    #[cfg(feature = "testkit")]
    pub(crate) fn disk<D: Default + Clone + Send + Sync + 'static>(&self, path: &std::path::Path) -> Option<D> {
        match &self.world {
            World::Real => None,
            World::Simulated(node, _) => Some(node.disk(path)),
        }
    }

    /// A number that nobody can foresee; in a simulation one that its seed gives.
    pub(crate) fn random(&self) -> u64 {
        match &self.world {
            World::Real => rand::random(),
            #[cfg(feature = "testkit")]
            World::Simulated(node, _) => node.random(),
        }
    }
}

/// The host whose task is being polled on this thread, and whether it is a simulated one.
pub(crate) fn polled() -> Option<Host> {
    CURRENT.with_borrow(Clone::clone)
}

#[cfg(all(test, feature = "tls"))]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn what_is_aside_has_no_higher_priority_than_the_process() {
        let priority = |of| rustix::process::getpriority_process(Some(of)).unwrap();
        let (tell, told) = mpsc::channel();
        Host::current()
            .apart("above", move |above| async move {
                let here = priority(gettid());
                let aside = above.aside("aside", move |_| async move { tell.send((here, priority(gettid()))).unwrap() });
                aside.unwrap();
            })
            .unwrap();
        let (above, aside) = told.recv().unwrap();
        let process = priority(rustix::process::getpid());
        println!("{above}, and {aside} beside {process}");
        assert!(above <= process);
        assert_eq!(aside, process);
    }
}
