//! One node of a simulation: its clocks, its chance, its gate.

use std::{
    any::Any,
    collections::HashMap,
    fmt, io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng};

use super::Gate;
use crate::sync::lock;

/// What of a simulated node outlives a crash of it, and what the simulation turns.
#[derive(Debug)]
pub(crate) struct SimNode {
    ip: IpAddr,
    gate: Gate,
    chance: Mutex<StdRng>,
    turns: Mutex<Turns>,
    disks: Mutex<Disks>,
    /// Since when the machine sleeps, by its boot clock.
    asleep: Mutex<Option<Duration>>,
    /// What the boot clock said when anything was last turned, and at which moment of the simulation that was.
    turned: Mutex<(Duration, Duration)>,
    /// The simulation's time, for who looks from outside of it.
    outside: Mutex<Duration>,
}

/// What is on the node's disks, by path. It outlives a crash.
#[derive(Default)]
struct Disks(HashMap<PathBuf, Arc<dyn Any + Send + Sync>>);

impl fmt::Debug for Disks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Disks({})", self.0.len())
    }
}

/// What the simulation turns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turns {
    /// Of its clocks, against real time: 1.01 runs ahead by 1 %.
    pub(crate) rate: f64,
    /// How long the machine was suspended so far: the boot clock counts it, the monotonic one does not.
    pub(crate) suspended: Duration,
    /// How far the time of day is off, in milliseconds.
    pub(crate) day_offset: i64,
    /// The part of datagrams that are lost, and that come twice.
    pub(crate) loss: f64,
    pub(crate) duplication: f64,
}

impl SimNode {
    pub(crate) fn new(ip: IpAddr, seed: u64) -> Self {
        let turns = Turns { rate: 1.0, suspended: Duration::ZERO, day_offset: 0, loss: 0.0, duplication: 0.0 };
        Self {
            ip,
            gate: Gate::default(),
            chance: Mutex::new(StdRng::seed_from_u64(seed)),
            turns: Mutex::new(turns),
            disks: Mutex::default(),
            asleep: Mutex::default(),
            // A start that is not zero, so that a lease of "never" is one.
            turned: Mutex::new((Duration::from_secs(1000), Duration::ZERO)),
            outside: Mutex::default(),
        }
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Turns something. No clock jumps by another rate: it counts from here on.
    pub(crate) fn turn(&self, turn: impl FnOnce(&mut Turns)) {
        let now = (self.boot_time(), self.elapsed());
        *lock(&self.turned) = now;
        turn(&mut lock(&self.turns));
    }

    /// The machine sleeps, until it is woken.
    pub(crate) fn sleep(&self) {
        let now = self.boot_time();
        lock(&self.asleep).get_or_insert(now);
    }

    pub(crate) fn wake(&self) {
        if let Some(since) = lock(&self.asleep).take() {
            let slept = self.boot_time().saturating_sub(since);
            self.turn(|turns| turns.suspended += slept);
        }
    }

    /// Says what time it is in the simulation, which only its own tasks know.
    pub(crate) fn tell_time(&self, elapsed: Duration) {
        *lock(&self.outside) = elapsed;
    }

    fn elapsed(&self) -> Duration {
        turmoil::sim_elapsed().unwrap_or_else(|| *lock(&self.outside))
    }

    /// What is at a path, made anew if there was nothing.
    pub(crate) fn disk<D: Default + Clone + Send + Sync + 'static>(&self, path: &Path) -> D {
        let mut disks = lock(&self.disks);
        let disk = disks.0.entry(path.into()).or_insert_with(|| Arc::new(D::default()));
        disk.downcast_ref::<D>().cloned().unwrap_or_default()
    }

    /// All disks are lost.
    pub(crate) fn wipe(&self) {
        lock(&self.disks).0.clear();
    }

    pub(crate) fn ip(&self) -> IpAddr {
        self.ip
    }

    pub(crate) fn random(&self) -> u64 {
        lock(&self.chance).next_u64()
    }

    pub(super) fn boot_time(&self) -> Duration {
        let (boot, at) = *lock(&self.turned);
        let rate = lock(&self.turns).rate;
        boot + self.elapsed().saturating_sub(at).mul_f64(rate)
    }

    pub(super) fn monotonic_time(&self) -> Duration {
        self.boot_time().saturating_sub(lock(&self.turns).suspended)
    }

    pub(super) fn unix_millis(&self) -> u64 {
        let since = u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX);
        (1_700_000_000_000 + since).saturating_add_signed(lock(&self.turns).day_offset)
    }

    pub(super) fn copies_of_a_datagram(&self) -> usize {
        let turns = *lock(&self.turns);
        let chance: f64 = lock(&self.chance).random();
        if chance < turns.loss {
            0
        } else if chance < turns.loss + turns.duplication {
            2
        } else {
            1
        }
    }

    pub(super) fn resolve(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        let bad = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("{name}: {why}"));
        let (host, port) = name.rsplit_once(':').ok_or_else(|| bad("no port"))?;
        let port = port.parse().map_err(|_| bad("the port is no number"))?;
        Ok(vec![SocketAddr::new(turmoil::lookup(host), port)])
    }
}
