//! Faults that come one after the other: whoever serves an entity is struck, and nodes that stop again and again.

use std::time::Duration;

use casty::testkit::Cluster;

use crate::{
    book::Book,
    calls,
    faults::Faults,
    ledgers::{CHANGED, LEDGERS, Name},
    mortals::MORTALS,
};

/// Whoever serves an entity is struck, and then whoever serves it next, while what was sent to one of the others is held up.
pub(crate) struct Hunt {
    name: Name,
    left: usize,
    /// When it goes on.
    at: Duration,
    /// Whom it was after last.
    last: Option<usize>,
    /// Who is about to be struck.
    aim: Option<usize>,
    /// First a change comes to one backup only, and nobody is told of it; then that one serves, and is asked, and nothing that
    /// it sends comes to the others.
    is_ambush: bool,
}

/// A node that stops and goes on, again and again.
pub(crate) struct Flicker {
    node: usize,
    /// How often still.
    left: usize,
    at: Duration,
}

impl Hunt {
    fn slot(&self) -> u16 {
        Cluster::slot_of(self.name.0, self.name.1)
    }
}

impl Faults {
    pub(crate) fn begin_hunt(&mut self, cluster: &mut Cluster, book: &Book) {
        let names: Vec<_> = LEDGERS.iter().chain(&MORTALS).collect();
        // Of what is on all backups before it is answered, more may be lost at once.
        let all: Vec<_> = LEDGERS.iter().filter(|(kind, _)| *kind == "all").collect();
        let names = if self.dice.percent(40) { all } else { names };
        let &name = self.dice.pick(&names).expect("there are some");
        let (left, at, kind) = (1 + self.dice.below(3), cluster.elapsed(), name.0);
        let is_ambush = kind == "all" && !self.plan.gentle && self.dice.percent(50);
        let left = if is_ambush { 2 } else { left };
        self.hunts.push(Hunt { name, left, at, last: None, aim: None, is_ambush });
        // Whoever takes over has to go by what was asked until then. In a gentle run nobody crashes before all slots follow.
        if CHANGED.contains(&kind) && !self.plan.gentle && self.dice.percent(40) {
            if self.dice.percent(50) { self.raise_all(cluster, book) } else { self.change_settings(cluster, book, kind) }
        }
    }

    pub(crate) fn hunt(&mut self, cluster: &mut Cluster, book: &Book) {
        let now = cluster.elapsed();
        for mut hunt in std::mem::take(&mut self.hunts) {
            if now >= hunt.at {
                hunt.at = now + Duration::from_millis(if hunt.is_ambush { 0 } else { 3 });
                if let Some(node) = hunt.aim.take() {
                    (hunt.last, hunt.left) = (Some(node), hunt.left - 1);
                    self.tell(cluster, format!("{node} is struck, which served slot {}", hunt.slot()));
                    if hunt.is_ambush { self.crash(cluster, book, node) } else { self.hit(cluster, book, node) }
                } else if let Some(node) = (0..cluster.size()).find(|node| cluster.serves(*node, hunt.slot()))
                    && hunt.last != Some(node)
                {
                    hunt.aim = Some(node);
                    if hunt.is_ambush {
                        hunt.at = now + self.dice.millis(20, 100);
                        self.lie_in_wait(cluster, book, node, &hunt);
                    } else {
                        hunt.at = now + self.dice.millis(0, 150);
                        self.hold_up(cluster, node, hunt.slot());
                    }
                }
            }
            if hunt.left > 0 {
                self.hunts.push(hunt);
            }
        }
    }

    fn backups(cluster: &Cluster, primary: usize, slot: u16) -> Vec<usize> {
        let mut backups = cluster.slot_members(primary, slot);
        backups.retain(|member| *member != primary);
        backups
    }

    /// What the primary sends comes to some of its backups only, and takes long between those.
    fn hold_up(&mut self, cluster: &mut Cluster, primary: usize, slot: u16) {
        let mut backups = Self::backups(cluster, primary, slot);
        let Some(one) = self.dice.pick(&backups) else { return };
        if self.dice.percent(60) {
            self.tell(cluster, format!("the link of {primary} and {one} stalls"));
            cluster.stall(primary, one);
        }
        backups.retain(|backup| *backup != one);
        if let Some(other) = self.dice.pick(&backups).filter(|_| self.dice.percent(50)) {
            let most = self.dice.millis(50, 500);
            self.tell(cluster, format!("the link of {one} and {other} takes up to {most:?}"));
            self.slow = true;
            cluster.delay(one, other, most);
        }
    }

    /// What the first primary does now is on the backup that serves next, and on no other; that one is asked for it at once.
    fn lie_in_wait(&mut self, cluster: &mut Cluster, book: &Book, primary: usize, hunt: &Hunt) {
        let is_first = hunt.last.is_none();
        for backup in Self::backups(cluster, primary, hunt.slot()).into_iter().skip(is_first.into()) {
            self.tell(cluster, format!("the link of {primary} and {backup} stalls"));
            cluster.stall(primary, backup);
        }
        let (book, name) = (book.clone(), hunt.name);
        drop(cluster.begin(primary, move |system| calls::call_once(system, primary, book, name, is_first)));
    }

    fn hit(&mut self, cluster: &mut Cluster, book: &Book, node: usize) {
        match self.dice.below(7) {
            0..2 => {
                self.tell(cluster, format!("{node} is cut off"));
                cluster.partition(&[node]);
            }
            2..5 => self.crash(cluster, book, node),
            5 => self.flickers(cluster, node),
            _ => self.go(cluster, node),
        }
    }

    pub(crate) fn flickers(&mut self, cluster: &mut Cluster, node: usize) {
        if cluster.is_running(node) {
            let left = 2 + 2 * self.dice.below(3);
            self.flickers.push(Flicker { node, left, at: cluster.elapsed() });
        }
    }

    pub(crate) fn flicker(&mut self, cluster: &mut Cluster) {
        let now = cluster.elapsed();
        for mut flicker in std::mem::take(&mut self.flickers) {
            if now >= flicker.at {
                flicker.left -= 1;
                let node = flicker.node;
                if flicker.left.is_multiple_of(2) {
                    self.tell(cluster, format!("{node} goes on"));
                    cluster.resume(node);
                    flicker.at = now + self.dice.millis(2, 150);
                } else {
                    self.tell(cluster, format!("{node} stops for a while"));
                    cluster.pause(node);
                    flicker.at = now + self.dice.millis(300, if self.plan.fast { 1200 } else { 2500 });
                }
            }
            if flicker.left > 0 {
                self.flickers.push(flicker);
            }
        }
    }
}
