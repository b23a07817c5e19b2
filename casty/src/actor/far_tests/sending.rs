//! Messages and answers, and what becomes of those that do not get through.

use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use super::*;
use crate::{AskError, SendError, TrySendError};

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

#[casty::test]
async fn whatever_comes_is_an_error_and_no_panic() {
    use crate::actor::{ActorId, Incoming, Received, Wants};
    use proptest::prelude::*;
    let Pair { home, there, .. } = Pair::new().await;
    let names = prop_oneof!["[A-Z][a-z]{0,6}", Just("Add".to_owned()), Just("Blob".to_owned()), Just("Divide".to_owned())];
    let bodies = proptest::collection::vec(any::<u8>(), 0..64);
    let mut runner = proptest::test_runner::TestRunner::default();
    let cases = runner.run(&(names, bodies, any::<u64>()), |(name, body, id)| {
        for actor in [home.id(), ActorId(id)] {
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
