//! What links cost that nothing goes over: one node, the hub, and many others in a second process, all linked to it both ways.

use std::time::Duration;

use crate::{
    Failure,
    actors::{Echo, Echoer},
    node,
    process::{Process, ready},
};

/// Nodes around the hub.
const SPOKES: usize = 16;

/// Measures the growth of the hub's process when the links open, for each pair of them.
pub(crate) fn measure() -> Result<String, Failure> {
    let (mut hub, address) = Process::of_myself(&["--hub"])?;
    let (mut spokes, _) = Process::of_myself(&["--spokes", &address])?;
    hub.tell("wait")?;
    hub.line()?;
    std::thread::sleep(Duration::from_secs(3));
    let before = hub.resident()?;
    hub.tell("link")?;
    hub.line()?;
    spokes.tell("link")?;
    spokes.line()?;
    std::thread::sleep(Duration::from_secs(2));
    let each = (hub.resident()? as f64 - before as f64) / SPOKES as f64 / 1024.0;
    Ok(format!("memory of an idle pair of links: {each:.0} KiB at one end (resident, {SPOKES} peers; goal: below 256)"))
}

async fn told() -> Result<(), Failure> {
    tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await??;
    Ok(())
}

/// Is the node in the middle.
pub(crate) async fn hub() -> Result<(), Failure> {
    let system = node::start(None).await?;
    let _echo = system.spawn(Echoer::default).name("hub").await?;
    let cluster = system.cluster().ok_or("no cluster")?;
    println!("{}", cluster.address());
    told().await?;
    cluster.wait_for_members(SPOKES + 1).await?;
    let mut peers = Vec::new();
    for spoke in 0..SPOKES {
        peers.push(system.lookup::<Echoer>(&format!("spoke-{spoke}")).await?.ok_or("a spoke is missing")?);
    }
    println!("all are there");
    told().await?;
    for peer in &peers {
        peer.ask(Echo("x".into())).await?;
    }
    ready("linked").await
}

/// Is all the others.
pub(crate) async fn spokes(seed: &str) -> Result<(), Failure> {
    let mut nodes = Vec::new();
    for spoke in 0..SPOKES {
        let system = node::start(Some(seed)).await?;
        let echo = system.spawn(Echoer::default).name(format!("spoke-{spoke}")).await?;
        nodes.push((system, echo));
    }
    println!("started");
    told().await?;
    for (system, _) in &nodes {
        let hub = system.lookup::<Echoer>("hub").await?.ok_or("no hub")?;
        hub.ask(Echo("x".into())).await?;
    }
    ready("linked").await
}
