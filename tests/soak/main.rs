//! A soak: actors of all kinds live, fail and die at full load, and everything is accounted for.
//!
//! `cargo run --release -p casty-tests --bin soak -- --seconds 600 [--seed N] [--workers N]`
//!
//! It fails when an ask does not end, a total is not right, a watch is not told exactly once, anything is left at the end,
//! or the memory grows.

mod bank;
mod books;
mod cast;
mod lives;
mod load;
mod memory;
mod random;
mod stage;
mod worker;

use std::{
    panic,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use casty::prelude::*;
use tokio::{runtime::Builder, time::sleep};

use load::Driver;
use memory::Memory;
use random::Rng;
use stage::Stage;

/// How many do one thing after the other at the same time.
const DRIVERS: usize = 64;
const SECOND: Duration = Duration::from_secs(1);

struct Options {
    seconds: u64,
    seed: u64,
    /// Threads of the runtime.
    workers: usize,
}

impl Options {
    fn read() -> Result<Self, String> {
        let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| u64::from(time.subsec_nanos()));
        let cores = thread::available_parallelism().map_or(2, usize::from);
        let mut options = Self { seconds: 600, seed, workers: cores };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let value = args.next().ok_or_else(|| format!("{arg} needs a number"))?;
            let number = value.parse::<u64>().map_err(|error| format!("{arg} {value}: {error}"))?;
            match arg.as_str() {
                "--seconds" => options.seconds = number.max(1),
                "--seed" => options.seed = number,
                "--workers" => options.workers = usize::try_from(number).unwrap_or(1).clamp(1, 256),
                _ => return Err(format!("what is {arg}? There are --seconds, --seed and --workers")),
            }
        }
        Ok(options)
    }
}

fn main() -> ExitCode {
    let options = match Options::read() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("soak: {error}");
            return ExitCode::from(2);
        }
    };
    let Options { seconds, seed, workers } = options;
    println!("soak: {seconds} s, seed {seed}, {workers} threads, {DRIVERS} drivers");
    let panics = silence_our_panics();
    let runtime = Builder::new_multi_thread().worker_threads(workers).enable_all().build().expect("a runtime");
    let stage = match runtime.block_on(Stage::set(DRIVERS)) {
        Ok(stage) => stage,
        Err(error) => {
            eprintln!("soak: the stage could not be set: {error}");
            return ExitCode::FAILURE;
        }
    };
    let play = runtime.spawn(play(stage.clone(), seed));
    // This thread is outside of the runtime: it sees when the runtime stands still.
    let (began, mut memory) = (Instant::now(), Memory::default());
    let mut line = Line { at: 0, ops: 0 };
    while !play.is_finished() {
        thread::sleep(SECOND);
        let forgotten = stage.books.forgotten();
        if !forgotten.is_empty() {
            println!("WRONG: {} things have waited for over 30 s; some of them:", forgotten.len());
            forgotten.iter().take(20).for_each(|what| println!("  {what}"));
            return give_up();
        }
        let elapsed = began.elapsed();
        if !stage.is_over() {
            memory.sample(elapsed);
            line.print(elapsed, &memory, &stage);
        }
        if elapsed.as_secs() >= seconds {
            stage.end();
        }
    }
    if let Err(error) = runtime.block_on(play) {
        stage.books.wrong(format_args!("the soak itself broke down: {error}"));
    }
    if panics.load(Relaxed) > 0 {
        stage.books.wrong(format_args!("{} panics that were not ours", panics.load(Relaxed)));
    }
    let wrongs = stage.books.wrongs();
    println!("{}, {} operations", stage.books, stage.books.ops.load(Relaxed));
    let leak = memory.verdict();
    if wrongs == 0 && !leak {
        println!("verdict: all right");
        return ExitCode::SUCCESS;
    }
    println!("verdict: {wrongs} things went wrong{} (seed {seed})", if leak { ", and the memory grew" } else { "" });
    give_up()
}

/// Ends the process, whatever hangs.
fn give_up() -> ExitCode {
    std::process::exit(1)
}

struct Line {
    at: u64,
    ops: u64,
}

impl Line {
    /// One every ten seconds.
    fn print(&mut self, elapsed: Duration, memory: &Memory, stage: &Stage) {
        let (tens, ops) = (elapsed.as_secs() / 10, stage.books.ops.load(Relaxed));
        if tens > self.at {
            let pace = (ops - self.ops) / (10 * (tens - self.at));
            let workers = stage.workers();
            println!("{:4} s  rss {}  {pace} ops/s  {workers} workers  {}", elapsed.as_secs(), memory.now(), stage.books);
            *self = Self { at: tens, ops };
        }
    }
}

async fn play(stage: Arc<Stage>, seed: u64) {
    let mut rng = Rng::new(seed);
    // Both hear the same, and what the slow one misses it is told the number of.
    let (events, slowly) = (stage.system.events(), stage.system.events());
    let (events, slowly) = (tokio::spawn(count(events, None)), tokio::spawn(count(slowly, Some(stage.clone()))));
    let drivers: Vec<_> = (0..DRIVERS).map(|me| tokio::spawn(Driver::new(&stage, me, rng.next()).run())).collect();
    for driver in drivers {
        if let Err(error) = driver.await {
            stage.books.wrong(format_args!("a driver broke down: {error}"));
        }
    }
    stage.clear().await;
    let heard = stage.books.wait("the end of the events", None, async { (events.await, slowly.await) }).await;
    match heard {
        (Ok(all), Ok(slow)) if all == slow => println!("{all} events"),
        heard => stage.books.wrong(format_args!("two subscribers heard different numbers of events: {heard:?}")),
    }
}

/// How many events there were, those that were missed included.
async fn count(mut events: casty::Events, slow: Option<Arc<Stage>>) -> u64 {
    let mut count = 0;
    while let Some(event) = events.next().await {
        count += if let Event::Missed(missed) = event { missed } else { 1 };
        if slow.as_ref().is_some_and(|stage| !stage.is_over()) {
            sleep(Duration::from_millis(20)).await;
        }
    }
    count
}

/// Actors panic with "soak". Any other panic is told, and counted.
fn silence_our_panics() -> Arc<AtomicU64> {
    let (tell, panics) = (panic::take_hook(), Arc::new(AtomicU64::new(0)));
    let count = panics.clone();
    panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref::<&str>() != Some(&"soak") {
            count.fetch_add(1, Relaxed);
            tell(info);
        }
    }));
    panics
}
