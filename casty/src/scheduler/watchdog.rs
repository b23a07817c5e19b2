//! Sees to actors that wait behind one whose handler blocks its thread.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use super::Scheduler;
use crate::sync::lock;

/// How often it looks, while anything runs.
const TICK: Duration = Duration::from_millis(10);
/// After so many looks at nothing it sleeps until a runner is woken.
const PATIENCE: u32 = 50;

/// Wakes an idle runner whenever another one has jobs waiting and has not come to the next of them since the last look.
pub(super) async fn watch(scheduler: Arc<Scheduler>) {
    let mut seen: Vec<u64> = vec![0; scheduler.seats.len()];
    while !scheduler.closed.load(Relaxed) {
        scheduler.watching.store(false, Relaxed);
        // Whoever took a runner off the list before this line may have seen `watching` still.
        if lock(&scheduler.idle).len() == scheduler.seats.len() {
            scheduler.watch.notified().await;
        }
        scheduler.watching.store(true, Relaxed);
        let mut quiet = 0;
        while quiet < PATIENCE && !scheduler.closed.load(Relaxed) {
            scheduler.host.sleep(TICK).await;
            let stuck = look(&scheduler, &mut seen);
            if stuck {
                scheduler.wake_one();
            }
            quiet = if scheduler.idle_count.load(Relaxed) == scheduler.seats.len() { quiet + 1 } else { 0 };
        }
    }
}

fn look(scheduler: &Scheduler, seen: &mut [u64]) -> bool {
    let mut stuck = scheduler.injected.load(Relaxed) > 0;
    let mut moved = false;
    for (seat, seen) in scheduler.seats.iter().zip(seen) {
        let turns = seat.turns.load(Relaxed);
        if turns == *seen {
            stuck |= seat.len.load(Relaxed) > 0;
        } else {
            moved = true;
        }
        *seen = turns;
    }
    // The injector is only stuck if nobody moves at all.
    stuck && (!moved || scheduler.seats.iter().any(|seat| seat.len.load(Relaxed) > 0))
}
