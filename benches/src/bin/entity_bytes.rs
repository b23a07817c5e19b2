//! What an entity takes of memory, counted by the allocator: `entity_bytes [COUNT]`.
//!
//! One node of a cluster, and so many entities of 100 bytes each, awake and put away, next to as many plain actors of the same
//! state. Ids of entities have eleven letters.

use std::time::Duration;

use cap::Cap;
use casty::prelude::*;
use casty_benches::{ALLOCATOR, Allocator};

#[global_allocator]
static COUNTED: Cap<Allocator> = Cap::new(ALLOCATOR, usize::MAX);

const STATE: usize = 100;
/// After so long without a message: see the attribute of [`Kept`].
const PUT_AWAY: Duration = Duration::from_secs(10);

#[message(reply = u64)]
struct Change;

#[actor]
struct Plain(Vec<u8>);

#[actor]
impl Plain {
    #[handler]
    fn change(&mut self, _: Change) -> u64 {
        self.0[0] += 1;
        u64::from(self.0[0])
    }
}

/// Of its state 2 bytes are the length.
#[actor]
#[sharded(name = "bytes", sync = quorum, passivate_after = 10s)]
struct Kept(Vec<u8>);

impl Default for Kept {
    fn default() -> Self {
        Self(vec![7; STATE - 2])
    }
}

#[actor]
impl Kept {
    #[handler]
    fn change(&mut self, _: Change) -> u64 {
        self.0[0] += 1;
        u64::from(self.0[0])
    }
}

/// What is allocated once that rests.
async fn live() -> usize {
    let (mut last, mut still) = (COUNTED.allocated(), 0);
    while still < 8 {
        tokio::time::sleep(Duration::from_millis(25)).await;
        let now = COUNTED.allocated();
        still = if now.abs_diff(last) < 4096 { still + 1 } else { 0 };
        last = now;
    }
    last
}

fn main() {
    let count = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(measure(count));
    // Taking them down proves nothing here.
    std::process::exit(0);
}

async fn measure(count: usize) {
    let system = ActorSystem::distributed("127.0.0.1:0").node_id("n0").start().await.expect("a node");
    let kept = system.sharded::<Kept>();
    let _first = kept.entity("the first").ask(Change).await.expect("an answer");
    let mut actors = Vec::with_capacity(count);

    let before = live().await;
    for _ in 0..count {
        let actor = system.spawn(|| Plain(vec![7; STATE - 2])).await.expect("an actor");
        let _ = actor.ask(Change).await.expect("an answer");
        actors.push(actor);
    }
    let plain = live().await - before;
    drop(actors);

    let before = live().await;
    for at in 0..count {
        let _ = kept.entity(format!("e{at:010}")).ask(Change).await.expect("an answer");
    }
    let active = COUNTED.allocated() - before;
    // They are put away in several sweeps, the last of them within a quarter of the time more.
    tokio::time::sleep(PUT_AWAY * 2).await;
    let passive = live().await.saturating_sub(before);

    let each = |bytes: usize| bytes / count;
    println!(
        "{count} of each, {STATE} bytes of state: plain actor {}, entity awake {}, put away {}",
        each(plain),
        each(active),
        each(passive)
    );
}
