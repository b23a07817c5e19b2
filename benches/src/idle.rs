//! Bytes of an actor that has nothing to do. Run by the binary `idle_bytes`, whose allocator counts.

use std::time::Duration;

use crate::framework::Framework;
use crate::scenario::{Report, Size};
use crate::work::{Add, Job};

/// Tells how many bytes are allocated and not yet freed.
pub type Live = fn() -> usize;

/// Measures actors of the contestant `F`: bytes allocated by each and the growth of the process for each, fresh, and after
/// each has handled one message. The references that the scenario holds are not counted.
pub fn measure<F: Framework>(live: Live, size: Size) -> Report {
    F::run(move |framework| idle(framework, live, size.idle))
}

async fn idle<F: Framework>(framework: F, live: Live, count: usize) -> Report {
    let job = Job::new(count, 1);
    let mut counters = Vec::with_capacity(count);
    // What is made once for all actors is no actor's.
    let first = framework.counter(0, Job::endless()).await;
    F::next(&first).await;
    counters.resize(count, first.clone());
    counters.clear();
    settle(live).await;
    let (live_before, rss_before) = (live(), resident());

    for place in 0..count {
        counters.push(framework.counter(place, job).await);
    }
    settle(live).await;
    let (live_fresh, rss_fresh) = (live(), resident());

    for counter in &counters {
        F::add(counter, Add { value: 1, times: 1 }).await;
    }
    job.finished(count as u64).await;
    settle(live).await;
    let (live_used, rss_used) = (live(), resident());

    let each = |now: usize, before: usize| (now as f64 - before as f64) / count as f64;
    vec![each(live_fresh, live_before), each(live_used, live_before), each(rss_fresh, rss_before), each(rss_used, rss_before)]
}

/// Waits until nobody allocates or frees any more.
async fn settle(live: Live) {
    let (mut last, mut still) = (live(), 0);
    while still < 4 {
        tokio::time::sleep(Duration::from_millis(25)).await;
        let now = live();
        still = if now == last { still + 1 } else { 0 };
        last = now;
    }
}

/// The process' resident memory in bytes; 0 where there is no `/proc`.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<usize>().ok()).unwrap_or(0) * 1024
}
