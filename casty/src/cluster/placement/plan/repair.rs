//! What is done at once: slots that nobody has yet, members that are gone, and slots with too few members.

use super::sketch::{Number, Sketch, Standing};

impl Sketch<'_> {
    /// Gives the slots that nobody has had yet to the nodes that the ring would have, as far as that is even.
    pub(super) fn assign(&mut self) {
        let free = |(slot, standing)| (standing == Standing::Unassigned).then_some(slot);
        let slots: Vec<usize> = self.places.iter().map(|place| place.standing).enumerate().filter_map(free).collect();
        if self.staying.is_empty() {
            return;
        }
        for slot in &slots {
            let liked = self.preference(*slot).find(|node| self.has_room(*node));
            // More than its share can only be where not all slots are free.
            let Some(primary) = liked.or_else(|| self.least_loaded(self.staying.iter().copied())) else { return };
            self.append(*slot, primary);
            self.load[primary] += 1;
        }
        for slot in slots {
            self.fill(slot);
            self.propose(slot);
        }
    }

    /// Puts others in the place of members that are gone, and members where there are too few.
    pub(super) fn repair(&mut self) {
        for slot in 0..self.places.len() {
            if let Standing::Hurt { headless: true, any } = self.places[slot].standing {
                self.succeed(slot, any);
            }
        }
        for slot in 0..self.places.len() {
            let place = &self.places[slot];
            let hurt = matches!(place.standing, Standing::Hurt { .. });
            if !place.members.is_empty() && (self.fill(slot) || hurt) {
                self.propose(slot);
            }
        }
    }

    /// Finds a primary for a slot that has lost its own.
    fn succeed(&mut self, slot: usize, any: bool) {
        let members = &self.places[slot].members;
        let mut heir = members[0];
        if any {
            let stays: Vec<Number> = members.iter().copied().filter(|member| !self.leaves(*member)).collect();
            heir = self.least_loaded(stays).unwrap_or(heir);
        }
        // Nobody counts as the primary as yet.
        self.load[self.places[slot].members[0]] += 1;
        self.promote(slot, heir);
    }

    /// Gives the slot as many backups as it should have. Whether it had fewer.
    pub(super) fn fill(&mut self, slot: usize) -> bool {
        let before = self.places[slot].members.len();
        while self.places[slot].members.len() < self.wanted()
            && let Some(backup) = self.next_backup(slot)
        {
            self.append(slot, backup);
        }
        self.places[slot].members.len() > before
    }
}
