//! What entities say while what it follows from is not kept.

use std::time::Duration;

use casty::{EntityRef, prelude::*, testkit::Cluster};
use futures_util::future::join_all;

use crate::homes::*;

#[message(reply = u64)]
struct Pay(u64, EntityRef<Purse>);

#[message(reply = u64)]
struct Owe(u64);

#[message]
struct Coins(u64);

#[message(reply = u64)]
struct Count;

/// Every copy has to have each change, soon.
#[actor]
#[sharded(name = "payers", sync = all, timeout = 500ms)]
#[derive(Default)]
struct Payer {
    paid: u64,
}

#[actor]
impl Payer {
    #[handler]
    fn pay(&mut self, Pay(coins, to): Pay, ctx: &mut Context<Self>) -> u64 {
        self.paid += coins;
        ctx.then(&to, Coins(coins));
        self.paid
    }

    #[handler]
    fn owe(&mut self, Owe(coins): Owe) -> u64 {
        self.paid += coins;
        self.paid
    }

    #[handler]
    fn place(&self, _: Where, ctx: &Context<Self>) -> String {
        place(ctx.system())
    }
}

#[actor]
#[sharded(name = "purses")]
#[derive(Default)]
struct Purse {
    coins: u64,
}

#[actor]
impl Purse {
    #[handler]
    fn coins(&mut self, Coins(coins): Coins) {
        self.coins += coins;
    }

    #[handler]
    fn count(&self, _: Count) -> u64 {
        self.coins
    }

    #[handler]
    fn place(&self, _: Where, ctx: &Context<Self>) -> String {
        place(ctx.system())
    }
}

/// Three nodes: the one that leads, and two more.
fn cluster() -> (Cluster, usize, [usize; 2]) {
    let mut cluster = Cluster::of(3).seed(5).start();
    cluster.settle();
    let leads = |node: &usize| cluster.inspect(*node).is_some_and(|seen| seen.leads);
    let leader = (0..3).find(leads).unwrap();
    let others = [(leader + 1) % 3, (leader + 2) % 3];
    (cluster, leader, others)
}

fn coins_in(cluster: &mut Cluster, node: usize, purse: &str) -> u64 {
    let purse = purse.to_owned();
    cluster.on(node, |system| async move { system.sharded::<Purse>().entity(purse).ask(Count).await.unwrap() })
}

/// One of `payer` to `purse`, both on the node.
fn pay(cluster: &mut Cluster, node: usize, payer: &str, purse: &str) -> Result<u64, AskError> {
    let (payer, purse) = (payer.to_owned(), purse.to_owned());
    cluster.on(node, |system| async move {
        let purse = system.sharded::<Purse>().entity(purse);
        system.sharded::<Payer>().entity(payer).ask(Pay(1, purse)).await
    })
}

#[test]
fn what_an_entity_sends_then_leaves_once_its_state_is_kept() {
    let (mut cluster, _, [node, other]) = cluster();
    let (payer, purse) = (entity_on::<Payer>(&mut cluster, node), entity_on::<Purse>(&mut cluster, node));
    assert_eq!(pay(&mut cluster, node, &payer, &purse).unwrap(), 1);
    assert_eq!(coins_in(&mut cluster, node, &purse), 1);
    cluster.stall(node, other);
    let paid = pay(&mut cluster, node, &payer, &purse);
    assert!(matches!(paid, Err(AskError::NotReplicated { .. })), "{paid:?}");
    assert_eq!(coins_in(&mut cluster, node, &purse), 1);
    cluster.heal();
    cluster.settle();
    assert_eq!(coins_in(&mut cluster, node, &purse), 2);
}

#[test]
fn what_an_entity_was_to_send_then_goes_with_its_activation() {
    let (mut cluster, leader, [node, other]) = cluster();
    let (payer, purse) = (entity_on::<Payer>(&mut cluster, node), entity_on::<Purse>(&mut cluster, node));
    cluster.stall(node, other);
    let paid = pay(&mut cluster, node, &payer, &purse);
    assert!(matches!(paid, Err(AskError::NotReplicated { .. })), "{paid:?}");
    cluster.partition(&[node]);
    cluster.settle();
    assert_eq!(coins_in(&mut cluster, leader, &purse), 0);
    cluster.heal();
    cluster.settle();
    assert_eq!(coins_in(&mut cluster, leader, &purse), 0);
}

#[test]
fn what_one_entity_sends_another_then_gets_to_whichever_node_that_is_on() {
    let (mut cluster, _, [node, other]) = cluster();
    let (payer, purse) = (entity_on::<Payer>(&mut cluster, node), entity_on::<Purse>(&mut cluster, other));
    for times in 1..=5 {
        assert_eq!(pay(&mut cluster, node, &payer, &purse).unwrap(), times);
    }
    cluster.run_for(Duration::from_millis(100));
    assert_eq!(coins_in(&mut cluster, node, &purse), 5);
}

#[test]
fn an_entity_whose_changes_do_not_get_to_its_backups_takes_only_so_many() {
    const MANY: usize = 1100;
    let (mut cluster, _, [node, other]) = cluster();
    let payer = entity_on::<Payer>(&mut cluster, node);
    cluster.stall(node, other);
    let id = payer.clone();
    let (early, late) = cluster.on(node, |system| async move {
        let payer = system.sharded::<Payer>().entity(id);
        let early = join_all((0..MANY).map(|_| payer.ask(Owe(1)).into_future()));
        let late = async {
            tokio::time::sleep(Duration::from_millis(400)).await;
            join_all((0..10).map(|_| payer.ask(Owe(1)).into_future())).await
        };
        tokio::join!(early, late)
    });
    assert!(early.iter().all(|answer| matches!(answer, Err(AskError::NotReplicated { .. }))), "{:?}", early[0]);
    assert!(late.iter().all(|answer| matches!(answer, Err(AskError::Unavailable { .. }))), "{late:?}");
    cluster.heal();
    cluster.settle();
    let owed = cluster.on(node, |system| async move { system.sharded::<Payer>().entity(payer).ask(Owe(0)).await.unwrap() });
    assert_eq!(owed, MANY as u64, "what was refused was not handled");
}
