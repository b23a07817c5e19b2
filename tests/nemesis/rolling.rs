//! All nodes are restarted in good order, one after the other, while clients on the others call registers.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use casty_tests::ledgers::record::now;

use crate::{
    check::{self, field},
    nodes::{COUNT, Nodes, name},
    registers::{Call, Registers},
};

/// How long a node may take to end, and to have its share again.
const BOUND: Duration = Duration::from_secs(60);
const ANSWER: Duration = Duration::from_secs(8);
/// How long clients call before and after a restart.
const CALM: Duration = Duration::from_secs(3);
/// How long nothing must move for all to have what they are to have.
const STILL: Duration = Duration::from_millis(500);
const SLOTS: usize = 1024;

pub(crate) fn restart(nodes: &mut Nodes, registers: &mut Registers) -> Result<(), String> {
    until_settled(nodes)?;
    let mut failures = Vec::new();
    for node in 0..COUNT {
        nodes.load_all_but(node);
        sleep(CALM);
        let (from, begun) = (now(), Instant::now());
        nodes.note("restart", name(node));
        nodes.end(node, BOUND)?;
        let ended = begun.elapsed();
        nodes.start(node)?;
        let settled = until_settled(nodes)?.duration_since(begun);
        let until = from + settled.as_nanos() as u64;
        sleep(CALM);
        nodes.rest()?;
        registers.read(nodes)?;
        let (during, apart): (Vec<_>, Vec<_>) = registers.calls.iter().partition(|call| (from..until).contains(&call.began));
        println!(
            "{} {}: ended after {:.2} s, has its share after {:.2} s; {}; before and after {}",
            nodes.time(),
            name(node),
            ended.as_secs_f64(),
            settled.as_secs_f64(),
            delays(&during),
            delays(&apart),
        );
        let failed = registers.calls.iter().filter_map(|call| call.result.as_ref().err());
        failures.extend(failed.map(|why| format!("{} restarted: {why}", name(node))));
        registers.check(nodes, None, 0)?;
        registers.balance(nodes, 0, false)?;
    }
    println!("failed asks: {}", failures.len());
    failures.iter().take(20).for_each(|failure| println!("  {failure}"));
    if failures.is_empty() { Ok(()) } else { Err(format!("{} asks failed while nodes were restarted", failures.len())) }
}

/// Waits until all are members, and each serves about its share of all entities, for a while the same. Returns since when.
fn until_settled(nodes: &mut Nodes) -> Result<Instant, String> {
    let begun = Instant::now();
    let (mut last, mut since) = (Vec::new(), begun);
    loop {
        let wrong = match check::members(nodes) {
            Ok(()) => {
                let said = nodes.ask_all("status", ANSWER);
                let slots: Vec<usize> = said.iter().map(|said| field(said, "slots").parse().unwrap_or_default()).collect();
                let is_even = slots.iter().sum::<usize>() == SLOTS && slots.iter().all(|slots| *slots >= SLOTS / COUNT * 3 / 4);
                let wrong = format!("they serve {slots:?}");
                if slots != last {
                    (last, since) = (slots, Instant::now());
                } else if is_even && since.elapsed() > STILL {
                    return Ok(since);
                }
                wrong
            }
            Err(wrong) => wrong,
        };
        if begun.elapsed() > BOUND {
            return Err(format!("not settled within {BOUND:?}: {wrong}"));
        }
        sleep(Duration::from_millis(50));
    }
}

fn delays(calls: &[&Call]) -> String {
    let mut delays: Vec<u64> = calls.iter().map(|call| (call.ended - call.began) / 1000).collect();
    delays.sort_unstable();
    let [.., max] = delays[..] else { return "no asks".into() };
    let at = |percent: usize| delays[(delays.len() - 1) * percent / 100] as f64 / 1000.0;
    format!("{} asks, p50 {:.1} p99 {:.1} max {:.1} ms", delays.len(), at(50), at(99), max as f64 / 1000.0)
}
