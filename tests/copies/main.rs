//! What becomes of entities whose copies are lost, or cannot be reached: nodes in a simulated network.

mod homes;
mod last;
mod moves;
mod moving;
mod order;
mod outputs;
mod passed_on;
mod standing;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use casty::{ClusterError, ClusterEvent, ClusterEvents, Event, Events, ReplicationConfig, prelude::*, testkit::Cluster};

#[message(reply = u64)]
struct Put(u64);

#[message(reply = u64)]
struct Get;

#[actor]
#[sharded(name = "shelves", sync = 1)]
#[derive(Default)]
struct Shelf(u64);

#[actor]
impl Shelf {
    #[handler]
    fn put(&mut self, Put(number): Put) -> u64 {
        self.0 += number;
        self.0
    }

    #[handler]
    fn get(&self, _: Get) -> u64 {
        self.0
    }
}

/// The best copy left will do.
#[actor]
#[sharded(name = "drafts", sync = 1, on_loss = accept)]
#[derive(Default)]
struct Draft(u64);

#[actor]
impl Draft {
    #[handler]
    fn put(&mut self, Put(number): Put) -> u64 {
        self.0 += number;
        self.0
    }

    #[handler]
    fn get(&self, _: Get) -> u64 {
        self.0
    }
}

#[message(reply = String)]
struct Where;

fn home<A: casty::Actor>(ctx: &Context<A>) -> String {
    ctx.system().cluster().unwrap().node_id().to_string()
}

/// Comes back without a message.
#[actor]
#[sharded(name = "reminders", sync = 1, remember = true)]
#[derive(Default)]
struct Reminder(u64);

#[actor]
impl Reminder {
    #[handler]
    fn put(&mut self, Put(number): Put) -> u64 {
        self.0 += number;
        self.0
    }

    #[handler]
    fn place(&self, _: Where, ctx: &Context<Self>) -> String {
        home(ctx)
    }
}

/// So does the only one.
#[actor]
#[singleton(name = "clerk", sync = 1)]
#[derive(Default)]
struct Clerk(u64);

#[actor]
impl Clerk {
    #[handler]
    fn put(&mut self, Put(number): Put) -> u64 {
        self.0 += number;
        self.0
    }

    #[handler]
    fn place(&self, _: Where, ctx: &Context<Self>) -> String {
        home(ctx)
    }
}

/// Every copy has to have each change, soon.
#[actor]
#[sharded(name = "ledgers", sync = all, timeout = 500ms)]
#[derive(Default)]
struct Ledger(u64);

#[actor]
impl Ledger {
    #[handler]
    fn put(&mut self, Put(number): Put) -> u64 {
        self.0 += number;
        self.0
    }
}

/// No copy has to have a change before it is answered.
#[actor]
#[sharded(name = "counters")]
#[derive(Default)]
struct Counter(u64);

#[actor]
impl Counter {
    #[handler]
    fn put(&mut self, Put(number): Put) -> u64 {
        self.0 += number;
        self.0
    }

    #[handler]
    fn get(&self, _: Get) -> u64 {
        self.0
    }
}

/// There is nothing of it but at its primary.
#[actor]
#[sharded(name = "singles", factor = 1)]
#[derive(Default)]
struct Single(u64);

#[actor]
impl Single {
    #[handler]
    fn put(&mut self, Put(number): Put) -> u64 {
        self.0 += number;
        self.0
    }
}

const COUNTERS: usize = 60;

/// The greatest number that each counter has answered.
type Answered = Arc<Mutex<Vec<u64>>>;

/// Puts to all counters at once, again and again.
async fn count_up(system: ActorSystem, answered: Answered, rounds: usize) {
    for _ in 0..rounds {
        let puts = (0..COUNTERS).map(|at| {
            let (counter, answered) = (system.sharded::<Counter>().entity(format!("c{at}")), answered.clone());
            async move {
                if let Ok(number) = counter.ask(Put(1)).await {
                    let mut answered = answered.lock().unwrap();
                    answered[at] = answered[at].max(number);
                }
            }
        });
        futures_util::future::join_all(puts).await;
    }
}

const SHELVES: usize = 200;

/// What asks of all of them come to.
async fn get_all(system: ActorSystem) -> Vec<Result<u64, AskError>> {
    let shelves = system.sharded::<Shelf>();
    let shelves: Vec<_> = (0..SHELVES).map(|at| shelves.entity(format!("s{at}"))).collect();
    futures_util::future::join_all(shelves.iter().map(|shelf| async move { shelf.ask(Get).await })).await
}

async fn get_drafts(system: ActorSystem) -> Vec<Result<u64, AskError>> {
    let drafts: Vec<_> = (0..SHELVES).map(|at| system.sharded::<Draft>().entity(format!("s{at}"))).collect();
    futures_util::future::join_all(drafts.iter().map(|draft| async move { draft.ask(Get).await })).await
}

fn is_lost(answer: &Result<u64, AskError>) -> bool {
    matches!(answer, Err(AskError::StateLost { .. }))
}

/// Of how many slots it was told that they are lost, and whether others were taken from nodes that are gone.
async fn told(mut events: ClusterEvents) -> (usize, bool) {
    let (mut lost, mut failover) = (0, false);
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(1), events.next()).await {
        match event {
            ClusterEvent::StateLost { slots } => lost += slots.len(),
            ClusterEvent::SlotsTaken { slots, failover: true, .. } => failover |= !slots.is_empty(),
            _ => {}
        }
    }
    (lost, failover)
}

#[test]
fn what_may_be_lost_is_not_served_until_that_is_accepted() {
    let mut cluster = Cluster::of(5).seed(3).start();
    cluster.settle();
    cluster.on(4, |system| async move {
        for at in 0..SHELVES {
            system.sharded::<Shelf>().entity(format!("s{at}")).ask(Put(7)).await.unwrap();
            system.sharded::<Draft>().entity(format!("s{at}")).ask(Put(7)).await.unwrap();
        }
    });
    cluster.settle();
    let events: Vec<_> =
        (2..5).map(|node| cluster.on(node, |system| async move { system.cluster().unwrap().events() })).collect();
    for node in [0, 1] {
        cluster.crash(node);
    }
    cluster.settle();
    // What they remembered is gone, and everybody knows.
    for node in [0, 1] {
        cluster.restart(node);
    }
    cluster.settle();
    let answers = cluster.on(2, get_all);
    let lost: Vec<_> = (0..SHELVES).filter(|at| is_lost(&answers[*at])).collect();
    assert!(!lost.is_empty() && lost.len() < SHELVES, "{} of {SHELVES} are lost", lost.len());
    assert!(answers.iter().all(|answer| is_lost(answer) || *answer.as_ref().unwrap() == 7), "{answers:?}");
    // The third copy of each was up all the time.
    let drafts = cluster.on(3, get_drafts);
    assert!(drafts.iter().all(|answer| matches!(answer, Ok(7))), "{drafts:?}");
    let told: Vec<_> = (2..5).zip(events).map(|(node, events)| cluster.on(node, |_| told(events))).collect();
    assert!(told.iter().any(|(lost, _)| *lost > 0) && told.iter().any(|(_, failover)| *failover), "{told:?}");

    let (one, served) = (lost[0], (0..SHELVES).find(|at| !lost.contains(at)).unwrap());
    let accept = |at: usize| {
        move |system: ActorSystem| async move { system.cluster().unwrap().accept_loss::<Shelf>(format!("s{at}")).await.unwrap() }
    };
    assert!(!cluster.on(3, accept(served)));
    assert!(cluster.on(3, accept(one)));
    cluster.settle();
    let answers = cluster.on(2, get_all);
    // The best copy left, or none.
    assert!(matches!(answers[one], Ok(0 | 7)), "{:?}", answers[one]);
    let left = answers.iter().filter(|answer| is_lost(answer)).count();
    assert!(left > 0 && left < lost.len(), "{left} of {}", lost.len());

    let accept_all = |system: ActorSystem| async move { system.cluster().unwrap().accept_all_loss().await.unwrap() };
    assert!(cluster.on(4, accept_all) > 0);
    cluster.settle();
    assert!(cluster.on(2, get_all).iter().all(|answer| matches!(answer, Ok(0 | 7))));
    assert_eq!(cluster.on(4, accept_all), 0);
}

#[test]
fn once_more_is_asked_of_a_type_and_all_slots_follow_the_crash_of_a_node_loses_nothing_that_was_answered() {
    let mut cluster = Cluster::of(4).seed(7).start();
    cluster.settle();
    let answered: Answered = Arc::new(Mutex::new(vec![0; COUNTERS]));
    let before = answered.clone();
    cluster.on(3, |system| count_up(system, before, 3));
    let wrong = ReplicationConfig { factor: 3, sync_count: 3, ..ReplicationConfig::default() };
    let sync = ReplicationConfig { sync_count: 1, ..wrong };
    let change =
        |config| move |system: ActorSystem| async move { system.cluster().unwrap().change_replication::<Counter>(config).await };
    assert!(matches!(cluster.on(1, change(wrong)), Err(ClusterError::Setting(_))));
    assert!(cluster.run_until(Duration::from_secs(30), |cluster| cluster.slots_on_their_way(1) == 0));
    let slots: Vec<u16> = (0..COUNTERS).map(|at| Cluster::slot_of("counters", &format!("c{at}"))).collect();
    let epochs = |cluster: &Cluster| slots.iter().map(|slot| cluster.copies(1, *slot).unwrap().epoch).collect::<Vec<_>>();
    let primaries = |cluster: &Cluster| slots.iter().map(|slot| cluster.slot_members(1, *slot)[0]).collect::<Vec<_>>();
    let (old, had) = (epochs(&cluster), primaries(&cluster));
    let during = answered.clone();
    let traffic = cluster.begin(3, |system| count_up(system, during, 40));
    cluster.on(1, change(sync)).unwrap();
    let have_followed = |cluster: &Cluster| epochs(cluster).iter().zip(&old).all(|(new, old)| new > old);
    assert!(cluster.run_until(Duration::from_secs(30), |it| have_followed(it) && it.slots_on_their_way(1) == 0));
    assert_eq!(primaries(&cluster), had);
    let all = |cluster: &mut Cluster, node| {
        cluster.on(node, |system| async move {
            let gets = (0..COUNTERS).map(|at| {
                let counter = system.sharded::<Counter>().entity(format!("c{at}"));
                async move { counter.ask(Get).await.unwrap() }
            });
            futures_util::future::join_all(gets).await
        })
    };
    drop(traffic);
    for victim in 0..3 {
        let during = answered.clone();
        let traffic = cluster.begin(3, |system| count_up(system, during, 200));
        let answers = |answered: &Answered| answered.lock().unwrap().iter().sum::<u64>();
        let at_least = answers(&answered) + 3 * COUNTERS as u64;
        assert!(cluster.run_until(Duration::from_secs(30), |_| answers(&answered) >= at_least));
        cluster.crash(victim);
        drop(traffic);
        cluster.settle();
        let kept = answered.lock().unwrap().clone();
        let there = all(&mut cluster, 3);
        assert!(kept.iter().zip(&there).all(|(kept, there)| kept <= there), "without {victim}: {kept:?} {there:?}");
        cluster.restart(victim);
        cluster.settle();
        assert!(cluster.run_until(Duration::from_secs(30), |cluster| cluster.slots_on_their_way(3) == 0));
    }
}

#[test]
fn who_goes_hands_over_what_it_has_though_nobody_leads_for_a_while() {
    let mut cluster = Cluster::of(3).seed(13).with_disks().start();
    cluster.settle();
    let put = |number| {
        move |system: ActorSystem| async move {
            let puts = (0..COUNTERS).map(|at| {
                let single = system.sharded::<Single>().entity(format!("s{at}"));
                async move { single.ask(Put(number)).await.unwrap() }
            });
            futures_util::future::join_all(puts).await
        }
    };
    assert_eq!(cluster.on(0, put(7)), [7; COUNTERS]);
    let goes = (0..3).find(|node| !cluster.inspect(*node).is_some_and(|seen| seen.leads)).unwrap();
    let stays = (goes + 1) % 3;
    (0..3).for_each(|node| cluster.partition(&[node]));
    let mut going = cluster.begin(goes, |system| async move { system.shutdown().await });
    cluster.run_for(Duration::from_millis(2600));
    cluster.heal();
    assert!(cluster.run_until(Duration::from_secs(30), |_| going.take().is_some()));
    cluster.settle();
    assert_eq!(cluster.on(stays, put(0)), [7; COUNTERS]);
}

/// Whom a node gives up, and what comes of it.
async fn give_up(system: ActorSystem, nodes: Vec<&'static str>) -> Vec<Result<bool, ClusterError>> {
    let cluster = system.cluster().unwrap();
    futures_util::future::join_all(nodes.into_iter().map(|node| cluster.give_up(node))).await
}

/// Five nodes, and a seven on each shelf.
fn with_full_shelves() -> Cluster {
    let mut cluster = Cluster::of(5).seed(3).start();
    cluster.settle();
    cluster.on(4, |system| async move {
        for at in 0..SHELVES {
            system.sharded::<Shelf>().entity(format!("s{at}")).ask(Put(7)).await.unwrap();
        }
    });
    cluster.settle();
    cluster
}

#[test]
fn what_was_on_nodes_that_never_come_back_is_served_once_they_are_given_up_and_that_is_accepted() {
    let mut cluster = with_full_shelves();
    assert!(matches!(
        &cluster.on(2, |it| give_up(it, vec!["node-0", "nobody"]))[..],
        [Err(ClusterError::NodeIsUp { .. }), Ok(false)]
    ));
    for node in [0, 1] {
        cluster.crash(node);
    }
    cluster.settle();
    let accept_all = |system: ActorSystem| async move { system.cluster().unwrap().accept_all_loss().await.unwrap() };
    // They may come back with what they have.
    let waits = |answer: &Result<u64, AskError>| matches!(answer, Err(AskError::Unavailable { .. }));
    let answers = cluster.on(2, get_all);
    assert!(answers.iter().any(waits) && answers.iter().all(|answer| waits(answer) || matches!(answer, Ok(7))), "{answers:?}");
    assert_eq!(cluster.on(2, accept_all), 0);

    assert!(matches!(&cluster.on(2, |it| give_up(it, vec!["node-0", "node-1", "node-1"]))[..], [Ok(true), Ok(true), Ok(true)]));
    cluster.settle();
    let answers = cluster.on(2, get_all);
    assert!(
        answers.iter().any(is_lost) && answers.iter().all(|answer| is_lost(answer) || matches!(answer, Ok(7))),
        "{answers:?}"
    );
    assert!(cluster.on(3, accept_all) > 0);
    cluster.settle();
    assert!(cluster.on(4, get_all).iter().all(|answer| matches!(answer, Ok(0 | 7))));
    cluster.restart(0);
    cluster.settle();
    assert!(cluster.on(0, get_all).iter().all(|answer| matches!(answer, Ok(0 | 7))), "started anew it is a node like others");
}

#[test]
fn who_was_given_up_and_only_cut_off_does_not_come_back_as_it_was() {
    let mut cluster = Cluster::of(4).seed(11).start();
    cluster.settle();
    cluster.partition(&[3]);
    cluster.settle();
    let before = cluster.inspect(3).unwrap().incarnation;
    assert!(matches!(cluster.on(0, |it| give_up(it, vec!["node-3"]))[..], [Ok(true)]));
    cluster.heal();
    cluster.settle();
    let is_there = |cluster: &Cluster| cluster.seen_members(0).iter().any(|member| member.node == "node-3");
    assert!(!is_there(&cluster) && !cluster.may_serve(3));
    assert!(cluster.on(3, get_all).iter().all(Result::is_err), "it has no part in anything");
    cluster.restart(3);
    cluster.settle();
    assert!(is_there(&cluster) && cluster.inspect(3).unwrap().incarnation > before && cluster.may_serve(3));
}

#[test]
fn who_waits_for_a_change_that_does_not_get_to_its_backups_is_told_soon() {
    let mut cluster = Cluster::of(3).seed(5).start();
    cluster.settle();
    let put_all = |system: ActorSystem| async move {
        let ledgers: Vec<_> = (0..12).map(|at| system.sharded::<Ledger>().entity(format!("l{at}"))).collect();
        let begun = tokio::time::Instant::now();
        let asks = ledgers.iter().map(|ledger| async move { (ledger.ask(Put(1)).await, begun.elapsed()) });
        futures_util::future::join_all(asks).await
    };
    assert!(cluster.on(0, put_all).iter().all(|(answer, _)| answer.is_ok()));
    let leader = (0..3).find(|node| cluster.inspect(*node).is_some_and(|seen| seen.leads)).unwrap();
    let others: Vec<_> = (0..3).filter(|node| *node != leader).collect();
    cluster.stall(others[0], others[1]);
    for node in [leader, others[0]] {
        let answers = cluster.on(node, put_all);
        let given_up: Vec<_> =
            answers.iter().filter(|(answer, _)| matches!(answer, Err(AskError::NotReplicated { .. }))).collect();
        assert!(!given_up.is_empty() && given_up.len() < answers.len(), "{answers:?}");
        // What is asked across the link itself does not get there.
        let is_far = |error: &AskError| node != leader && matches!(error, AskError::Timeout { .. });
        let is_told = |error: &AskError| is_far(error) || matches!(error, AskError::NotReplicated { .. });
        assert!(answers.iter().all(|(answer, _)| answer.as_ref().err().is_none_or(is_told)), "{answers:?}");
        let soon = Duration::from_millis(490)..Duration::from_millis(800);
        assert!(given_up.iter().all(|(_, took)| soon.contains(took)), "{given_up:?}");
    }
    cluster.heal();
    cluster.settle();
    let answers = cluster.on(leader, put_all);
    assert!(answers.iter().all(|(answer, _)| answer.is_ok()), "{answers:?}");
}

/// Which of these were woken.
async fn woken(mut events: Events) -> BTreeSet<String> {
    let mut woken = BTreeSet::new();
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(1), events.next()).await {
        if let Event::Activated { actor, .. } = event
            && ["Clerk", "Reminder"].contains(&actor.kind())
        {
            woken.insert(actor.to_string());
        }
    }
    woken
}

#[test]
fn who_is_remembered_and_a_singleton_wake_elsewhere_without_a_message_when_their_node_crashes() {
    let mut cluster = Cluster::of(4).seed(11).start();
    cluster.settle();
    let (home, at_home) = cluster.on(0, |system| async move {
        let clerk = system.singleton::<Clerk>();
        assert_eq!(clerk.ask(Put(3)).await.unwrap(), 3);
        let (home, mut at_home) = (clerk.ask(Where).await.unwrap(), BTreeSet::from([clerk.label().to_string()]));
        for at in 0..30 {
            let reminder = system.sharded::<Reminder>().entity(format!("r{at}"));
            assert_eq!(reminder.ask(Put(1)).await.unwrap(), 1);
            if reminder.ask(Where).await.unwrap() == home {
                at_home.insert(reminder.label().to_string());
            }
        }
        (home, at_home)
    });
    assert!(at_home.len() > 1, "{at_home:?}");
    let is_home = |node: &usize| cluster.system(*node).cluster().unwrap().node_id().as_str() == home;
    let gone = (0..4).find(is_home).unwrap();
    let rest: Vec<usize> = (0..4).filter(|node| *node != gone).collect();
    let events: Vec<_> = rest.iter().map(|node| cluster.on(*node, |system| async move { system.events() })).collect();
    cluster.crash(gone);
    cluster.settle();
    let awake: BTreeSet<_> = rest.iter().zip(events).flat_map(|(node, events)| cluster.on(*node, |_| woken(events))).collect();
    assert_eq!(awake, at_home);
    let totals = cluster.on(rest[0], |system| async move {
        let clerk = system.singleton::<Clerk>().ask(Put(1)).await.unwrap();
        let mut reminders = BTreeSet::new();
        for at in 0..30 {
            reminders.insert(system.sharded::<Reminder>().entity(format!("r{at}")).ask(Put(1)).await.unwrap());
        }
        (clerk, reminders)
    });
    assert_eq!(totals, (4, BTreeSet::from([2])));
}

#[test]
fn that_a_singleton_is_lost_is_accepted_without_an_id() {
    let mut cluster = Cluster::of(5).seed(13).start();
    cluster.settle();
    let put = |system: ActorSystem| async move { system.singleton::<Clerk>().ask(Put(3)).await };
    assert_eq!(cluster.on(0, put).unwrap(), 3);
    cluster.settle();
    let members = cluster.slot_members(0, Cluster::slot_of("clerk", ""));
    let [primary, backup, rest] = members[..] else { panic!("{members:?}") };
    for node in [primary, backup] {
        cluster.crash(node);
    }
    cluster.settle();
    for node in [primary, backup] {
        cluster.restart(node);
    }
    cluster.settle();
    let refused = cluster.on(rest, put);
    assert!(matches!(refused, Err(AskError::StateLost { .. })), "{refused:?}");
    let accept =
        |system: ActorSystem| async move { system.cluster().unwrap().accept_loss::<Clerk>("the only one").await.unwrap() };
    assert!(cluster.on(rest, accept));
    cluster.settle();
    // The best copy left was the third.
    assert_eq!(cluster.on(rest, put).unwrap(), 6);
}
