//! A chat room for each name, on a cluster of three nodes: reached from each of them, and still there when its node goes.
//!
//! `cargo run -p casty-examples --example chat_room`

use std::collections::BTreeSet;

use casty::prelude::*;

#[message]
struct Join {
    who: String,
}

#[message]
struct Post {
    who: String,
    text: String,
}

#[message(reply = Vec<String>)]
struct GetMembers;

#[message(reply = Vec<(String, String)>)]
struct GetHistory;

/// The node that the room is on.
#[message(reply = String)]
struct Where;

/// A post is on one backup before who posted it goes on: any one node may die.
#[actor]
#[sharded(name = "rooms", factor = 3, sync = quorum)]
#[derive(Default)]
struct ChatRoom {
    #[casty(id)]
    name: String,
    members: BTreeSet<String>,
    history: Vec<(String, String)>,
}

#[actor]
impl ChatRoom {
    #[handler]
    fn join(&mut self, Join { who }: Join) {
        self.members.insert(who);
    }

    #[handler]
    fn post(&mut self, Post { who, text }: Post) {
        self.history.push((who, text));
    }

    #[handler]
    fn members(&self, _: GetMembers) -> Vec<String> {
        self.members.iter().cloned().collect()
    }

    #[handler]
    fn history(&self, _: GetHistory) -> Vec<(String, String)> {
        self.history.clone()
    }

    #[handler]
    fn place(&self, _: Where, ctx: &Context<Self>) -> casty::Result<String> {
        let cluster = ctx.system().cluster().ok_or("it runs in a cluster")?;
        Ok(format!("\"{}\" is on {}", self.name, cluster.node_id()))
    }
}

/// Three nodes in this process; as programs of their own they would be no different.
async fn start() -> casty::Result<Vec<ActorSystem>> {
    let one = ActorSystem::distributed("127.0.0.1:0").node_id("one").start().await?;
    let mut nodes = vec![one];
    for name in ["two", "three"] {
        let seed = nodes[0].cluster().ok_or("it is a node")?.address().to_owned();
        nodes.push(ActorSystem::distributed("127.0.0.1:0").node_id(name).seeds([seed]).start().await?);
    }
    Ok(nodes)
}

#[casty::main]
async fn main(_: ActorSystem) -> casty::Result<()> {
    let mut nodes = start().await?;
    for (node, who) in nodes.iter().zip(["ada", "grace", "edsger"]) {
        let room = node.sharded::<ChatRoom>().entity("general");
        room.send(Join { who: who.into() }).await?;
        room.send(Post { who: who.into(), text: format!("hello, {who} here") }).await?;
    }
    let place = nodes[0].sharded::<ChatRoom>().entity("general").ask(Where).await?;
    println!("{place}");

    // Its node goes. (A node that is killed is no different, but that it takes a second to be missed.)
    let at = nodes.iter().position(|node| node.cluster().is_some_and(|cluster| place.ends_with(cluster.node_id().as_str())));
    nodes.remove(at.ok_or("it is on one of them")?).shutdown().await;

    let room = nodes[0].sharded::<ChatRoom>().entity("general");
    println!("{}", room.ask(Where).await?);
    println!("members: {}", room.ask(GetMembers).await?.join(", "));
    for (who, text) in room.ask(GetHistory).await? {
        println!("{who}: {text}");
    }
    for node in nodes.iter().rev() {
        node.shutdown().await;
    }
    Ok(())
}
