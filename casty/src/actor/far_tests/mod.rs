//! References to other nodes' actors, over wires within the process.
#![expect(clippy::disallowed_methods, reason = "the test's own tasks and time are tokio's")]

mod circles;
mod ends;
mod loopback;
mod references;
mod sending;

use std::{future::Future, sync::Arc, time::Duration};

use crate::{ActorSystem, Recipient, prelude::*};
use loopback::{LIMIT, Net};

#[message(reply = u64)]
struct Add(u64);

#[message(reply = Result<u64, String>)]
struct Divide {
    by: u64,
}

#[message]
struct Fail(bool);

#[message(local, reply = u64)]
struct Secret(std::time::Instant);

#[message]
struct Blob(Vec<u8>);

#[message]
struct Faulty(#[serde(serialize_with = "panics")] u8);

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn panics<S>(_: &u8, _: S) -> Result<S::Ok, S::Error>
where
    S: serde::Serializer,
{
    panic!("no bytes")
}

#[message(reply = u64)]
struct Drop;

#[actor]
#[derive(Default)]
struct Sum(u64);

#[actor]
impl Sum {
    #[handler]
    fn add(&mut self, Add(n): Add) -> u64 {
        self.0 += n;
        self.0
    }

    #[handler]
    async fn divide(&mut self, Divide { by }: Divide) -> Result<u64, String> {
        self.0.checked_div(by).ok_or_else(|| "by zero".to_owned())
    }

    #[handler]
    fn fail(&mut self, Fail(panic): Fail) -> casty::Result<()> {
        assert!(!panic, "boom");
        Err("no luck".into())
    }

    #[handler]
    fn blob(&mut self, Blob(bytes): Blob) {
        self.0 += bytes.len() as u64;
    }

    #[handler]
    fn secret(&mut self, Secret(since): Secret) -> u64 {
        since.elapsed().as_secs()
    }

    #[handler]
    fn faulty(&mut self, _: Faulty) {}

    #[handler]
    fn drop(&mut self, _: Drop) -> Later<Drop> {
        Later::new().1
    }
}

/// Hands references out and takes them in.
#[actor]
#[derive(Default)]
struct Keeper {
    kept: Option<ActorRef<Sum>>,
}

#[message]
struct Keep(ActorRef<Sum>);

#[message(reply = Option<ActorRef<Sum>>)]
struct Kept;

#[message(reply = u64)]
struct Via {
    to: Recipient<Add>,
    n: u64,
}

#[actor]
impl Keeper {
    #[handler]
    fn keep(&mut self, Keep(sum): Keep) {
        self.kept = Some(sum);
    }

    #[handler]
    fn kept(&self, _: Kept) -> Option<ActorRef<Sum>> {
        self.kept.clone()
    }

    #[handler]
    async fn via(&mut self, Via { to, n }: Via) -> casty::Result<u64> {
        Ok(to.ask(Add(n)).await?)
    }
}

/// Two nodes, a sum on the second, and the first one's reference to it.
struct Pair {
    net: Arc<Net>,
    here: ActorSystem,
    there: ActorSystem,
    home: ActorRef<Sum>,
    sum: ActorRef<Sum>,
}

impl Pair {
    async fn new() -> Self {
        let net = Arc::<Net>::default();
        let (here, there) = (net.node("one"), net.node("two"));
        let home = there.spawn(Sum::default).await.unwrap();
        let sum = carried(&home, &here);
        Self { net, here, there, home, sum }
    }
}

/// What a reference is at another node.
fn carried<A: crate::Actor>(actor: &ActorRef<A>, to: &ActorSystem) -> ActorRef<A> {
    let mut bytes = Vec::new();
    crate::wire::encode(actor, &mut bytes).unwrap();
    to.decoding(|| crate::wire::decode(&bytes)).unwrap()
}

/// Waits until it holds.
async fn soon<F: Future<Output = bool>>(holds: impl Fn() -> F) {
    for _ in 0..1000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("it never came about");
}

#[message]
struct Step;

#[actor]
struct Slow(Arc<tokio::sync::Notify>);

#[actor]
impl Slow {
    #[handler]
    async fn step(&mut self, _: Step) {
        self.0.notified().await;
        self.0.notify_one();
    }
}
