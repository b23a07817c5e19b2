//! Three nodes as processes of their own, one of which is killed, and the others go on.
//!
//! `cargo run -p casty-examples --example cluster`, or with `-- --kill-leader` at the end, to kill the node that leads.
//!
//! What each node does is in `node.rs`. This file is the play that they are in: it starts them, tells them what to do
//! through their standard input, and watches what they say. It ends with an error if something does not come about.

mod node;
mod stage;

use std::{process::ExitCode, time::Duration};

use stage::{Problem, Stage};

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("node") => node::main(),
        None => report(play(false)),
        Some("--kill-leader") => report(play(true)),
        Some(_) => {
            eprintln!("usage: cluster [--kill-leader]");
            ExitCode::from(2)
        }
    }
}

fn report(outcome: Result<(), Problem>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("Error: {problem}");
            ExitCode::FAILURE
        }
    }
}

const NODES: [&str; 3] = ["node-1", "node-2", "node-3"];
const SOON: Duration = Duration::from_secs(10);

fn play(kill_leader: bool) -> Result<(), Problem> {
    let mut stage = Stage::default();
    stage.say("three nodes start; the first is the seed of the others");
    stage.start(NODES[0], "")?;
    stage.until("node-1 listens", SOON, |stage| stage.address(NODES[0]).is_some())?;
    let seed = stage.address(NODES[0]).unwrap_or_default().to_owned();
    stage.start(NODES[1], &seed)?;
    stage.start(NODES[2], &seed)?;
    stage.until("all three are members and know who leads", SOON, |stage| {
        stage.leader(&NODES).is_some() && NODES.iter().all(|node| stage.members(node) == NODES)
    })?;

    let leader = stage.leader(&NODES).unwrap_or_default().to_owned();
    let victim = NODES.into_iter().find(|node| (*node == leader) == kill_leader).unwrap_or_default();
    let rest: Vec<_> = NODES.into_iter().filter(|node| *node != victim).collect();
    stage.say(&format!("{victim} opens a counter; the others find it by its name and ask it"));
    stage.tell(victim, "open")?;
    stage
        .until("the counter answers everybody", SOON, |stage| NODES.iter().all(|node| stage.answered_by(node) == Some(victim)))?;
    // For the eye: a few more answers.
    stage.watch(Duration::from_millis(800))?;

    stage.say(&format!("{victim} is killed{}", if kill_leader { "; it leads" } else { "" }));
    stage.kill(victim)?;
    stage.until("the others agree that it is down, and somebody leads", SOON, |stage| {
        rest.iter().all(|node| stage.members(node) == rest) && stage.leader(&rest).is_some_and(|leader| leader != victim)
    })?;

    let heir = rest[1];
    stage.say(&format!("the counter is gone with its node, and its name is free: {heir} opens a new one"));
    stage.tell(heir, "open")?;
    stage
        .until("the new counter answers the rest", SOON, |stage| rest.iter().all(|node| stage.answered_by(node) == Some(heir)))?;
    stage.watch(Duration::from_millis(800))?;

    stage.say("the rest leave in good order");
    for node in &rest {
        stage.tell(node, "quit")?;
        stage.ended(node, SOON)?;
    }
    stage.say("done");
    Ok(())
}
