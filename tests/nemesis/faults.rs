//! One bad moment: which faults, on whom, for how long.

use std::{thread::sleep, time::Duration};

use crate::{
    check::NAMES,
    nodes::{COUNT, Nodes, name},
    random::Random,
};

/// One or two faults at a time, and names that come and go meanwhile.
pub(crate) fn round(nodes: &mut Nodes, random: &mut Random, memory: bool) -> Result<(), String> {
    for fault in 0..random.between(1, 2) {
        one(nodes, random, memory, !memory || fault == 0)?;
        let time = random.between(100, 4000);
        churn(nodes, random);
        sleep(Duration::from_millis(time));
    }
    Ok(())
}

fn one(nodes: &mut Nodes, random: &mut Random, memory: bool, may_kill: bool) -> Result<(), String> {
    let list = |chosen: &[usize]| chosen.iter().map(|node| name(*node)).collect::<Vec<_>>().join(", ");
    let say = |nodes: &Nodes, text: String| println!("{}   {text}", nodes.time());
    match random.below(7) {
        0 | 1 if may_kill => {
            let count = if memory { 1 } else { random.between(1, 3) as usize };
            let victims = random.some(COUNT, count);
            say(nodes, format!("kill {}", list(&victims)));
            victims.iter().for_each(|node| nodes.kill(*node));
            // Half of the time, some are back before anybody has noticed.
            if random.below(2) == 0 {
                sleep(Duration::from_millis(random.between(0, 300)));
                say(nodes, format!("restart {}", name(victims[0])));
                nodes.start(victims[0])?;
            }
        }
        2 => {
            let count = random.between(1, 2) as usize;
            let victims = random.some(COUNT, count);
            say(nodes, format!("pause {}", list(&victims)));
            for node in victims {
                if let Some(process) = &nodes.running[node] {
                    process.pause();
                }
            }
        }
        3 => {
            let size = random.between(1, 2) as usize;
            let minority = random.some(COUNT, size);
            say(nodes, format!("cut off {}", list(&minority)));
            for node in 0..COUNT {
                for other in (0..COUNT).filter(|other| minority.contains(&node) != minority.contains(other)) {
                    nodes.topology.cut(node, other)?;
                }
            }
        }
        4 => {
            let node = random.below(COUNT);
            let hears = random.below(2) == 0;
            say(nodes, format!("{} {}", name(node), if hears { "is heard by nobody" } else { "hears nobody" }));
            for other in (0..COUNT).filter(|other| *other != node) {
                let (from, to) = if hears { (node, other) } else { (other, node) };
                nodes.topology.cut(from, to)?;
            }
        }
        5 => {
            let pair = random.some(COUNT, 2);
            let both = random.below(2) == 0;
            let way = if both { "do not hear each other" } else { "do not: the second does not hear the first" };
            say(nodes, format!("{} {way}", list(&pair)));
            nodes.topology.cut(pair[0], pair[1])?;
            if both {
                nodes.topology.cut(pair[1], pair[0])?;
            }
        }
        _ => {
            let percent = random.between(5, 40);
            let node = random.below(COUNT);
            say(nodes, format!("{} loses {percent} % of what it is sent", name(node)));
            nodes.topology.lose(node, percent)?;
        }
    }
    Ok(())
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
