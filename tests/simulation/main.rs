//! Whole clusters of the real code, on simulated time and network: from one seed come a cluster, its settings, what it is
//! used for and what goes wrong. Promises are checked throughout; then all is healed, and everything has to come back.
//!
//! ```text
//! CASTY_SEEDS=2000 cargo test --release -p casty-tests --test simulation
//! CASTY_SEED=17 CASTY_SEEDS=1 cargo test -p casty-tests --test simulation    # one run again
//! ```

mod actors;
mod alone;
mod book;
mod dice;
mod faults;
mod invariants;
mod many;
mod plan;
mod run;
mod scenarios;
mod workload;

use std::{
    panic,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// RUST_LOG shows what the nodes log.
fn log() {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().try_init();
}

#[test]
fn whatever_fails_the_promises_hold() {
    log();
    run::note_panics();
    let first = number("CASTY_SEED", 1);
    let count = number("CASTY_SEEDS", 40);
    let threads = number("CASTY_THREADS", std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64)).min(count);
    let (next, failures) = (AtomicU64::new(first), Mutex::new(Vec::new()));
    let began = Instant::now();
    let seeds = || {
        loop {
            let seed = next.fetch_add(1, Relaxed);
            if seed >= first + count {
                return;
            }
            let began = Instant::now();
            let result = panic::catch_unwind(|| run::run(seed)).unwrap_or_else(|_| Err(run::panicked()));
            if number("CASTY_VERBOSE", 0) > 0 {
                println!("seed {seed}: {:?} in {:?}", result.as_ref().map(|done| done.time), began.elapsed());
            }
            if let Err(why) = result {
                println!(
                    "\n=== seed {seed} failed ===\n{why}\nto see it again:\n  CASTY_SEED={seed} CASTY_SEEDS=1 cargo test -p casty-tests --test simulation\n"
                );
                failures.lock().unwrap().push((seed, why.lines().next().unwrap_or_default().to_owned()));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(seeds);
        }
    });
    let took = began.elapsed();
    println!("{count} seeds from {first} on in {took:?}: {:.2} a second", count as f64 / took.as_secs_f64());
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    for (seed, why) in &failures {
        println!("seed {seed}: {why}");
    }
    assert!(failures.is_empty(), "{} of {count} seeds failed", failures.len());
}

#[test]
fn one_seed_is_one_run() {
    log();
    run::note_panics();
    for seed in [3, 4, 5] {
        let (one, other) = (run::run(seed), run::run(seed));
        match (one, other) {
            (Ok(one), Ok(other)) => {
                for (at, (one, other)) in one.events.iter().zip(&other.events).enumerate() {
                    assert_eq!(one, other, "seed {seed}, event {at}");
                }
                assert_eq!(one.events.len(), other.events.len());
            }
            (one, other) => assert_eq!(one.err(), other.err()),
        }
    }
}
