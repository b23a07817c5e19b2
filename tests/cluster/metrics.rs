//! What a node counts, as a program sees it that has installed a recorder.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use casty::{prelude::*, testkit::Cluster};
use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};

use crate::common::*;

#[message(reply = u64)]
struct Visit;

#[actor]
#[sharded(name = "visited", sync = quorum)]
#[derive(Default)]
struct Visited(u64);

#[actor]
impl Visited {
    #[handler]
    fn visit(&mut self, _: Visit) -> u64 {
        self.0 += 1;
        self.0
    }
}

/// Put away soon.
#[actor]
#[sharded(name = "fleeting", sync = 1, passivate_after = 2s)]
#[derive(Default)]
struct Fleeting(u64);

#[actor]
impl Fleeting {
    #[handler]
    fn visit(&mut self, _: Visit) -> u64 {
        self.0 += 1;
        self.0
    }
}

/// What was counted, by name and type; of histograms, how often.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<BTreeMap<String, Arc<AtomicU64>>>>);

struct Times(Arc<AtomicU64>);

impl HistogramFn for Times {
    fn record(&self, _: f64) {
        self.0.fetch_add(1, Relaxed);
    }
}

impl Seen {
    fn of(&self, key: &Key) -> Arc<AtomicU64> {
        let labels = key.labels().map(|label| format!(" {}", label.value())).collect::<String>();
        self.0.lock().unwrap().entry(format!("{}{labels}", key.name())).or_default().clone()
    }

    fn get(&self, name: &str) -> u64 {
        self.0.lock().unwrap().get(name).map_or(0, |seen| seen.load(Relaxed))
    }

    /// Of all tests of this process.
    fn installed() -> &'static Self {
        static SEEN: OnceLock<Seen> = OnceLock::new();
        SEEN.get_or_init(|| {
            let seen = Self::default();
            metrics::set_global_recorder(seen.clone()).expect("the only recorder");
            seen
        })
    }
}

impl Recorder for Seen {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.of(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.of(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Arc::new(Times(self.of(key))))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn activations_and_moves_are_counted() {
    let seen = Seen::installed();
    let systems = cluster(2).await;
    let visited = systems[0].sharded::<Visited>();
    for entity in ["a", "b", "c"] {
        assert_eq!(visited.entity(entity).ask(Visit).await.unwrap(), 1);
    }
    assert!(seen.get("casty_activations_total visited") >= 3);
    assert!(seen.get("casty_slot_moves_total") > 0 && seen.get("casty_seal_seconds") > 0);
    assert_eq!(seen.get("casty_passivations_total visited"), 0);
    end(systems).await;
}

#[test]
fn idle_entities_failovers_losses_and_what_is_handed_over_are_counted() {
    let seen = Seen::default();
    // The nodes of a simulation are all on this thread, so nobody else is counted.
    metrics::with_local_recorder(&seen, || {
        let mut cluster = Cluster::of(5).seed(3).start();
        cluster.settle();
        cluster.on(4, |system| async move {
            for at in 0..20 {
                system.sharded::<Fleeting>().entity(format!("f{at}")).ask(Visit).await.unwrap();
            }
        });
        let counted = ["casty_activations_total", "casty_activation_seconds"].map(|name| seen.get(&format!("{name} fleeting")));
        assert_eq!(counted, [20, 20]);
        cluster.run_for(Duration::from_secs(5));
        let counted = ["casty_passivations_total", "casty_passivation_seconds"].map(|name| seen.get(&format!("{name} fleeting")));
        assert_eq!(counted, [20, 20]);
        assert_eq!(seen.get("casty_seal_seconds"), seen.get("casty_slot_moves_total"));
        assert_eq!((seen.get("casty_failover_seconds"), seen.get("casty_slots_lost_total")), (0, 0));

        for node in [0, 1] {
            cluster.crash(node);
        }
        cluster.settle();
        assert!(seen.get("casty_failover_seconds") > 0);
        // What only they had is gone once they are back without it.
        for node in [0, 1] {
            cluster.restart(node);
        }
        cluster.settle();
        assert!(seen.get("casty_slots_lost_total") > 0);

        let given = seen.get("casty_handover_seconds");
        cluster.on(4, |system| async move { system.shutdown().await });
        assert!(seen.get("casty_handover_seconds") > given);
    });
}
