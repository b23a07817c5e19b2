//! References to other nodes' actors, over wires within the process.
#![expect(clippy::disallowed_methods, reason = "the test's own tasks and time are tokio's")]

use std::{
    future::Future,
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use super::loopback::{LIMIT, Net};
use crate::{ActorSystem, AnyRef, AskError, LookupError, Recipient, SendError, SpawnError, Terminated, TrySendError, prelude::*};

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

#[casty::test]
async fn messages_and_answers_cross() {
    let Pair { sum, home, net, .. } = Pair::new().await;
    sum.send(Add(1)).await.unwrap();
    assert_eq!(sum.ask(Add(2)).await.unwrap(), 3);
    assert_eq!(sum.ask(Divide { by: 3 }).await.unwrap(), Ok(1));
    assert_eq!(sum.ask(Divide { by: 0 }).await.unwrap(), Err("by zero".into()));
    sum.try_send(Add(4)).unwrap();
    assert_eq!(sum.ask(Add(0)).await.unwrap(), 7);
    assert_eq!(home.ask(Add(0)).await.unwrap(), 7);
    assert_eq!(net.sent.load(SeqCst), 6);
}

#[casty::test]
async fn failures_read_the_same() {
    let Pair { sum, .. } = Pair::new().await;
    let Err(AskError::Failed { failure, actor, .. }) = sum.ask(Fail(false)).await else { panic!("it fails") };
    assert_eq!((failure.to_string(), failure.message_name()), ("no luck".to_owned(), None));
    assert_eq!(actor.to_string(), format!("Sum {} on two", sum.id()));
    let Err(AskError::Failed { failure, .. }) = sum.ask(Fail(true)).await else { panic!("it panics") };
    assert_eq!(failure.to_string(), "panicked: boom");
    assert!(matches!(sum.ask(Drop).await, Err(AskError::NotAnswered { .. })));
}

#[casty::test]
async fn what_cannot_travel_is_not_handled() {
    let Pair { sum, net, .. } = Pair::new().await;
    let secret = || Secret(std::time::Instant::now());
    assert!(matches!(sum.send(secret()).await, Err(SendError::Local(_))));
    assert!(matches!(sum.try_send(secret()), Err(TrySendError::CannotTravel { .. })));
    let Err(error) = sum.ask(secret()).await else { panic!("it stays here") };
    assert!(matches!(error, AskError::Local { .. }) && !error.may_have_been_handled());
    let blob = Blob(vec![0; LIMIT]);
    let Err(SendError::TooLarge(large)) = sum.send(blob).await else { panic!("it is large") };
    assert!(large.reason().contains("may have 10000"), "{}", large.reason());
    let Err(SendError::NotEncoded(faulty)) = sum.send(Faulty(0)).await else { panic!("it has no bytes") };
    assert_eq!(faulty.reason(), "panicked: no bytes");
    net.cut.store(true, SeqCst);
    let Err(error) = sum.ask(Add(1)).await else { panic!("nobody is reached") };
    assert!(matches!(&error, AskError::Unreachable { .. }) && !error.may_have_been_handled());
    assert_eq!(error.to_string(), format!("Add was not handled: {} cannot be reached: the wire is cut", sum.label()));
    assert!(matches!(sum.send(Add(1)).confirmed().await, Err(SendError::Unreachable(_))));
    let Err(refused) = sum.try_send(Add(7)) else { panic!("nobody is reached") };
    assert_eq!(refused.into_message().0, 7);
    assert_eq!(net.sent.load(SeqCst), 0);
}

#[casty::test]
async fn senders_wait_for_a_full_link() {
    let Pair { sum, net, .. } = Pair::new().await;
    net.full.store(true, SeqCst);
    assert!(matches!(sum.try_send(Add(1)), Err(TrySendError::Full { .. })));
    let asker = sum.clone();
    let asked = tokio::spawn(async move { asker.ask(Add(1)).await });
    let sender = sum.clone();
    let sent = tokio::spawn(async move { sender.send(Add(2)).await });
    tokio::task::yield_now().await;
    assert_eq!(net.sent.load(SeqCst), 0);
    net.full.store(false, SeqCst);
    net.room.notify_waiters();
    asked.await.unwrap().unwrap();
    sent.await.unwrap().unwrap();
    assert_eq!(sum.ask(Add(0)).await.unwrap(), 3);
}

#[casty::test]
async fn a_stopped_actor_is_said_to_have_stopped() {
    let Pair { sum, home, here, there, .. } = Pair::new().await;
    assert!(sum.is_alive());
    sum.stop().await.unwrap();
    sum.stopped().await;
    assert!(!home.is_alive() && !sum.is_alive());
    assert!(matches!(sum.ask(Add(1)).await, Err(AskError::Stopped { .. })));
    assert!(matches!(sum.send(Add(1)).await, Err(SendError::Stopped(_))));
    sum.stop().await.unwrap();
    sum.stopped().await;
    // One that nobody told of it asks the other node.
    let late = carried(&home, &here);
    assert!(matches!(late.ask(Add(1)).await, Err(AskError::Stopped { .. })));
    assert!(matches!(late.send(Add(1)).confirmed().await, Err(SendError::Stopped(_))));
    let letters = there.dead_letters();
    late.send(Add(1)).await.unwrap(); // it is on its way
    soon(|| async { there.dead_letters() == letters + 1 }).await;
    // At home it is gone, and reads all the same.
    let back = carried(&sum, &there);
    assert!(back == home && back == sum && !back.is_alive());
    back.stopped().await;
}

#[casty::test]
async fn references_travel() {
    let Pair { sum, home, here, there, .. } = Pair::new().await;
    let keeper = carried(&there.spawn(Keeper::default).await.unwrap(), &here);
    // Home again it is the actor itself; back here, a reference that is equal.
    keeper.send(Keep(sum.clone())).await.unwrap();
    let back = keeper.ask(Kept).await.unwrap().unwrap();
    assert!(back == sum && back == home && home == sum);
    assert_eq!(back.ask(Add(5)).await.unwrap(), 5);
    let own = here.spawn(Sum::default).await.unwrap();
    assert_ne!(own, sum);
    keeper.send(Keep(own.clone())).await.unwrap();
    assert!(Arc::ptr_eq(keeper.ask(Kept).await.unwrap().unwrap().cell(), own.cell()));
    let bytes = rmp_serde::to_vec(&sum).unwrap();
    assert!(
        here.decoding(|| rmp_serde::from_slice::<ActorRef<Keeper>>(&bytes)).unwrap_err().to_string().contains("not a Keeper")
    );
    let any: AnyRef = here.decoding(|| rmp_serde::from_slice(&bytes)).unwrap();
    assert!(any == AnyRef::from(&home) && any.typed::<Sum>() == Some(home.clone()) && any.typed::<Keeper>().is_none());
    // Out of any message the node itself is found, but nobody else can be meant.
    assert_eq!(rmp_serde::from_slice::<ActorRef<Sum>>(&bytes).unwrap(), home);
    assert_eq!(std::collections::HashSet::from([sum.clone(), home.clone(), back]).len(), 1);
}

#[casty::test]
async fn a_recipient_travels_too() {
    let Pair { sum, home, here, there, .. } = Pair::new().await;
    let keeper = carried(&there.spawn(Keeper::default).await.unwrap(), &here);
    assert_eq!(keeper.ask(Via { to: sum.recipient(), n: 3 }).await.unwrap(), 3);
    let own = here.spawn(Sum::default).await.unwrap();
    assert_eq!(keeper.ask(Via { to: own.recipient(), n: 4 }).await.unwrap(), 4);
    let mut bytes = Vec::new();
    crate::wire::encode(&keeper.recipient::<Kept>(), &mut bytes).unwrap();
    let kept: Recipient<Kept> = here.decoding(|| crate::wire::decode(&bytes)).unwrap();
    assert_eq!(kept.ask(Kept).await.unwrap(), None);
    kept.send(Kept).confirmed().await.unwrap();
    assert_eq!(kept.actor().typed::<Keeper>(), Some(keeper));
    assert!(here.decoding(|| crate::wire::decode::<Recipient<Add>>(&bytes)).is_err());
    // At home the actor's type is not known either, and what is refused comes back.
    let small = there.spawn(|| Slow(Arc::default())).mailbox(Mailbox::bounded(1, Overflow::Fail)).await.unwrap();
    let mut step = Vec::new();
    crate::wire::encode(&small.recipient::<Step>(), &mut step).unwrap();
    let step: Recipient<Step> = there.decoding(|| crate::wire::decode(&step)).unwrap();
    step.send(Step).await.unwrap();
    soon(|| async { small.try_send(Step).is_ok() }).await;
    assert!(matches!(step.try_send(Step), Err(TrySendError::Full { message: Step, .. })));
    // An actor that does not handle it, far and at home.
    let mut bytes = Vec::new();
    crate::wire::encode(&(crate::system::Address::of(&**home.cell()), "Kept"), &mut bytes).unwrap();
    for system in [&here, &there] {
        let wrong: Recipient<Kept> = system.decoding(|| crate::wire::decode(&bytes)).unwrap();
        let Err(error) = wrong.ask(Kept).await else { panic!("a sum keeps nothing") };
        assert!(matches!(error, AskError::Rejected { .. }) && !error.may_have_been_handled(), "{error}");
    }
}

#[casty::test]
async fn a_confirmed_send_waits_for_the_mailbox() {
    let Pair { here, there, .. } = Pair::new().await;
    let gate = Arc::new(tokio::sync::Notify::new());
    let opened = gate.clone();
    let slow = move || Slow(opened.clone());
    let home = there.spawn(slow).mailbox(Mailbox::bounded(1, Overflow::Wait)).await.unwrap();
    let slow = carried(&home, &here);
    slow.send(Step).confirmed().await.unwrap();
    soon(|| async { home.try_send(Step).is_ok() }).await;
    let waiting = tokio::spawn(async move { slow.send(Step).confirmed().await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!waiting.is_finished());
    gate.notify_one();
    waiting.await.unwrap().unwrap();
    home.send(Step).confirmed().await.unwrap_or_else(|error| panic!("{error}"));
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

#[message(local)]
struct Observe(AnyRef, bool);

#[message(local, reply = Vec<String>)]
struct Told;

#[actor]
#[derive(Default)]
struct Watcher(Vec<String>);

#[actor]
impl Watcher {
    #[handler]
    fn observe(&mut self, Observe(actor, watch): Observe, ctx: &mut Context<Self>) {
        if watch { ctx.watch(&actor) } else { ctx.unwatch(&actor) }
    }

    #[handler]
    fn terminated(&mut self, Terminated { actor, reason }: Terminated) {
        assert!(!actor.is_alive());
        self.0.push(format!("{}: {reason}", actor.label()));
    }

    #[handler]
    fn told(&self, _: Told) -> Vec<String> {
        self.0.clone()
    }
}

#[casty::test]
async fn a_watcher_is_told_once() {
    let Pair { net, sum, home, here, there } = Pair::new().await;
    let watcher = here.spawn(Watcher::default).await.unwrap();
    let other = carried(&home, &here);
    for actor in [&sum, &other, &sum] {
        watcher.ask(Observe(actor.into(), true)).await.unwrap();
    }
    home.stop().await.unwrap();
    soon(|| async { !watcher.ask(Told).await.unwrap().is_empty() }).await;
    assert_eq!(watcher.ask(Told).await.unwrap(), [format!("Sum {} on two: stopped", home.id())]);
    // One that is known to have ended is told of at once.
    watcher.ask(Observe((&sum).into(), true)).await.unwrap();
    assert_eq!(watcher.ask(Told).await.unwrap().len(), 2);
    let second = carried(&there.spawn(Sum::default).await.unwrap(), &here);
    let third = carried(&there.spawn(Sum::default).await.unwrap(), &here);
    watcher.ask(Observe((&second).into(), true)).await.unwrap();
    watcher.ask(Observe((&third).into(), true)).await.unwrap();
    watcher.ask(Observe((&third).into(), false)).await.unwrap();
    net.lose("two");
    second.stopped().await;
    assert_eq!(watcher.ask(Told).await.unwrap()[2..], [format!("Sum {} on two: its node was lost", second.id())]);
    assert!(!second.is_alive() && third.is_alive());
}

#[casty::test]
async fn a_name_is_one_actors_in_the_whole_cluster() {
    let Pair { net, here, there, .. } = Pair::new().await;
    let first = there.spawn(Sum::default).name("main").await.unwrap();
    let Err(SpawnError::NameTaken { by, .. }) = here.spawn(Sum::default).name("main").await else { panic!("it is taken") };
    assert_eq!((by.to_string(), by.node().unwrap().as_str()), ("Sum \"main\" on two".to_owned(), "two"));
    let found = here.lookup::<Sum>("main").await.unwrap().unwrap();
    assert!(found == first && found.ask(Add(2)).await.unwrap() == 2);
    assert_eq!(found.name(), Some("main"));
    let wrong = here.lookup::<Keeper>("main").await;
    assert!(matches!(wrong, Err(LookupError::WrongType { found, .. }) if &*found == "Sum"));
    assert!(here.lookup::<Sum>("nobody").await.unwrap().is_none());
    found.stop().await.unwrap();
    found.stopped().await;
    assert!(here.lookup::<Sum>("main").await.unwrap().is_none());
    here.spawn(Watcher::default).name("main").await.unwrap();
    assert!(there.lookup::<Watcher>("main").await.unwrap().is_some());
    net.cut.store(true, SeqCst);
    let unavailable = here.spawn(Sum::default).name("other").await;
    assert!(matches!(unavailable, Err(SpawnError::Unavailable { .. })));
    assert!(here.lookup::<Sum>("other").await.unwrap().is_none());
}

/// Asks on, and at the end of the list answers.
#[message(reply = Result<u64, String>)]
struct Round {
    rest: Vec<ActorRef<Ring>>,
    by_name: bool,
}

#[actor]
struct Ring;

#[actor]
impl Ring {
    #[handler]
    async fn round(&mut self, Round { mut rest, by_name }: Round) -> Result<u64, String> {
        if rest.is_empty() {
            return Ok(1);
        }
        let next = rest.remove(0);
        let round = Round { rest, by_name };
        let asked = if by_name { next.recipient::<Round>().ask(round).await } else { next.ask(round).await };
        match asked {
            Ok(answer) => answer.map(|count| count + 1),
            Err(AskError::Cycle { .. }) => Err("cycle".into()),
            Err(error) => Err(error.to_string()),
        }
    }
}

#[casty::test]
async fn a_circle_over_nodes_is_seen() {
    let net = Arc::<Net>::default();
    let (one, two, three) = (net.node("one"), net.node("two"), net.node("three"));
    let a = one.spawn(|| Ring).await.unwrap();
    let (b, c) = (two.spawn(|| Ring).await.unwrap(), two.spawn(|| Ring).await.unwrap());
    let d = three.spawn(|| Ring).await.unwrap();
    // The same numbers on different nodes are different actors.
    assert!(a.id() == b.id() || a.id() == d.id());
    for by_name in [false, true] {
        let round = |path: &[&ActorRef<Ring>]| {
            let rest = path[1..].iter().map(|actor| carried(actor, &one)).collect();
            let first = carried(path[0], &one);
            async move { first.ask(Round { rest, by_name }).await.unwrap() }
        };
        assert_eq!(round(&[&a, &b, &c, &d]).await, Ok(4));
        let cycle = Err("cycle".to_owned());
        assert_eq!(round(&[&a, &b, &a]).await, cycle);
        assert_eq!(round(&[&a, &b, &d, &a]).await, cycle);
        assert_eq!(round(&[&a, &b, &c, &a]).await, cycle, "by way of an actor that is asked within its node");
        assert_eq!(round(&[&b, &c, &d, &b]).await, cycle, "to an actor that waits within its node");
        assert_eq!(round(&[&b, &d, &c, &b]).await, cycle, "closed within a node");
        assert_eq!(round(&[&a, &b, &c, &d]).await, Ok(4), "and nothing is left of them");
    }
}

/// Passes on, and answers late.
#[actor]
struct Front {
    to: ActorRef<Sum>,
    open: Vec<Reply<Ask>>,
}

#[message(reply = u64)]
struct Ask;

#[message(reply = u64)]
struct Answer(ActorRef<Client>);

#[actor]
impl Front {
    #[handler]
    fn add(&mut self, add: Add, ctx: &Context<Self>) -> Later<Add> {
        ctx.forward(&self.to, add)
    }

    #[handler]
    fn ask(&mut self, _: Ask) -> Later<Ask> {
        let (reply, later) = Later::new();
        self.open.push(reply);
        later
    }

    #[handler]
    async fn answer(&mut self, Answer(client): Answer) -> casty::Result<u64> {
        let busy = client.ask(Add(1)).timeout(Duration::from_millis(20)).await;
        assert!(matches!(busy, Err(AskError::Timeout { .. })), "it waits for a late answer, so there is no circle: {busy:?}");
        self.open.drain(..).for_each(|reply| reply.send(7));
        Ok(1)
    }
}

#[message(reply = u64)]
struct Go(ActorRef<Front>);

#[actor]
struct Client;

#[actor]
impl Client {
    #[handler]
    async fn go(&mut self, Go(front): Go) -> casty::Result<u64> {
        Ok(front.ask(Ask).await?)
    }

    #[handler]
    fn add(&mut self, Add(n): Add) -> u64 {
        n
    }
}

#[casty::test]
async fn a_message_is_forwarded_with_its_asker() {
    let Pair { sum, here, there, .. } = Pair::new().await;
    let to = sum.clone();
    let front = here.spawn(move || Front { to: to.clone(), open: Vec::new() }).await.unwrap();
    assert_eq!(front.ask(Add(2)).await.unwrap(), 2);
    assert_eq!(carried(&front, &there).ask(Add(3)).await.unwrap(), 5);
    sum.stop().await.unwrap();
    sum.stopped().await;
    assert!(matches!(front.ask(Add(1)).await, Err(AskError::Stopped { .. })));
}

#[casty::test]
async fn who_waits_for_a_late_answer_closes_no_circle() {
    let Pair { sum, here, there, .. } = Pair::new().await;
    let front = there.spawn(move || Front { to: sum.clone(), open: Vec::new() }).await.unwrap();
    let client = here.spawn(|| Client).await.unwrap();
    let asker = client.clone();
    let going = Go(carried(&front, &here));
    let going = tokio::spawn(async move { asker.ask(going).await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(front.ask(Answer(carried(&client, &there))).await.unwrap(), 1);
    assert_eq!(going.await.unwrap().unwrap(), 7);
}

#[casty::test]
async fn a_child_is_found_through_its_root() {
    let Pair { here, there, .. } = Pair::new().await;
    there.spawn(Boss::default).name("boss").await.unwrap();
    let child = here.lookup::<Sum>("boss/sum").await.unwrap().unwrap();
    assert_eq!((child.ask(Add(1)).await.unwrap(), child.name()), (1, Some("boss/sum")));
    assert!(here.lookup::<Sum>("boss/other").await.unwrap().is_none());
}

#[actor]
#[derive(Default)]
struct Boss;

#[actor]
impl Boss {
    async fn on_start(&mut self, ctx: &mut Context<Self>) -> casty::Result<()> {
        ctx.spawn(Sum::default).name("sum").await?;
        Ok(())
    }
}

#[casty::test]
async fn whatever_comes_is_an_error_and_no_panic() {
    use super::{Incoming, Received, Wants};
    use proptest::prelude::*;
    let Pair { home, there, .. } = Pair::new().await;
    let names = prop_oneof!["[A-Z][a-z]{0,6}", Just("Add".to_owned()), Just("Blob".to_owned()), Just("Divide".to_owned())];
    let bodies = proptest::collection::vec(any::<u8>(), 0..64);
    let mut runner = proptest::test_runner::TestRunner::default();
    let cases = runner.run(&(names, bodies, any::<u64>()), |(name, body, id)| {
        for actor in [home.id(), super::ActorId(id)] {
            let incoming = Incoming { name: &name, body: &body, wants: Wants::Receipt, reply: None, chain: Vec::new() };
            let received = there.receive(actor, incoming);
            prop_assert!(matches!(received, Received::Taken | Received::Refused(_)));
        }
        let references = (crate::wire::decode::<ActorRef<Sum>>(&body), crate::wire::decode::<Recipient<Add>>(&body));
        prop_assert!(references.0.is_err() && references.1.is_err());
        Ok(())
    });
    cases.unwrap();
}

#[test]
fn errors_are_small() {
    assert_eq!(size_of::<SendError>(), 16);
    assert!(size_of::<AskError>() <= 80, "{}", size_of::<AskError>());
    assert!(size_of::<crate::ActorLabel>() <= 40);
}
