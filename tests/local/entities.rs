//! Actors by id: made when they are needed, put away when they are idle, and what is kept of them meanwhile.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use casty::{EntityId, Event, State, StopReason, prelude::*};
use futures_util::future::join_all;

/// How long anything may take that takes a moment on an idle machine.
const BOUND: Duration = Duration::from_secs(20);

#[message]
struct Add(i64);

/// Adds, and then fails.
#[message]
struct Spoil(i64);

#[message(reply = i64)]
struct Total;

#[message(reply = String)]
struct Name;

#[message(reply = u32)]
struct Starts;

#[message]
struct Erase;

#[message(local)]
struct Nothing;

#[message]
struct Linger;

#[message(reply = bool)]
struct AskYourself;

#[actor]
#[sharded(name = "sums", passivate_after = 40ms)]
#[supervised(max_restarts = 100, backoff_initial = 1ms)]
#[derive(Default)]
struct Sum {
    #[casty(id)]
    name: String,
    total: i64,
    /// How often this instance was started.
    #[casty(skip)]
    starts: u32,
}

#[actor]
impl Sum {
    fn on_start(&mut self) {
        self.starts += 1;
    }

    #[handler]
    fn add(&mut self, Add(amount): Add) {
        self.total += amount;
    }

    #[handler]
    fn spoil(&mut self, Spoil(amount): Spoil) {
        self.total += amount;
        panic!("spoilt");
    }

    #[handler]
    fn total(&self, _: Total) -> i64 {
        self.total
    }

    #[handler]
    async fn name(&self, _: Name, ctx: &Context<Self>) -> String {
        assert_eq!(ctx.entity_id().map(EntityId::as_str), Some(&*self.name));
        self.name.clone()
    }

    #[handler]
    fn starts(&self, _: Starts) -> u32 {
        self.starts
    }

    #[handler]
    fn erase(&mut self, _: Erase, ctx: &mut Context<Self>) {
        self.total = 77;
        ctx.destroy();
    }

    #[handler]
    fn nothing(&mut self, _: Nothing) {}

    #[handler]
    fn linger(&mut self, _: Linger, ctx: &mut Context<Self>) {
        ctx.schedule_once(Duration::from_secs(3600), Nothing);
    }

    #[handler]
    async fn ask_yourself(&mut self, _: AskYourself, ctx: &mut Context<Self>) -> bool {
        let myself = ctx.system().sharded::<Self>().entity(&self.name);
        matches!(myself.ask(Total).await, Err(AskError::Cycle { .. }))
    }
}

/// Waits until an entity has been put away, and tells which.
async fn put_away(events: &mut casty::Events) -> String {
    let away = async {
        loop {
            if let Some(Event::Stopped { actor, reason: StopReason::Passivated }) = events.next().await {
                return actor.to_string();
            }
        }
    };
    tokio::time::timeout(BOUND, away).await.expect("it is put away")
}

#[casty::test]
async fn entities_are_told_apart_by_their_ids(system: ActorSystem) -> casty::Result<()> {
    let sums = system.sharded::<Sum>();
    let ids = ["a", "b", "", "zoë/☃:1", "a"];
    for (amount, id) in (1..).zip(ids) {
        sums.entity(id).send(Add(amount)).await?;
    }
    for (id, total) in [("a", 6), ("b", 2), ("", 3), ("c", 0)] {
        assert_eq!(sums.entity(id).ask(Total).await?, total);
    }
    assert_eq!(sums.entity("zoë/☃:1").ask(Name).await?, "zoë/☃:1");
    assert_eq!(sums.entity("a"), system.sharded::<Sum>().entity(String::from("a")));
    assert_ne!(sums.entity("a"), sums.entity("b"));
    assert_eq!(sums.entity("a").label().to_string(), "Sum \"a\"");
    Ok(())
}

#[casty::test]
async fn an_idle_entity_is_put_away_and_comes_back_with_its_state(system: ActorSystem) -> casty::Result<()> {
    let sum = system.sharded::<Sum>().entity("s");
    let mut events = system.events();
    sum.send(Add(5)).await?;
    assert_eq!(sum.ask(Starts).await?, 1);
    assert_eq!(put_away(&mut events).await, "Sum \"s\"");
    assert_eq!(sum.ask(Total).await?, 5);
    assert_eq!(sum.ask(Starts).await?, 1, "what is skipped is as the constructor made it");
    put_away(&mut events).await;
    sum.try_send(Add(1))?;
    assert_eq!(sum.ask(Total).await?, 6);
    Ok(())
}

#[casty::test]
async fn an_entity_with_a_timer_stays(system: ActorSystem) -> casty::Result<()> {
    let sums = system.sharded::<Sum>();
    sums.entity("stays").send(Linger).await?;
    let mut events = system.events();
    sums.entity("goes").send(Add(1)).await?;
    for _ in 0..3 {
        assert_eq!(put_away(&mut events).await, "Sum \"goes\"");
        sums.entity("goes").send(Add(1)).await?;
    }
    assert_eq!(sums.entity("stays").ask(Starts).await?, 1);
    Ok(())
}

#[casty::test]
async fn a_failure_puts_the_state_back_to_what_it_was_after_the_last_message(system: ActorSystem) -> casty::Result<()> {
    let sum = system.sharded::<Sum>().entity("s");
    sum.send(Add(5)).await?;
    for _ in 0..3 {
        assert!(sum.ask(Spoil(100)).await.is_err());
        assert_eq!(sum.ask(Total).await?, 5);
    }
    sum.send(Add(1)).await?;
    assert_eq!(sum.ask(Total).await?, 6);
    // One that was never changed is new again.
    let other = system.sharded::<Sum>().entity("other");
    assert!(other.ask(Spoil(100)).await.is_err());
    assert_eq!(other.ask(Total).await?, 0);
    Ok(())
}

#[message(reply = i64)]
struct Turned;

/// Tells those who wait, and then fails if it is to.
#[message(reply = i64)]
struct Set(i64, bool);

#[actor]
#[sharded(name = "dials")]
#[supervised(max_restarts = 100, backoff_initial = 1ms)]
#[derive(Default)]
struct Dial {
    value: i64,
    #[casty(skip)]
    waiting: Vec<Reply<Turned>>,
}

#[actor]
impl Dial {
    #[handler]
    fn turned(&mut self, _: Turned) -> Later<Turned> {
        let (reply, later) = Later::new();
        self.waiting.push(reply);
        later
    }

    #[handler]
    fn set(&mut self, Set(value, fails): Set) -> casty::Result<i64> {
        self.value = value;
        self.waiting.drain(..).for_each(|waiting| waiting.send(value));
        if fails { Err("stuck".into()) } else { Ok(value) }
    }
}

#[casty::test]
async fn what_a_handler_that_fails_has_answered_to_others_is_not_told(system: ActorSystem) -> casty::Result<()> {
    let dial = system.sharded::<Dial>().entity("d");
    let (next, set) = tokio::join!(dial.ask(Turned), dial.ask(Set(7, true)));
    assert!(matches!(set, Err(AskError::Failed { .. })), "{set:?}");
    assert!(matches!(next, Err(AskError::Failed { .. })), "it never was 7: {next:?}");
    let (next, set) = tokio::join!(dial.ask(Turned), dial.ask(Set(8, false)));
    assert_eq!((next?, set?), (8, 8));
    Ok(())
}

#[casty::test]
async fn a_destroyed_entity_is_new_to_the_next_message(system: ActorSystem) -> casty::Result<()> {
    let sum = system.sharded::<Sum>().entity("s");
    sum.send(Add(5)).await?;
    sum.send(Erase).await?;
    sum.send(Add(1)).await?;
    assert_eq!(sum.ask(Total).await?, 1);
    sum.ask(Erase).await?;
    assert_eq!(sum.ask(Total).await?, 0);
    Ok(())
}

#[casty::test]
async fn an_entity_that_asks_itself_would_wait_for_ever(system: ActorSystem) -> casty::Result<()> {
    assert!(system.sharded::<Sum>().entity("s").ask(AskYourself).await?);
    Ok(())
}

/// Put away as soon as it can be.
#[actor]
#[sharded(passivate_after = 1ms)]
#[derive(Default)]
struct Restless {
    handled: u64,
}

#[actor]
impl Restless {
    #[handler]
    fn add(&mut self, Add(_): Add) {
        self.handled += 1;
    }

    #[handler]
    fn total(&self, _: Total) -> i64 {
        i64::try_from(self.handled).unwrap()
    }
}

#[casty::test]
async fn no_message_is_lost_or_handled_twice_while_entities_come_and_go(system: ActorSystem) -> casty::Result<()> {
    const EACH: u64 = 400;
    let mut events = system.events();
    let senders = (0..4).map(|sender: u64| {
        let entities = system.sharded::<Restless>();
        tokio::spawn(async move {
            for number in 0..EACH {
                let entity = entities.entity(format!("e{}", number % 5));
                if (number + sender).is_multiple_of(3) {
                    entity.ask(Add(1)).await.unwrap()
                } else {
                    entity.send(Add(1)).await.unwrap()
                }
                if number % 7 == sender {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
        })
    });
    for sender in join_all(senders).await {
        sender?;
    }
    let mut total = 0;
    for number in 0..5 {
        total += system.sharded::<Restless>().entity(format!("e{number}")).ask(Total).await?;
    }
    assert_eq!(total, i64::try_from(4 * EACH)?);
    put_away(&mut events).await;
    assert_eq!(system.dead_letters(), 0);
    Ok(())
}

/// Keeps what it says, and nothing else.
#[actor]
#[sharded(state = custom, passivate_after = 40ms)]
struct Words {
    counts: BTreeMap<String, u32>,
    greeting: Arc<str>,
}

#[message(reply = u32)]
struct Count(String);

#[message(reply = String)]
struct Greeting;

#[actor]
impl Words {
    #[handler]
    fn count(&mut self, Count(word): Count) -> u32 {
        let count = self.counts.entry(word).or_default();
        *count += 1;
        *count
    }

    #[handler]
    fn greeting(&self, _: Greeting) -> String {
        self.greeting.to_string()
    }
}

impl State for Words {
    type Snapshot = Vec<(String, u32)>;

    fn get_state(&self) -> Self::Snapshot {
        self.counts.clone().into_iter().collect()
    }

    fn set_state(&mut self, snapshot: Self::Snapshot) {
        self.counts = snapshot.into_iter().collect();
    }
}

#[tokio::test]
async fn entities_are_made_as_the_builder_says() -> casty::Result<()> {
    let greeting: Arc<str> = "hello".into();
    let system = ActorSystem::builder()
        .entities(move |id: &EntityId| Words { counts: BTreeMap::new(), greeting: format!("{greeting}, {id}").into() })
        .build();
    let mut events = system.events();
    let words = system.sharded::<Words>().entity("w");
    assert_eq!(words.ask(Greeting).await?, "hello, w");
    assert_eq!(words.ask(Count("a".into())).await?, 1);
    put_away(&mut events).await;
    assert_eq!(words.ask(Count("a".into())).await?, 2);
    assert_eq!(words.ask(Greeting).await?, "hello, w");
    system.shutdown().await;
    let late = words.ask(Greeting).await.unwrap_err();
    assert!(matches!(late, AskError::Stopped { .. }), "{late}");
    Ok(())
}

#[casty::test]
#[should_panic(expected = "derive `Default` for it, or give the system's builder")]
async fn an_entity_that_nobody_can_make_is_an_error_with_its_name(system: ActorSystem) {
    let _ = system.sharded::<Words>();
}

/// What this version does not do.
#[actor]
#[sharded(name = "stones", durable = fsync)]
#[derive(Default)]
struct Stone(u64);

#[actor]
impl Stone {}

#[casty::test]
#[should_panic(expected = "Stone` is `durable = fsync`, which this version of casty does not have yet")]
async fn an_entity_that_is_to_be_on_disk_is_an_error_with_the_way_out(system: ActorSystem) {
    let _ = system.sharded::<Stone>();
}

/// Of the same name as [`Sum`].
#[actor]
#[sharded(name = "sums")]
#[derive(Default)]
struct Twin(String);

#[actor]
impl Twin {}

#[casty::test]
#[should_panic(expected = "are both named \"sums\" in the cluster: give one of them a name of its own")]
async fn two_types_of_one_name_are_an_error_with_both(system: ActorSystem) {
    let _ = (system.sharded::<Sum>(), system.sharded::<Twin>());
}

#[actor]
#[singleton(name = "numbers")]
#[derive(Default)]
struct Numbers {
    last: u64,
}

#[message(reply = u64)]
struct Next;

#[actor]
impl Numbers {
    #[handler]
    fn next(&mut self, _: Next) -> u64 {
        self.last += 1;
        self.last
    }
}

#[casty::test]
async fn there_is_one_of_a_singleton(system: ActorSystem) -> casty::Result<()> {
    let numbers = join_all((0..10).map(|_| async { system.singleton::<Numbers>().ask(Next).await })).await;
    let mut numbers = numbers.into_iter().collect::<Result<Vec<_>, _>>()?;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=10).collect::<Vec<_>>());
    assert_eq!(system.singleton::<Numbers>().label().to_string(), "Numbers \"Numbers\"");
    Ok(())
}

/// Has a child that fails, and is told of that.
#[actor]
#[sharded]
#[supervised(max_restarts = 100, backoff_initial = 1ms)]
#[derive(Default)]
struct Guardian {
    total: i64,
}

static TOLD: AtomicU32 = AtomicU32::new(0);

#[actor]
#[supervised(strategy = Stop)]
struct Ward;

#[message]
struct Fail;

#[actor]
impl Ward {
    #[handler]
    fn fail(&mut self, _: Fail) -> casty::Result<()> {
        Err("it fails".into())
    }
}

#[message]
struct Raise;

#[actor]
impl Guardian {
    fn on_child_failure(&mut self, _: &AnyRef, _: &Failure) -> Option<Directive> {
        TOLD.fetch_add(1, SeqCst);
        None
    }

    #[handler]
    async fn raise(&mut self, _: Raise, ctx: &mut Context<Self>) -> casty::Result<()> {
        ctx.spawn(|| Ward).await?.send(Fail).await?;
        Ok(())
    }

    #[handler]
    fn add(&mut self, Add(amount): Add) {
        self.total += amount;
    }

    #[handler]
    fn spoil(&mut self, Spoil(_): Spoil) {
        panic!("spoilt");
    }

    #[handler]
    fn total(&self, _: Total) -> i64 {
        self.total
    }
}

/// Behind a hook that told of a child the next change was taken for none.
#[casty::test]
async fn what_follows_a_childs_failure_is_kept(system: ActorSystem) -> casty::Result<()> {
    let guardian = system.sharded::<Guardian>().entity("g");
    guardian.send(Raise).await?;
    // No message of its own asks for it: that would say itself whether it changes anything.
    let told = async {
        while TOLD.load(SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(BOUND, told).await?;
    guardian.send(Add(5)).await?;
    assert!(guardian.ask(Spoil(0)).await.is_err());
    assert_eq!(guardian.ask(Total).await?, 5);
    Ok(())
}

#[actor]
#[sharded]
struct Faulty;

impl Default for Faulty {
    fn default() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        // The first is made to see that it can be.
        assert_eq!(MADE.fetch_add(1, SeqCst), 0, "no such file");
        Self
    }
}

#[actor]
impl Faulty {
    #[handler]
    fn add(&mut self, Add(_): Add) {}
}

#[casty::test]
async fn an_entity_that_cannot_be_made_says_why(system: ActorSystem) {
    let faulty = system.sharded::<Faulty>().entity("f");
    let sent = faulty.send(Add(1)).await.unwrap_err();
    assert!(
        matches!(sent, SendError::Unreachable(_))
            && sent.to_string().contains("could not be made")
            && sent.to_string().contains("no such file"),
        "{sent}"
    );
    let asked = faulty.ask(Add(1)).await.unwrap_err();
    assert!(!asked.may_have_been_handled() && asked.to_string().contains("no such file"), "{asked}");
    assert!(faulty.try_send(Add(1)).unwrap_err().to_string().contains("no such file"));
}

/// Its farewell never ends.
#[actor]
#[sharded(passivate_after = 20ms)]
#[derive(Default)]
struct Clinging;

#[actor]
impl Clinging {
    #[handler]
    fn add(&mut self, Add(_): Add) {}

    async fn on_stop(&mut self) {
        std::future::pending().await
    }
}

#[tokio::test]
async fn nobody_waits_for_ever_for_an_entity_that_is_put_away() {
    let system = ActorSystem::builder().shutdown_timeout(Duration::from_millis(100)).build();
    let clinging = system.sharded::<Clinging>().entity("c");
    let refused = async {
        loop {
            if let Err(error) = clinging.send(Add(1)).await {
                return error;
            }
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
    };
    let refused = tokio::time::timeout(BOUND, refused).await.unwrap();
    assert!(refused.to_string().contains("on_stop has not ended"), "{refused}");
    system.shutdown().await;
}
