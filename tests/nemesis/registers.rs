//! What clients did to registers, and whether that can be.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use casty::testkit::Cluster;
use casty_tests::ledgers::{
    Done, Op, Operation, Outcome, kept,
    record::{Name, Record, Transfer},
    twice,
};

use crate::nodes::{COUNT, Nodes};

/// How long a register may take to answer once all is healed.
const BOUND: Duration = Duration::from_secs(20);
const ANSWER: Duration = Duration::from_secs(8);

#[derive(Debug, Default)]
pub(crate) struct Registers {
    of: BTreeMap<Name, Register>,
    /// How much of each node's records has been read.
    read: [u64; COUNT],
    /// How many calls there were, by what came of them.
    pub(crate) outcomes: BTreeMap<String, usize>,
    pub(crate) begun: usize,
    pub(crate) checked: usize,
    pub(crate) lost: usize,
    /// Transfers that have not come to an end, by their ids, and how many have.
    open: BTreeMap<String, Transfer>,
    pub(crate) made: usize,
    /// Those that ended, of what was read last.
    pub(crate) calls: Vec<Call>,
}

/// When it began and ended, in nanoseconds, and whether all was well.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) began: u64,
    pub(crate) ended: u64,
    pub(crate) result: Result<(), String>,
}

#[derive(Debug, Default)]
struct Register {
    /// What had been done when it was last checked.
    done: Vec<Done>,
    /// What clients did since, and what may have its effect yet.
    operations: Vec<Operation>,
    open: HashMap<Op, usize>,
    /// What had been done may be lost.
    lost: bool,
}

impl Registers {
    /// How many were never answered: whoever called was killed.
    pub(crate) fn endless(&self) -> usize {
        self.begun - self.outcomes.values().sum::<usize>()
    }

    /// Reads what clients wrote down since.
    pub(crate) fn read(&mut self, nodes: &Nodes) -> Result<(), String> {
        self.calls.clear();
        for node in 0..COUNT {
            let path = nodes.records(node);
            let text = tail(&path, self.read[node]).map_err(|error| format!("{}: {error}", path.display()))?;
            self.read[node] += text.len() as u64;
            // A line that does not read is one that its writer was killed in.
            text.lines().filter_map(|line| serde_json::from_str(line).ok()).for_each(|record| self.add(record));
        }
        Ok(())
    }

    fn add(&mut self, record: Record) {
        match record {
            Record::Transfer(transfer) => drop(self.open.insert(transfer.id.clone(), transfer)),
            Record::Made(id) => {
                self.open.remove(&id);
                self.made += 1;
            }
            Record::Begun { entity, op, act, at } => {
                self.begun += 1;
                let register = self.of.entry(entity).or_default();
                register.open.insert(op, register.operations.len());
                register.operations.push(Operation { op, act, together: at, began: at, ended: None });
            }
            Record::Ended { entity, op, at, outcome } => {
                let register = self.of.entry(entity).or_default();
                let Some(operation) = register.open.remove(&op).and_then(|index| register.operations.get_mut(index)) else {
                    return;
                };
                let (kind, result) = match &outcome {
                    Outcome::Answered(_) | Outcome::Kept => ("ok", Ok(())),
                    Outcome::NotHandled(why) | Outcome::Unknown(why) => {
                        (why.split(':').next().unwrap_or_default(), Err(why.clone()))
                    }
                };
                *self.outcomes.entry(kind.to_owned()).or_default() += 1;
                self.calls.push(Call { began: operation.began, ended: at, result });
                operation.ended = Some((at, outcome));
            }
        }
    }

    /// Asks the registers of a generation, or all, on every node, for what was done to them, and checks it. Nobody calls them
    /// meanwhile. `kills` is how many nodes lost their copies lately.
    pub(crate) fn check(&mut self, nodes: &mut Nodes, generation: Option<u64>, kills: usize) -> Result<bool, String> {
        let prefix = generation.map(|generation| format!("{generation}-"));
        let is_of = |name: &Name| name.0 == "only" || prefix.as_ref().is_none_or(|prefix| name.1.starts_with(prefix));
        let names: Vec<Name> = self.of.keys().filter(|name| is_of(name)).cloned().collect();
        let mut any_lost = false;
        for name in names {
            let (done, lost) = tell(nodes, &name).map_err(|why| {
                let placed = nodes.ask_all(&format!("slot {}", slot(&name)), ANSWER);
                self.history(&name, &format!("{why}; {placed:?}"))
            })?;
            if lost {
                any_lost = true;
                self.lost += 1;
                if kills <= survives(&name.0) {
                    let why = format!("its state is said to be lost, and {kills} nodes were killed lately");
                    return Err(self.history(&name, &why));
                }
                // It is accepted slot by slot.
                let slot = slot(&name);
                self.of.iter_mut().filter(|(other, _)| slot_is(other, slot)).for_each(|(_, register)| register.lost = true);
            }
            let Some(register) = self.of.get_mut(&name) else { continue };
            let checked = register.check(done);
            self.checked += 1;
            checked.map_err(|why| self.history(&name, &why))?;
        }
        Ok(any_lost)
    }

    /// Transfers that whoever began them did not finish are finished, and then there is as much as there was. With `loss`
    /// accounts may have been lost, and nothing can be said.
    pub(crate) fn balance(&mut self, nodes: &mut Nodes, generation: u64, loss: bool) -> Result<(), String> {
        let open = std::mem::take(&mut self.open);
        if loss {
            return Ok(());
        }
        for transfer in open.values() {
            let order = serde_json::to_string(transfer).map_err(|error| error.to_string())?;
            patiently(nodes, &format!("transfer {order}"), |said| said.starts_with("made Some"))?;
            self.made += 1;
        }
        let surplus = patiently(nodes, &format!("surplus {generation}"), |said| said.parse::<i64>().is_ok())?;
        if surplus == "0" {
            Ok(())
        } else {
            Err(format!("in the accounts of generation {generation} there is {surplus} more than there was"))
        }
    }

    /// What went wrong, and what was done to the register since it was last checked.
    fn history(&self, name: &Name, why: &str) -> String {
        let register = &self.of[name];
        let text = |it: &Operation| {
            let ended = it.ended.as_ref().map(|(at, outcome)| format!("{at} {outcome:?}"));
            format!("{}..{} {} {:?}", it.began, ended.as_deref().unwrap_or("no end"), it.op, it.act)
        };
        let operations: Vec<_> = register.operations.iter().map(text).collect();
        let path = std::env::temp_dir().join(format!("casty-nemesis-{}.history", std::process::id()));
        let written = std::fs::write(&path, format!("{why}\n{:?}\n{}\n", register.done, operations.join("\n")));
        let at = written.map_or_else(|error| error.to_string(), |()| path.display().to_string());
        let why: String = why.chars().take(1500).collect();
        format!("{} {:?}, slot {}: {why}; its history: {at}", name.0, name.1, slot(name))
    }
}

impl Register {
    fn check(&mut self, done: Vec<Done>) -> Result<(), String> {
        if std::mem::take(&mut self.lost) {
            // What was told before fits together all the same.
            kept::marks(&self.operations)?;
        } else {
            kept::check(&self.operations, &self.done, &done)?;
            twice::check(&self.operations, &done)?;
        }
        let was_done: std::collections::HashSet<Op> = done.iter().map(|it| it.op).collect();
        self.operations.retain(|it| {
            let may_come = !matches!(&it.ended, Some((_, Outcome::Answered(_) | Outcome::Kept)));
            may_come && !was_done.contains(&it.op)
        });
        self.open.clear();
        self.done = done;
        Ok(())
    }
}

/// How many copies may be lost at once.
fn survives(kind: &str) -> usize {
    if kind == "all" { 2 } else { 1 }
}

fn slot((kind, id): &Name) -> u16 {
    Cluster::slot_of(kind, id)
}

fn slot_is(name: &Name, wanted: u16) -> bool {
    slot(name) == wanted
}

fn tail(path: &Path, from: u64) -> std::io::Result<String> {
    let mut text = Vec::new();
    if path.exists() {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(from))?;
        file.read_to_end(&mut text)?;
    }
    // What is read is whole lines: nobody writes now.
    String::from_utf8(text).map_err(std::io::Error::other)
}

/// Gives an order to one node after the other until the answer is right.
fn patiently(nodes: &mut Nodes, order: &str, is_right: impl Fn(&str) -> bool) -> Result<String, String> {
    let begun = Instant::now();
    loop {
        for node in 0..COUNT {
            let said = nodes.running[node].as_mut().and_then(|process| process.ask(order, ANSWER)).unwrap_or_default();
            if is_right(&said) {
                return Ok(said);
            }
            if begun.elapsed() > BOUND {
                return Err(format!("{order}: after {BOUND:?} {} says {said}", crate::nodes::name(node)));
            }
        }
    }
}

/// What was done to a register, as all nodes say, and whether some of it was said to be lost before. That is accepted.
fn tell(nodes: &mut Nodes, (kind, id): &Name) -> Result<(Vec<Done>, bool), String> {
    let begun = Instant::now();
    let mut lost = false;
    loop {
        let said = nodes.ask_all(&format!("tell {kind} {id}"), ANSWER);
        let told: Option<Vec<Vec<Done>>> = said.iter().map(|said| serde_json::from_str(said).ok()).collect();
        if let Some(mut told) = told {
            let first = told.remove(0);
            return match told.iter().find(|other| **other != first) {
                None => Ok((first, lost)),
                Some(other) => Err(format!("one node is told that {} were done, another {}", first.len(), other.len())),
            };
        }
        if let Some(node) = said.iter().position(|said| said == "lost") {
            lost = true;
            if let Some(process) = &mut nodes.running[node] {
                process.ask(&format!("accept {kind} {id}"), ANSWER);
            }
        }
        if begun.elapsed() > BOUND {
            let said: Vec<String> = said.iter().map(|said| said.chars().take(160).collect()).collect();
            return Err(format!("it does not answer within {BOUND:?}: {said:?}"));
        }
        sleep(Duration::from_millis(100));
    }
}
