//! What becomes of messages whose entity moves before they are answered.

use std::{
    future::IntoFuture as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use casty::{EntityRef, prelude::*, testkit::Cluster};

const MS: Duration = Duration::from_millis(1);

#[message(reply = u64)]
struct Take(u64);

#[message]
struct Open;

/// Answered after a moment.
#[message(reply = u64)]
struct Soon(u64);

/// Answers once it is open.
#[actor]
#[sharded(name = "tallies", sync = 1)]
#[derive(Default)]
struct Counter {
    is_open: bool,
    taken: u64,
}

#[actor]
impl Counter {
    #[handler]
    fn take(&mut self, Take(number): Take, ctx: &mut Context<Self>) -> Later<Take> {
        if !self.is_open {
            return ctx.stash(Take(number));
        }
        self.taken += number;
        Later::now(self.taken)
    }

    #[handler]
    fn open(&mut self, _: Open, ctx: &mut Context<Self>) {
        self.is_open = true;
        ctx.unstash_all();
    }

    #[handler]
    fn soon(&mut self, Soon(number): Soon) -> Later<Soon> {
        self.taken += 1;
        let (reply, later) = Later::new();
        tokio::spawn(async move {
            tokio::time::sleep(15 * MS).await;
            reply.send(number);
        });
        later
    }
}

/// So many that some move.
const COUNTERS: u64 = 40;

fn counters(system: &ActorSystem) -> Vec<EntityRef<Counter>> {
    (0..COUNTERS).map(|at| system.sharded::<Counter>().entity(format!("c{at}"))).collect()
}

/// Two nodes that have the entities between them, and a third that is not there.
fn without_the_third(seed: u64) -> Cluster {
    let mut cluster = Cluster::of(3).seed(seed).start();
    cluster.settle();
    cluster.crash(2);
    cluster.settle();
    cluster
}

/// The third comes, and some of the entities go over to it.
fn move_over(cluster: &mut Cluster) {
    cluster.restart(2);
    cluster.settle();
    let its = (0..COUNTERS).filter(|at| cluster.serves(2, Cluster::slot_of("tallies", &format!("c{at}")))).count();
    assert!(its > 0, "none has moved");
}

#[test]
fn what_was_stashed_is_answered_where_the_entity_has_gone() {
    let mut cluster = without_the_third(13);
    let asks: Vec<_> = (0..2)
        .map(|node| {
            cluster.begin(node, |system| async move {
                let counters = counters(&system);
                let asks = counters.iter().map(|it| it.ask(Take(1)).timeout(Duration::from_secs(60)).into_future());
                futures_util::future::join_all(asks).await
            })
        })
        .collect();
    cluster.run_for(100 * MS);
    move_over(&mut cluster);
    cluster.on(0, |system| async move {
        for counter in counters(&system) {
            counter.send(Open).await.unwrap();
        }
    });
    cluster.run_for(100 * MS);
    let answers: Vec<_> = asks.into_iter().map(|mut asked| asked.take().unwrap()).collect();
    for (one, other) in answers[0].iter().zip(&answers[1]) {
        assert!(matches!((one, other), (Ok(1), Ok(2)) | (Ok(2), Ok(1))), "{answers:?}");
    }
}

#[test]
fn what_is_answered_shortly_after_a_move_has_begun_is_told() {
    let mut cluster = without_the_third(17);
    let (asked, told) = std::sync::mpsc::channel();
    let mut asking = cluster.begin(0, |system| async move {
        for number in 0.. {
            for counter in counters(&system) {
                let asked = asked.clone();
                tokio::spawn(async move { asked.send((number, counter.ask(Soon(number)).await)) });
            }
            tokio::time::sleep(5 * MS).await;
        }
    });
    move_over(&mut cluster);
    assert!(asking.take().is_none());
    let told: Vec<_> = told.try_iter().collect();
    let failed: Vec<_> = told.iter().filter(|(number, answer)| answer.as_ref().ok() != Some(number)).collect();
    assert!(failed.is_empty(), "{} of {}: {failed:?}", failed.len(), told.len());
}

#[message]
struct Note(u64);

#[message(reply = Vec<u64>)]
struct Noted;

/// Writes slowly, so that messages wait for it.
#[actor]
#[sharded(name = "diaries", sync = 1)]
#[derive(Default)]
struct Diary(Vec<u64>);

#[actor]
impl Diary {
    #[handler]
    async fn note(&mut self, Note(number): Note) {
        tokio::time::sleep(4 * MS).await;
        self.0.push(number);
    }

    #[handler]
    fn noted(&self, _: Noted) -> Vec<u64> {
        self.0.clone()
    }
}

#[test]
fn what_is_sent_while_an_entity_moves_stays_behind_what_waited_for_it() {
    let mut cluster = without_the_third(19);
    let slot = |id: &String| Cluster::slot_of("diaries", id);
    let here: Vec<_> = (0..200).map(|at| format!("d{at}")).filter(|id| cluster.serves(0, slot(id))).collect();
    let over = Arc::new(AtomicBool::new(false));
    let mut sending = cluster.begin(0, |system| {
        let (here, over) = (here.clone(), over.clone());
        async move {
            let diaries: Vec<_> = here.iter().map(|id| system.sharded::<Diary>().entity(id)).collect();
            for number in 0.. {
                if over.load(SeqCst) {
                    return number;
                }
                diaries.iter().for_each(|diary| diary.try_send(Note(number)).unwrap());
                tokio::time::sleep(3 * MS).await;
            }
            unreachable!()
        }
    });
    cluster.restart(2);
    cluster.settle();
    over.store(true, SeqCst);
    cluster.run_for(100 * MS);
    let sent: u64 = sending.take().unwrap();
    assert!(here.iter().any(|id| cluster.serves(2, slot(id))), "none has moved");
    let noted = cluster.on(1, move |system| async move {
        let diaries: Vec<_> = here.iter().map(|id| system.sharded::<Diary>().entity(id)).collect();
        let noted = diaries.iter().map(|it| it.ask(Noted).timeout(Duration::from_secs(60)).into_future());
        futures_util::future::join_all(noted).await
    });
    for noted in noted {
        assert_eq!(noted.unwrap(), (0..sent).collect::<Vec<_>>());
    }
}
