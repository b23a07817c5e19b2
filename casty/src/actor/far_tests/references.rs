//! References within messages.

use std::sync::Arc;

use super::*;
use crate::{AnyRef, AskError, TrySendError};

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
    assert_eq!(kept.actor().and_then(|actor| actor.typed::<Keeper>()), Some(keeper));
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
