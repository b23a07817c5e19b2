//! Names: of one actor at a time, found by whoever knows them.

use casty::prelude::*;

use crate::common::*;

#[actor]
struct Other;

#[actor]
impl Other {}

#[casty::test]
async fn a_name_is_taken_until_its_actor_has_stopped(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let first = system.spawn(Puppet::new("first", &log)).name("cache").await?;
    let error = system.spawn(|| Other).name("cache").await.unwrap_err();
    assert!(matches!(&error, SpawnError::NameTaken { name, by } if &**name == "cache" && by.id() == first.id()), "{error}");
    first.stop().await?;
    first.stopped().await;
    system.spawn(|| Other).name("cache").await?;
    Ok(())
}

#[casty::test]
async fn a_spawn_that_fails_leaves_no_name_behind(system: ActorSystem) -> casty::Result<()> {
    for _ in 0..2 {
        let failed = system.spawn(|| -> Other { panic!("no") }).name("cache").await;
        assert!(matches!(failed, Err(SpawnError::Failed { .. })), "{failed:?}");
    }
    assert!(system.lookup::<Other>("cache").await?.is_none());
    Ok(())
}

#[casty::test]
async fn an_actor_of_another_type_is_an_error_that_names_both(system: ActorSystem) -> casty::Result<()> {
    let _cache = system.spawn(|| Other).name("cache").await?;
    let error = system.lookup::<Puppet>("cache").await.unwrap_err();
    assert_eq!(error.to_string(), "\"cache\" is a Other, not a Puppet");
    Ok(())
}

#[casty::test]
async fn an_empty_name_is_refused(system: ActorSystem) -> casty::Result<()> {
    for name in ["", "a//b", "/a", "a/"] {
        let error = system.spawn(|| Other).name(name).await.unwrap_err();
        assert!(matches!(error, SpawnError::BadName { .. }), "{error}");
    }
    Ok(())
}

#[casty::test]
async fn a_reference_travels_as_an_address(system: ActorSystem) -> casty::Result<()> {
    let log = Log::default();
    let puppet = system.spawn(Puppet::new("p", &log)).await?;
    let bytes = rmp_serde::to_vec(&puppet)?;
    let again: ActorRef<Puppet> = rmp_serde::from_slice(&bytes)?;
    assert_eq!(again, puppet);
    again.send(Note("hello")).await?;
    assert_eq!(puppet.ask(Count).await?, 1);
    let error = rmp_serde::from_slice::<ActorRef<Other>>(&bytes).unwrap_err();
    assert!(error.to_string().contains("is not a Other"), "{error}");
    puppet.stop().await?;
    puppet.stopped().await;
    assert!(rmp_serde::from_slice::<ActorRef<Puppet>>(&bytes).is_err());
    Ok(())
}
