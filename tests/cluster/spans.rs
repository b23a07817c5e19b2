//! What takes time with entities, as a program's subscriber to `tracing` sees it.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use casty::{prelude::*, testkit::Cluster};
use tracing_subscriber::{EnvFilter, fmt::format::FmtSpan};

#[message(reply = u64)]
struct Visit;

#[actor]
#[sharded(name = "guests", sync = 1, passivate_after = 2s)]
#[derive(Default)]
struct Guest(u64);

#[actor]
impl Guest {
    #[handler]
    fn visit(&mut self, _: Visit) -> u64 {
        self.0 += 1;
        self.0
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// How many spans of that name, with that in them, have ended since the last look.
    fn ended(&self, name: &str, part: &str) -> usize {
        let lines = String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned();
        lines.lines().filter(|line| line.contains(&format!("{name}{{")) && line.contains(part) && line.contains("close")).count()
    }
}

#[test]
fn entities_that_wake_and_go_and_slots_that_move_are_spans() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_env_filter(EnvFilter::new("casty=debug"))
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(move || writer.clone())
        .finish();
    // With one subscriber only, it is asked on whichever thread comes first, and that may be another test's, which has none.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::new());
    // The nodes of a simulation are all on this thread.
    tracing::subscriber::with_default(subscriber, || {
        let mut cluster = Cluster::of(3).seed(4).start();
        cluster.settle();
        cluster.on(2, |system| async move { system.sharded::<Guest>().entity("x").ask(Visit).await.unwrap() });
        assert_eq!(lines.ended("activate", "kind=\"guests\" id=x"), 1);
        cluster.run_for(Duration::from_secs(5));
        assert_eq!(lines.ended("put_away", "kind=\"guests\" id=x"), 1);
        assert!(lines.ended("take_slot", "failover=false") > 0);
        assert_eq!(lines.ended("take_slot", "failover=true"), 0);
        let given = lines.ended("give_slot", "");
        cluster.on(2, |system| async move { system.cluster().unwrap().leave().await.unwrap() });
        assert!(lines.ended("give_slot", "") > given);
    });
}
