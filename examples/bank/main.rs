//! Money goes from account to account on three nodes, one of which goes and comes back: in the end there is as much as before.
//!
//! A transfer changes two accounts, which no one message can do. So it is an entity itself: it keeps what it is to do and
//! how far it has come, and each of its steps can be taken again, since the accounts know which transfers they have seen.
//!
//! Its nodes are in this process, and go in good order. That the total holds when nodes are killed with SIGKILL, paused and cut off
//! under such transfers is checked by `tests/nemesis`, whose nodes are processes.
//!
//! `cargo run -p casty-examples --example bank`

mod transfers;

use casty::prelude::*;
use tokio::task::JoinSet;

use crate::transfers::{Account, Deposit, GetBalance, transfer};

const ACCOUNTS: [&str; 4] = ["ada", "barbara", "edsger", "grace"];
const BALANCE: u64 = 100;

/// Makes so many transfers, from account to account in turn. Returns how many were made.
async fn client(node: ActorSystem, name: &str, count: usize) -> usize {
    let mut made = 0;
    for number in 0..count {
        let (from, to) = (ACCOUNTS[number % 4], ACCOUNTS[(number + 1 + number / 4 % 3) % 4]);
        let amount = 10 + number as u64 % 7 * 15;
        made += usize::from(transfer(&node, &format!("{name}-{number}"), from, to, amount).await);
    }
    made
}

async fn start(name: &str, seeds: &[String]) -> casty::Result<ActorSystem> {
    Ok(ActorSystem::distributed("127.0.0.1:0").node_id(name).seeds(seeds).start().await?)
}

#[casty::main]
async fn main(_: ActorSystem) -> casty::Result<()> {
    let one = start("one", &[]).await?;
    let seeds = [one.cluster().ok_or("it is a node")?.address().to_owned()];
    let (two, mut three) = (start("two", &seeds).await?, start("three", &seeds).await?);
    for account in ACCOUNTS {
        one.sharded::<Account>().entity(account).ask(Deposit { id: "opening".into(), amount: BALANCE }).await?;
    }

    let mut clients = JoinSet::new();
    for (node, name) in [(&one, "a"), (&one, "b"), (&two, "c"), (&two, "d")] {
        clients.spawn(client(node.clone(), name, 200));
    }
    // Whatever is on it goes on elsewhere, and some of it comes back. (A node that is killed is no different: what was answered
    // is on another, and what was not is asked for again.)
    for _ in 0..2 {
        three.shutdown().await;
        println!("three has gone");
        three = start("three", &seeds).await?;
        println!("three is back");
    }
    let made: usize = clients.join_all().await.iter().sum();

    let mut total = 0;
    for account in ACCOUNTS {
        let balance = three.sharded::<Account>().entity(account).ask(GetBalance).await?;
        println!("{account} has {balance}");
        total += balance;
    }
    println!("{made} transfers, {} refused; {total} in all", 800 - made);
    assert_eq!(total, BALANCE * ACCOUNTS.len() as u64);
    for node in [three, two, one] {
        node.shutdown().await;
    }
    Ok(())
}
