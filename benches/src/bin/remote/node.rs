//! casty: two nodes on loopback.

use std::time::{Duration, Instant};

use casty::{RaftConfig, prelude::*};

use crate::{
    Failure, IN_FLIGHT, Size,
    actors::{Count, Echo, Echoer, Note, Sink},
    options::Options,
    process::{Process, ready},
    table::{Latency, Measured},
};

/// Answers may be late where the machine is busy; nothing here is to fail for that.
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts a node. Without a seed it makes the cluster.
pub(crate) async fn start(seed: Option<&str>) -> Result<ActorSystem, Failure> {
    let node = ActorSystem::distributed("127.0.0.1:0").raft(RaftConfig::default()).seeds(seed).ask_timeout(PATIENCE);
    Ok(node.start().await?)
}

/// Is the second node.
pub(crate) async fn serve(seed: &str) -> Result<(), Failure> {
    let system = start(Some(seed)).await?;
    let echoer = system.spawn(Echoer::default).name("echo").await?;
    let sink = system.spawn(Sink::default).name("sink").await?;
    ready("ready").await?;
    drop((echoer, sink));
    Ok(())
}

/// The first node, which asks and sends.
pub(crate) struct Client {
    echo: ActorRef<Echoer>,
    sink: ActorRef<Sink>,
    _other: Process,
    _system: ActorSystem,
}

impl Client {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let system = start(None).await?;
        let cluster = system.cluster().ok_or("no cluster")?;
        let (other, _) = Process::of_myself(&["--server", cluster.address()])?;
        cluster.wait_for_members(2).await?;
        let echo = system.lookup("echo").await?.ok_or("no echo")?;
        let sink = system.lookup("sink").await?.ok_or("no sink")?;
        Ok(Self { echo, sink, _other: other, _system: system })
    }

    pub(crate) async fn measure(&self, size: Size, options: &Options) -> Result<Measured, Failure> {
        let mut measured = Measured::default();
        if options.has("ask") {
            self.ask(size.single / 10).await?;
            measured.latency = Some(self.ask(size.single).await?);
        }
        if options.has("asks") {
            self.asks(size.many / 10).await?;
            measured.asks = Some(self.asks(size.many).await?);
        }
        if options.has("sends") {
            self.send(size.sends / 10).await?;
            measured.sends = Some(self.send(size.sends).await?);
        }
        Ok(measured)
    }

    /// One question after the other.
    async fn ask(&self, count: usize) -> Result<Latency, Failure> {
        let text = "x".repeat(64);
        let mut took = Vec::with_capacity(count);
        for _ in 0..count {
            let began = Instant::now();
            let answer = self.echo.ask(Echo(text.clone())).await?;
            took.push(began.elapsed());
            assert_eq!(answer.len(), 64, "an answer has 64 bytes");
        }
        Ok(Latency::of(took))
    }

    /// Many askers at once. Returns answers a second.
    async fn asks(&self, count: usize) -> Result<f64, Failure> {
        let began = Instant::now();
        let askers: Vec<_> = (0..IN_FLIGHT)
            .map(|_| {
                let echo = self.echo.clone();
                tokio::spawn(async move {
                    let text = "x".repeat(64);
                    for _ in 0..count / IN_FLIGHT {
                        let answer = echo.ask(Echo(text.clone())).await?;
                        assert_eq!(answer.len(), 64, "an answer has 64 bytes");
                    }
                    Ok::<_, AskError>(())
                })
            })
            .collect();
        for asker in askers {
            asker.await??;
        }
        Ok((count / IN_FLIGHT * IN_FLIGHT) as f64 / began.elapsed().as_secs_f64())
    }

    /// One sender. Returns messages a second, from the first send until the actor has counted the last.
    async fn send(&self, count: usize) -> Result<f64, Failure> {
        let text = "x".repeat(100);
        let began = Instant::now();
        for _ in 0..count {
            self.sink.send(Note(text.clone())).await?;
        }
        let (counted, _) = self.sink.ask(Count).await?;
        assert_eq!(counted, count as u64, "all that was sent has come");
        Ok(count as f64 / began.elapsed().as_secs_f64())
    }
}
