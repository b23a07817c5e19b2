//! The scenarios, each written once for all contestants, each checking its totals.

use std::fmt;
use std::time::{Duration, Instant};

use crate::framework::{Framework, joined};
use crate::work::{Add, Job, Shape};

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// One producer sends to one actor; until all is processed.
    OneProducer,
    /// Four producers send to one actor; until all is processed.
    FourProducers,
    /// One asker, one ask after the other.
    Ask,
    /// 64 askers of one actor at once.
    Askers,
    /// Eight pairs, each with a ball of its own.
    PingPong,
    /// Spawn 100,000, ask each once, stop each, wait until all have stopped.
    Lifecycle,
    /// Memory of an actor that has nothing to do.
    Idle,
    /// A root, 100 branches, 1,000 leaves each: leaves compute, sums go up.
    Tree,
    /// One producer feeds 10,000 actors in turn.
    RoundRobin,
}

/// One figure of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name in the table.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// Whether more is better.
    pub more_is_better: bool,
}

const fn rate(name: &'static str, unit: &'static str) -> Metric {
    Metric { name, unit, more_is_better: true }
}

const fn cost(name: &'static str, unit: &'static str) -> Metric {
    Metric { name, unit, more_is_better: false }
}

impl Scenario {
    /// All of them, in the table's order.
    pub const ALL: [Self; 9] = [
        Self::OneProducer,
        Self::FourProducers,
        Self::Ask,
        Self::Askers,
        Self::PingPong,
        Self::Lifecycle,
        Self::Idle,
        Self::Tree,
        Self::RoundRobin,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::OneProducer => "one-producer",
            Self::FourProducers => "four-producers",
            Self::Ask => "ask",
            Self::Askers => "askers",
            Self::PingPong => "ping-pong",
            Self::Lifecycle => "lifecycle",
            Self::Idle => "idle",
            Self::Tree => "tree",
            Self::RoundRobin => "round-robin",
        }
    }

    /// The figures that it gives, in the order of its [`Report`].
    pub fn metrics(self) -> &'static [Metric] {
        match self {
            Self::OneProducer => const { &[rate("one producer", "M msg/s")] },
            Self::FourProducers => const { &[rate("four producers", "M msg/s")] },
            Self::Ask => const { &[cost("ask", "ns"), cost("ask, p50", "ns"), cost("ask, p99", "ns")] },
            Self::Askers => const { &[rate("64 askers", "M asks/s")] },
            Self::PingPong => const { &[rate("ping-pong, 8 pairs", "M hops/s")] },
            Self::Lifecycle => const { &[rate("spawn, ask, stop", "k actors/s")] },
            Self::Idle => {
                const {
                    &[
                        cost("idle actor, fresh", "B"),
                        cost("idle actor, after one message", "B"),
                        cost("its RSS, fresh", "B"),
                        cost("its RSS, after one message", "B"),
                    ]
                }
            }
            Self::Tree => const { &[cost("tree of 100,000", "ms")] },
            Self::RoundRobin => const { &[rate("10,000 round robin", "M msg/s")] },
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The figures of one run, one for each of the scenario's metrics.
pub type Report = Vec<f64>;

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    messages: u64,
    asks: u64,
    patience: Duration,
    hops: u64,
    lifecycles: u64,
    pub(crate) idle: usize,
    tree: Shape,
    crowd: u64,
}

impl Size {
    /// What the targets are stated for.
    pub const FULL: Self = Self {
        messages: 5_000_000,
        asks: 1_000_000,
        patience: Duration::from_secs(1),
        hops: 400_000,
        lifecycles: 100_000,
        idle: 200_000,
        tree: Shape { branches: 100, leaves: 1_000 },
        crowd: 10_000,
    };

    /// A tenth, to see that everything runs.
    pub const QUICK: Self = Self {
        messages: 500_000,
        asks: 100_000,
        patience: Duration::from_millis(200),
        hops: 40_000,
        lifecycles: 10_000,
        idle: 20_000,
        tree: Shape { branches: 10, leaves: 1_000 },
        crowd: 1_000,
    };
}

/// Runs a scenario on the contestant `F`.
///
/// # Panics
/// If a total is wrong, or if it is [`Scenario::Idle`], which needs a counting allocator: see [`idle`](crate::idle).
pub fn measure<F: Framework>(scenario: Scenario, size: Size) -> Report {
    match scenario {
        Scenario::OneProducer => F::run(move |framework| producers(framework, 1, size)),
        Scenario::FourProducers => F::run(move |framework| producers(framework, 4, size)),
        Scenario::Ask => F::run(move |framework| ask(framework, size)),
        Scenario::Askers => F::run(move |framework| askers(framework, size)),
        Scenario::PingPong => F::run(move |framework| ping_pong(framework, size)),
        Scenario::Lifecycle => F::run(move |framework| lifecycle(framework, size)),
        Scenario::Tree => F::run(move |framework| tree(framework, size)),
        Scenario::RoundRobin => F::run(move |framework| round_robin(framework, size)),
        Scenario::Idle => panic!("`idle` runs in the binary `idle_bytes`"),
    }
}

/// What the first `messages` of a producer add.
fn sum(messages: u64) -> u64 {
    (0..messages).map(|n| Add::nth(n).product()).sum()
}

fn per_second(count: u64, since: Instant, unit: f64) -> Report {
    vec![count as f64 / since.elapsed().as_secs_f64() / unit]
}

/// Lets everybody fall idle. Otherwise chance decides whether an actor is still awake, on a core of its own, when the first
/// message comes, and with it which of two speeds is measured.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}

async fn producers<F: Framework>(framework: F, producers: u64, size: Size) -> Report {
    let each = size.messages / producers;
    let total = producers * sum(each);
    // One more for the first ask, which makes sure that the actor has started.
    let job = Job::new(1, total + 1);
    let counter = framework.counter(0, job).await;
    F::next(&counter).await;
    settle().await;

    let start = Instant::now();
    let tasks: Vec<_> = (1..=producers)
        .map(|place| {
            let counter = counter.clone();
            framework.task(place as usize, async move {
                for n in 0..each {
                    F::add(&counter, Add::nth(n)).await;
                }
            })
        })
        .collect();
    for task in tasks {
        joined(task).await;
    }
    job.finished(total + 1).await;
    per_second(size.messages, start, 1e6)
}

async fn ask<F: Framework>(framework: F, size: Size) -> Report {
    let counter = framework.counter(0, Job::endless()).await;
    joined(framework.task(1, ask_in_turn::<F>(counter, size))).await
}

async fn ask_in_turn<F: Framework>(counter: F::Counter, size: Size) -> Report {
    let mut asked = 0;
    for _ in 0..100 {
        asked += 1;
        assert_eq!(F::next(&counter).await, asked, "an answer is wrong");
    }

    // First without a clock between the asks, then each by itself.
    let before = asked;
    let start = Instant::now();
    while asked - before < size.asks && start.elapsed() < size.patience {
        for _ in 0..100 {
            asked += 1;
            assert_eq!(F::next(&counter).await, asked, "an answer is wrong");
        }
    }
    let mean = start.elapsed().as_nanos() as f64 / (asked - before) as f64;

    let mut times = Vec::with_capacity((size.asks / 4) as usize);
    let start = Instant::now();
    while times.len() < times.capacity() && start.elapsed() < size.patience {
        asked += 1;
        let sent = Instant::now();
        let answer = F::next(&counter).await;
        times.push(sent.elapsed().as_nanos() as f64);
        assert_eq!(answer, asked, "an answer is wrong");
    }
    times.sort_by(f64::total_cmp);
    vec![mean, times[times.len() / 2], times[times.len() * 99 / 100]]
}

async fn askers<F: Framework>(framework: F, size: Size) -> Report {
    const ASKERS: u64 = 64;
    let each = size.asks / ASKERS;
    let asks = each * ASKERS;
    let counter = framework.counter(0, Job::endless()).await;
    assert_eq!(F::next(&counter).await, 1);
    settle().await;

    let start = Instant::now();
    let tasks: Vec<_> = (0..ASKERS)
        .map(|place| {
            let counter = counter.clone();
            framework.task(place as usize, async move {
                let mut sum = 0;
                for _ in 0..each {
                    sum += F::next(&counter).await;
                }
                sum
            })
        })
        .collect();
    let mut sum = 0;
    for task in tasks {
        sum += joined(task).await;
    }
    let report = per_second(asks, start, 1e6);
    assert_eq!(sum, (2..=asks + 1).sum::<u64>(), "the answers are wrong");
    report
}

async fn ping_pong<F: Framework>(framework: F, size: Size) -> Report {
    const PAIRS: usize = 8;
    let job = Job::new(PAIRS, size.hops);
    let mut players = Vec::with_capacity(PAIRS);
    for place in 0..PAIRS {
        players.push(framework.pair(place, job, size.hops).await);
    }
    settle().await;

    let start = Instant::now();
    for player in &players {
        F::serve(player, size.hops).await;
    }
    let hops = size.hops * PAIRS as u64;
    job.finished(hops).await;
    per_second(hops, start, 1e6)
}

async fn lifecycle<F: Framework>(framework: F, size: Size) -> Report {
    let count = size.lifecycles as usize;
    let (mut counters, mut lives) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let job = Job::endless();
    let start = Instant::now();
    for _ in 0..count {
        let (counter, life) = framework.mortal(job).await;
        counters.push(counter);
        lives.push(life);
    }
    for counter in &counters {
        assert_eq!(F::next(counter).await, 1, "a fresh actor's answer is wrong");
    }
    for counter in counters {
        F::stop(counter).await;
    }
    for life in lives {
        F::stopped(life).await;
    }
    per_second(size.lifecycles, start, 1e3)
}

async fn tree<F: Framework>(framework: F, size: Size) -> Report {
    let total = size.tree.total();
    let job = Job::new(1, total);
    let start = Instant::now();
    let tree = framework.tree(size.tree, job).await;
    job.finished(total).await;
    let report = vec![start.elapsed().as_secs_f64() * 1e3];
    drop(tree);
    report
}

async fn round_robin<F: Framework>(framework: F, size: Size) -> Report {
    let rounds = size.messages / size.crowd;
    let job = Job::new(size.crowd as usize, sum(rounds) + 1);
    let mut counters = Vec::with_capacity(size.crowd as usize);
    for place in 0..size.crowd {
        let counter = framework.counter(place as usize, job).await;
        F::next(&counter).await;
        counters.push(counter);
    }
    settle().await;

    let start = Instant::now();
    let counters = framework.task(1, async move {
        for round in 0..rounds {
            for counter in &counters {
                F::add(counter, Add::nth(round)).await;
            }
        }
        counters
    });
    let _kept = joined(counters).await;
    job.finished(size.crowd * (sum(rounds) + 1)).await;
    per_second(rounds * size.crowd, start, 1e6)
}
