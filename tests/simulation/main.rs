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
mod calls;
mod dice;
mod faithful;
mod faults;
mod history;
mod hunt;
mod invariants;
mod ledgers;
mod many;
mod mortals;
mod plan;
mod run;
mod scenarios;
mod workload;

use std::{
    io::{Read as _, Seek as _},
    panic,
    process::{Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// How long one run may take: one that hangs fails.
const LONGEST: Duration = Duration::from_secs(120);

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
    let first = number("CASTY_SEED", 1);
    let count = number("CASTY_SEEDS", 20);
    if count == 1 {
        run::note_panics();
        return here(first);
    }
    let threads = number("CASTY_THREADS", std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64)).min(count);
    let (next, failures) = (AtomicU64::new(first), Mutex::new(Vec::new()));
    let began = Instant::now();
    let seeds = || {
        loop {
            let seed = next.fetch_add(1, Relaxed);
            if seed >= first + count {
                return;
            }
            let (held, said) = apart(seed);
            if !held || number("CASTY_VERBOSE", 0) > 0 {
                println!("{said}");
            }
            if !held {
                failures.lock().unwrap().push(seed);
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
    failures.sort_unstable();
    assert!(failures.is_empty(), "{} of {count} seeds failed: {failures:?}", failures.len());
}

/// One run, in this process.
fn here(seed: u64) {
    let began = Instant::now();
    let result = panic::catch_unwind(|| run::run(seed)).unwrap_or_else(|_| Err(run::panicked()));
    match result {
        Ok(done) => {
            println!("seed {seed}: {:?} in {:?}", done.time, began.elapsed());
            if number("CASTY_VERBOSE", 0) > 1 {
                println!("{}", done.events.join("\n"));
            }
        }
        Err(why) => panic!(
            "\n=== seed {seed} failed ===\n{why}\nto see it again:\n  CASTY_SEED={seed} CASTY_SEEDS=1 cargo test -p casty-tests --test simulation whatever\n"
        ),
    }
}

/// One run, in a process of its own: what a simulation leaves to tokio depends on the numbers of its tasks, and a process
/// counts those of all runtimes. Returns whether all held, and what it said.
fn apart(seed: u64) -> (bool, String) {
    let mut run = Command::new(std::env::current_exe().unwrap());
    run.args(["whatever_fails_the_promises_hold", "--exact", "--nocapture"]);
    run.env("CASTY_SEED", seed.to_string()).env("CASTY_SEEDS", "1");
    let mut file = tempfile::tempfile().unwrap();
    let stdio = || Stdio::from(file.try_clone().unwrap());
    let mut done = run.stdout(stdio()).stderr(stdio()).spawn().unwrap();
    let began = Instant::now();
    let held = loop {
        match done.try_wait().unwrap() {
            Some(status) => break status.success(),
            None if began.elapsed() < LONGEST => std::thread::sleep(Duration::from_millis(5)),
            None => {
                done.kill().unwrap();
                done.wait().unwrap();
                break false;
            }
        }
    };
    let mut said = String::new();
    file.rewind().unwrap();
    let _ = file.read_to_string(&mut said);
    if began.elapsed() >= LONGEST {
        said += &format!("seed {seed} has not come to an end in {LONGEST:?}");
    }
    (held, said)
}

#[test]
fn one_seed_is_one_run() {
    let events = |seed: u64| {
        let mut run = Command::new(std::env::current_exe().unwrap());
        run.args(["whatever_fails_the_promises_hold", "--exact", "--nocapture"]).env("RUST_LOG", "off");
        run.env("CASTY_SEED", seed.to_string()).env("CASTY_SEEDS", "1").env("CASTY_VERBOSE", "2");
        let done = run.output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        // How long it took in reality is in the lines about the test itself.
        said.lines().filter(|line| !line.contains(" in ")).map(str::to_owned).collect::<Vec<_>>()
    };
    for seed in [3, 4, 5] {
        let (one, other) = (events(seed), events(seed));
        assert!(one.len() > 20, "{one:?}");
        for (at, (one, other)) in one.iter().zip(&other).enumerate() {
            assert_eq!(one, other, "seed {seed}, line {at}");
        }
        assert_eq!(one.len(), other.len());
    }
}
