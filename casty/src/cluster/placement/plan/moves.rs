//! What is done a few slots at a time: what leaving nodes have goes to others, what was begun is finished, and nodes with
//! more than others give to those with less.

use super::sketch::{Number, Sketch, Standing};

impl Sketch<'_> {
    /// Each step is taken only while fewer slots than `moves` are moving, and with a slot that is not.
    pub(super) fn make_moves(&mut self, moves: usize) {
        let moving = self.places.iter().filter(|place| place.standing == Standing::Moving).count();
        let mut room = moves.saturating_sub(moving);
        if room == 0 || self.staying.is_empty() {
            return;
        }
        self.expect_successors();
        self.make_way(&mut room);
        self.renew(&mut room);
        // What they have is still to be shared out. Who has too few without it may have enough then.
        let leaving = (0..self.load.len()).any(|node| self.leaves(node) && self.load[node] > 0);
        if room == 0 || leaving {
            return;
        }
        self.finish(&mut room);
        self.even_primaries(&mut room);
        self.even_backups(&mut room);
    }

    fn slots(&self, standing: Standing) -> Vec<usize> {
        (0..self.places.len()).filter(|slot| self.places[*slot].standing == standing).collect()
    }

    fn primary_leaves(&self, slot: usize) -> bool {
        self.leaves(self.places[slot].members[0])
    }

    /// Where one that can take over from a leaving primary is on its way, it counts as having done so.
    fn expect_successors(&mut self) {
        for slot in self.slots(Standing::Moving) {
            if self.primary_leaves(slot)
                && let Some(heir) = self.first_backup(slot).filter(|heir| self.has_room(*heir))
            {
                self.promote(slot, heir);
            }
        }
    }

    /// Takes what leaving nodes have to nodes that stay: the slots that they are primary of first.
    fn make_way(&mut self, room: &mut usize) {
        if self.staying.len() == self.load.len() {
            return;
        }
        let (first, second): (Vec<_>, Vec<_>) =
            self.slots(Standing::Settled).into_iter().partition(|slot| self.primary_leaves(*slot));
        for slot in first {
            if *room > 0 && self.hand_over(slot) {
                *room -= 1;
            }
        }
        for slot in second {
            if *room > 0 && self.drop_leaving(slot) {
                self.fill(slot);
                self.propose(slot);
                *room -= 1;
            }
        }
    }

    /// Has what was agreed on for the types since then hold for full slots: for the same members.
    fn renew(&mut self, room: &mut usize) {
        for slot in self.slots(Standing::Settled) {
            if *room == 0 {
                return;
            }
            if self.is_outdated(slot) {
                self.propose(slot);
                *room -= 1;
            }
        }
    }

    /// The first backup takes over from a leaving primary, or a node that is to do so becomes the first backup. Whether there
    /// is one.
    fn hand_over(&mut self, slot: usize) -> bool {
        let backup = self.places[slot].members.iter().skip(1).copied().find(|backup| self.has_room(*backup));
        let other = || self.least_loaded(self.others(slot).filter(|other| self.has_room(*other)));
        let Some(heir) = backup.or_else(other) else { return false };
        if self.is_ready(slot, heir) {
            self.promote(slot, heir);
            self.drop_leaving(slot);
            self.fill(slot);
            self.propose(slot);
        } else {
            self.bring_in(slot, heir);
            self.propose(slot);
            // It will take over, and counts as if it had.
            self.promote(slot, heir);
        }
        true
    }

    /// Drops the members that leave. Whether there were any.
    fn drop_leaving(&mut self, slot: usize) -> bool {
        let leaving: Vec<Number> = self.places[slot].members.iter().copied().filter(|node| self.leaves(*node)).collect();
        leaving.iter().for_each(|node| self.drop_member(slot, *node));
        !leaving.is_empty()
    }

    /// First backups take over from primaries with more slots than they have, and members that are too many are dropped. Where
    /// a slot is not full yet, what will be done with it counts as done: whoever decides later decides alike.
    fn finish(&mut self, room: &mut usize) {
        let open = |standing| matches!(standing, Standing::Settled | Standing::Moving);
        let mut slots: Vec<usize> = (0..self.places.len()).filter(|slot| open(self.places[*slot].standing)).collect();
        // The greatest differences first, as they were begun.
        while let Some(at) = (0..slots.len()).rev().max_by_key(|at| self.difference(slots[*at]))
            && let Some(target) = self.first_backup(slots[at])
            && self.difference(slots[at]) > 1
        {
            let slot = slots.remove(at);
            self.promote(slot, target);
            if !self.finish_slot(slot, room) {
                return;
            }
        }
        for slot in slots {
            if self.surplus(slot) > 0 && !self.finish_slot(slot, room) {
                return;
            }
        }
    }

    /// Drops the backups that are too many, and proposes that where the slot is full. Whether there was room for it.
    fn finish_slot(&mut self, slot: usize, room: &mut usize) -> bool {
        self.shed(slot);
        if self.places[slot].standing == Standing::Settled {
            if *room == 0 {
                return false;
            }
            self.propose(slot);
            *room -= 1;
        }
        true
    }

    /// How many slots more its primary has than its first backup.
    fn difference(&self, slot: usize) -> usize {
        match self.places[slot].members.as_slice() {
            members if members.iter().any(|member| self.leaves(*member)) => 0,
            [first, second, ..] => self.load[*first].saturating_sub(self.load[*second]),
            _ => 0,
        }
    }

    /// Drops the backups that are too many.
    fn shed(&mut self, slot: usize) {
        (0..self.surplus(slot)).for_each(|_| self.drop_fullest(slot, 1));
    }

    /// Has the nodes that are primaries of fewest slots take over from those with most, or become their first backups, until
    /// none would have two more than another. Which slots go does not depend on which are full already: those that are used
    /// are full last, and would never go. They count as gone, and follow.
    fn even_primaries(&mut self, room: &mut usize) {
        // Who has too many, but no slot that could be moved now.
        let mut stuck = vec![false; self.load.len()];
        while *room > 0 {
            let givers = self.staying.iter().copied().filter(|node| !stuck[*node]);
            let Some(giver) = givers.max_by_key(|node| self.load[*node]) else { return };
            let Some(taker) = self.least_loaded(self.staying.iter().copied()) else { return };
            if self.load[giver] <= self.load[taker] + 1 {
                return;
            }
            let Some(slot) = self.slot_to_give(giver, taker) else {
                stuck[giver] = true;
                continue;
            };
            let is_settled = self.places[slot].standing == Standing::Settled;
            if is_settled && self.is_ready(slot, taker) {
                self.promote(slot, taker);
                self.propose(slot);
                *room -= 1;
                continue;
            }
            self.bring_in(slot, taker);
            if is_settled {
                self.propose(slot);
                *room -= 1;
            }
            // The rest follows when it is full, and counts already.
            self.promote(slot, taker);
            self.shed(slot);
        }
    }

    /// The best slot to move from a primary to another node: one that the other has a copy of, or else one whose backup can
    /// be dropped best.
    fn slot_to_give(&self, giver: Number, taker: Number) -> Option<usize> {
        let open = |slot: &usize| matches!(self.places[*slot].standing, Standing::Settled | Standing::Moving);
        let open = (0..self.places.len()).filter(open).filter(|slot| self.surplus(*slot) == 0);
        let given = open.filter(|slot| self.places[*slot].members.first() == Some(&giver));
        given.max_by_key(|slot| {
            let members = &self.places[*slot].members;
            let fullest = members.iter().skip(1).map(|node| self.held[*node]).max();
            (members.contains(&taker), fullest, std::cmp::Reverse(*slot))
        })
    }

    /// Moves backups from the nodes that hold most to those that hold least, until they differ by no more than they may.
    fn even_backups(&mut self, room: &mut usize) {
        let tolerance = self.tolerance();
        while *room > 0 {
            let Some(taker) = self.staying.iter().copied().min_by_key(|node| self.held[*node]) else { return };
            let mut givers = self.staying.clone();
            givers.retain(|node| self.held[*node] > self.held[taker] + tolerance);
            givers.sort_by_key(|node| std::cmp::Reverse(self.held[*node]));
            let Some((slot, giver)) = givers.into_iter().find_map(|giver| Some((self.backup_to_give(giver, taker)?, giver)))
            else {
                return;
            };
            self.drop_member(slot, giver);
            self.append(slot, taker);
            self.propose(slot);
            *room -= 1;
        }
    }

    /// A slot that one node is a backup of, and the other no member.
    fn backup_to_give(&self, giver: Number, taker: Number) -> Option<usize> {
        (0..self.places.len()).find(|slot| {
            let place = &self.places[*slot];
            let fits = place.standing == Standing::Settled && self.surplus(*slot) == 0;
            fits && place.members.iter().skip(1).any(|member| *member == giver) && !place.members.contains(&taker)
        })
    }
}
