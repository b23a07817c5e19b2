//! One bad moment: which faults, on whom, for how long.

use std::{thread::sleep, time::Duration};

use casty_tests::random::Random;

use crate::{
    check::NAMES,
    nodes::{COUNT, Nodes, name},
};

/// One or two faults at a time, and names that come and go meanwhile. Returns how many nodes lost what they had in memory.
pub(crate) fn round(nodes: &mut Nodes, random: &mut Random, memory: bool) -> Result<usize, String> {
    let mut killed = 0;
    for fault in 0..random.between(1, 2) {
        killed += one(nodes, random, memory, !memory || fault == 0)?;
        let time = random.between(100, 4000);
        churn(nodes, random);
        sleep(Duration::from_millis(time));
    }
    Ok(killed)
}

fn one(nodes: &mut Nodes, random: &mut Random, memory: bool, may_kill: bool) -> Result<usize, String> {
    let list = |chosen: &[usize]| chosen.iter().map(|node| name(*node)).collect::<Vec<_>>().join(", ");
    let mut killed = 0;
    match random.below(7) {
        0 | 1 if may_kill => {
            // Most of the time no more than every register survives.
            let count = if memory { 1 } else { [1, 1, 1, 1, 2, 3][random.below(6)] };
            let victims = random.some(COUNT, count);
            killed = count;
            nodes.note("kill", format!("kill {}", list(&victims)));
            victims.iter().for_each(|node| nodes.kill(*node));
            // Half of the time, some are back before anybody has noticed.
            if random.below(2) == 0 {
                sleep(Duration::from_millis(random.between(0, 300)));
                nodes.note("restart at once", format!("restart {}", name(victims[0])));
                nodes.start(victims[0])?;
            }
        }
        2 => {
            let count = random.between(1, 2) as usize;
            let victims = random.some(COUNT, count);
            nodes.note("pause", format!("pause {}", list(&victims)));
            for node in victims {
                if let Some(process) = &nodes.running[node] {
                    process.pause();
                }
            }
        }
        3 => {
            let size = random.between(1, 2) as usize;
            let minority = random.some(COUNT, size);
            nodes.note("cut off", format!("cut off {}", list(&minority)));
            for node in 0..COUNT {
                for other in (0..COUNT).filter(|other| minority.contains(&node) != minority.contains(other)) {
                    nodes.topology.cut(node, other)?;
                }
            }
        }
        4 => {
            let node = random.below(COUNT);
            let hears = random.below(2) == 0;
            nodes.note("one way", format!("{} {}", name(node), if hears { "is heard by nobody" } else { "hears nobody" }));
            for other in (0..COUNT).filter(|other| *other != node) {
                let (from, to) = if hears { (node, other) } else { (other, node) };
                nodes.topology.cut(from, to)?;
            }
        }
        5 => {
            let pair = random.some(COUNT, 2);
            let both = random.below(2) == 0;
            let way = if both { "do not hear each other" } else { "do not: the second does not hear the first" };
            nodes.note("pair", format!("{} {way}", list(&pair)));
            nodes.topology.cut(pair[0], pair[1])?;
            if both {
                nodes.topology.cut(pair[1], pair[0])?;
            }
        }
        _ => {
            let percent = random.between(5, 40);
            let node = random.below(COUNT);
            nodes.note("loss", format!("{} loses {percent} % of what it is sent", name(node)));
            nodes.topology.lose(node, percent)?;
        }
    }
    Ok(killed)
}

/// Orders whose answers nobody waits for.
fn churn(nodes: &mut Nodes, random: &mut Random) {
    for _ in 0..6 {
        let (node, name) = (random.below(COUNT), NAMES[random.below(NAMES.len())]);
        let verb = if random.below(3) == 0 { "drop" } else { "claim" };
        if let Some(process) = &mut nodes.running[node] {
            process.order(&format!("{verb} {name}"));
        }
    }
}
