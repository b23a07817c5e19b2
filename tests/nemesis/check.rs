//! What has to be so once all is healed: all nodes up for all, one leader, leases for all, one holder of each name whom all
//! find, and names that can be taken by those who ask.

use std::{
    collections::BTreeSet,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::nodes::{COUNT, Nodes, name};

/// The names that come and go.
pub(crate) const NAMES: [&str; 4] = ["alpha", "beta", "gamma", "delta"];
/// How long things may take to be right.
const BOUND: Duration = Duration::from_secs(40);
const ANSWER: Duration = Duration::from_secs(8);

/// Waits until all is right, and stays so. Returns how long that took.
pub(crate) fn right(nodes: &mut Nodes) -> Result<Duration, String> {
    let begun = Instant::now();
    loop {
        let wrong = match members(nodes).and_then(|()| names(nodes)).and_then(|()| members(nodes)) {
            Ok(()) => {
                let took = begun.elapsed();
                return registrations(nodes).map(|()| took);
            }
            Err(wrong) => wrong,
        };
        if begun.elapsed() > BOUND {
            return Err(format!("not right within {BOUND:?}: {wrong}"));
        }
        sleep(Duration::from_millis(100));
    }
}

pub(crate) fn field<'a>(status: &'a str, key: &str) -> &'a str {
    status.split(' ').find_map(|part| part.strip_prefix(key)?.strip_prefix('=')).unwrap_or_default()
}

pub(crate) fn members(nodes: &mut Nodes) -> Result<(), String> {
    let said = nodes.ask_all("status", ANSWER);
    let all = (0..COUNT).map(name).collect::<Vec<_>>().join(",");
    let leaders: BTreeSet<_> = said.iter().map(|status| field(status, "leader")).collect();
    let right = said.iter().all(|status| {
        field(status, "up") == all
            && field(status, "down").is_empty()
            && field(status, "away").is_empty()
            && field(status, "lease") == "true"
    });
    if right && leaders.len() == 1 && !leaders.contains("nobody") { Ok(()) } else { Err(format!("members: {said:?}")) }
}

fn names(nodes: &mut Nodes) -> Result<(), String> {
    for name in NAMES {
        let found = nodes.ask_all(&format!("who {name}"), ANSWER);
        let statuses = nodes.ask_all("status", ANSWER);
        let holders = statuses.iter().filter(|status| field(status, "holds").split(',').any(|held| held == name));
        let holders: Vec<_> = holders.map(|status| field(status, "node")).collect();
        let expected = match &holders[..] {
            [] => "nobody",
            [one] => one,
            _ => return Err(format!("{name} is held by {holders:?}")),
        };
        if found.iter().any(|found| found != expected) {
            return Err(format!("{name} is held by {expected}, and the nodes say {found:?}"));
        }
    }
    Ok(())
}

/// All ask for a new name at once: one gets it. Then it is given up again.
fn registrations(nodes: &mut Nodes) -> Result<(), String> {
    let claimed = nodes.ask_all("claim prize", ANSWER);
    let winners = claimed.iter().filter(|answer| *answer == "claimed").count();
    let losers = claimed.iter().filter(|answer| answer.starts_with("taken by")).count();
    nodes.ask_all("drop prize", ANSWER);
    if winners == 1 && losers == COUNT - 1 { Ok(()) } else { Err(format!("a name was asked for by all: {claimed:?}")) }
}
