//! What a type asks of its copies: how many, and what is done while there are fewer.

use std::{sync::Arc, time::Duration};

use casty::{EntityId, ReplicationConfig, prelude::*};

use crate::common::*;

#[message(reply = u64)]
struct Put(u64);

#[message(reply = u64)]
struct Held;

#[actor]
#[sharded(name = "vaults", sync = 1, strict = true)]
#[derive(Default)]
struct Vault {
    held: u64,
    #[casty(skip)]
    owner: Arc<str>,
}

#[message(reply = String)]
struct Owner;

#[actor]
impl Vault {
    #[handler]
    fn put(&mut self, Put(amount): Put) -> u64 {
        self.held += amount;
        self.held
    }

    #[handler]
    async fn held(&self, _: Held) -> u64 {
        self.held
    }

    #[handler]
    fn owner(&self, _: Owner) -> String {
        self.owner.to_string()
    }
}

fn vault(system: &ActorSystem) -> casty::EntityRef<Vault> {
    system.sharded::<Vault>().entity("v")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_entity_takes_no_change_without_its_backups_and_answers_what_it_is_asked() {
    let mut systems = cluster(1).await;
    assert!(matches!(vault(&systems[0]).ask(Put(1)).await, Err(AskError::Unavailable { .. })));
    assert!(vault(&systems[0]).send(Put(1)).await.is_err());
    assert_eq!(vault(&systems[0]).ask(Held).await.unwrap(), 0);
    let before = systems[0].dead_letters();
    vault(&systems[0]).try_send(Put(1)).unwrap();
    until("it is a dead letter", async || systems[0].dead_letters() == before + 1).await;

    let seed = of(&systems[0]).address().to_owned();
    systems.push(node("n2", &[&seed]).start().await.unwrap());
    until("there is a backup", async || vault(&systems[0]).ask(Put(1)).await.is_ok()).await;
    assert_eq!(vault(&systems[1]).ask(Held).await.unwrap(), 1);
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_builder_says_holds_in_place_of_the_attribute() {
    let with = |name: &str, seeds: &[&str]| {
        node(name, seeds).replication::<Vault>(ReplicationConfig { sync_count: -1, ..ReplicationConfig::default() })
    };
    let first = with("n1", &[]).start().await.unwrap();
    let seed = of(&first).address().to_owned();
    let second = with("n2", &[&seed]).start().await.unwrap();
    let mut systems = vec![first, second];
    all_see(&systems, 2).await;
    assert!(matches!(vault(&systems[0]).ask(Put(1)).await, Err(AskError::Unavailable { .. })));
    // It would be content with one, and follows what was agreed on before it came.
    systems.push(node("n3", &[&seed]).start().await.unwrap());
    until("there are two backups", async || vault(&systems[0]).ask(Put(1)).await.is_ok()).await;
    systems.pop().unwrap().shutdown().await;
    until("one has gone", async || matches!(vault(&systems[0]).ask(Put(1)).await, Err(AskError::Unavailable { .. }))).await;
    assert_eq!(vault(&systems[0]).ask(Held).await.unwrap(), 1);
    end(systems).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_has_is_made_as_its_builder_says() {
    let system = node("n1", &[]).entities(|id: &EntityId| Vault { owner: format!("{id} of n1").into(), ..Vault::default() });
    let system = system.start().await.unwrap();
    assert_eq!(vault(&system).ask(Owner).await.unwrap(), "v of n1");
    end(vec![system]).await;
}

#[tokio::test]
async fn a_replication_that_cannot_be_is_refused_with_its_reason() {
    let refused = async |factor, sync_count, timeout, parts: &[&str]| {
        let node = node("n1", &[]).replication::<Vault>(ReplicationConfig { factor, sync_count, timeout });
        let why = node.start().await.expect_err("it cannot be").to_string();
        assert!(parts.iter().all(|part| why.contains(part)), "{why}");
    };
    let (long, none) = (Duration::from_secs(1), Duration::ZERO);
    refused(3, 3, long, &["replication of `", "Vault`", "`sync_count` is at most 2"]).await;
    refused(3, -2, long, &["below zero there is only -1"]).await;
    refused(0, 0, long, &["`factor` counts all copies"]).await;
    refused(3, 1, none, &["`timeout`", "above zero"]).await;
    refused(3, 0, long, &["Vault`", "`strict = true`", "`sync_count`"]).await;
}

/// Nothing comes back in an answer: it would be too large by itself.
#[message(reply = usize)]
struct Grow(usize);

#[actor]
#[sharded(name = "heaps", sync = 1)]
#[derive(Default)]
struct Heap(Vec<u8>);

#[actor]
impl Heap {
    #[handler]
    fn grow(&mut self, Grow(by): Grow) -> usize {
        self.0.extend(vec![7; by]);
        self.0.len()
    }
}

/// Its backups never got it, and its slot could go nowhere any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_is_too_large_for_its_copies_is_a_failure_and_stays_as_it_was() {
    let first = node("n1", &[]).max_message(100_000).start().await.unwrap();
    let seed = of(&first).address().to_owned();
    let second = node("n2", &[&seed]).max_message(100_000).start().await.unwrap();
    let mut systems = vec![first, second];
    all_see(&systems, 2).await;
    let heaps = ["a", "b", "c", "d"].map(|id| systems[0].sharded::<Heap>().entity(id));
    for heap in &heaps {
        assert_eq!(heap.ask(Grow(80_000)).await.unwrap(), 80_000);
        let Err(AskError::Failed { failure, .. }) = heap.ask(Grow(40_000)).await else { panic!("it is too large") };
        assert!(failure.to_string().contains("max_message"), "{failure}");
        assert_eq!(heap.ask(Grow(0)).await.unwrap(), 80_000);
    }
    systems.remove(0).shutdown().await;
    for id in ["a", "b", "c", "d"] {
        assert_eq!(systems[0].sharded::<Heap>().entity(id).ask(Grow(0)).await.unwrap(), 80_000);
    }
    end(systems).await;
}
