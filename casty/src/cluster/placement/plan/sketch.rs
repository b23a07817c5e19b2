//! The table as a plan is made on it: nodes are numbers, and what is proposed counts already.

use std::{cell::OnceCell, collections::HashMap};

use super::{Known, Proposal};
use crate::cluster::{
    NodeKey,
    placement::{
        ring::Ring,
        table::{Chain, SLOTS, Slot, Stage},
    },
};

/// A node, by its place among those that are up.
pub(super) type Number = usize;

/// How a slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody has had it yet.
    Unassigned,
    /// Nobody can have it.
    Orphaned,
    /// A member is gone.
    Hurt {
        /// The primary, at that.
        headless: bool,
        /// Whether one member is as good as the other in its place. Before a configuration is full, those that have come
        /// last may have next to nothing.
        any: bool,
    },
    /// Its configuration is not full yet.
    Moving,
    /// The same, and it will not be before somebody has accepted a loss.
    Stuck,
    /// Its configuration is full.
    Settled,
}

/// Who has a slot, of those that are up: the primary, then the backups.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) standing: Standing,
    pub(super) members: Vec<Number>,
}

pub(super) struct Sketch<'a> {
    known: &'a Known<'a>,
    /// By slot.
    pub(super) places: Vec<Place>,
    /// How many of them somebody has or can have.
    shared: usize,
    /// Of how many slots each node is the primary.
    pub(super) load: Vec<usize>,
    /// Of how many slots each node is a member.
    pub(super) held: Vec<usize>,
    /// Who is not about to go.
    pub(super) staying: Vec<Number>,
    /// Of those that stay. Most plans need none.
    ring: OnceCell<Ring>,
    pub(super) proposed: Vec<Proposal>,
}

impl<'a> Sketch<'a> {
    pub(super) fn of(known: &'a Known<'a>) -> Self {
        let nodes = known.nodes;
        let mut sketch = Self {
            known,
            places: Vec::with_capacity(SLOTS),
            shared: 0,
            load: vec![0; nodes.len()],
            held: vec![0; nodes.len()],
            staying: (0..nodes.len()).filter(|node| !nodes[*node].leaving).collect(),
            ring: OnceCell::new(),
            proposed: Vec::new(),
        };
        let numbers = nodes.iter().enumerate().map(|(number, node)| (&node.key, number)).collect();
        for slot in 0..SLOTS {
            let mut place = known.chains.get(slot).map_or(Place::UNASSIGNED, |chain| Place::of(chain, &numbers));
            if place.standing == Standing::Moving && known.stuck.contains(&(slot as Slot)) {
                place.standing = Standing::Stuck;
            }
            place.members.iter().for_each(|member| sketch.held[*member] += 1);
            // Who becomes the primary of a headless one is not yet clear.
            if let Some(primary) = place.members.first()
                && !matches!(place.standing, Standing::Hurt { headless: true, .. })
            {
                sketch.load[*primary] += 1;
            }
            sketch.shared += usize::from(place.standing != Standing::Orphaned);
            sketch.places.push(place);
        }
        sketch
    }

    pub(super) fn leaves(&self, node: Number) -> bool {
        self.known.nodes[node].leaving
    }

    /// How many members each slot should have.
    pub(super) fn wanted(&self) -> usize {
        self.known.copies.min(self.staying.len())
    }

    /// Whether something else has been agreed on for a type than what holds in its configuration.
    pub(super) fn is_outdated(&self, slot: usize) -> bool {
        let current = self.known.chains.get(slot).and_then(|chain| chain.current());
        current.is_some_and(|current| current.types < self.known.types)
    }

    /// How many members too many it has.
    pub(super) fn surplus(&self, slot: usize) -> usize {
        self.places[slot].members.len().saturating_sub(self.wanted())
    }

    /// By how much what two nodes hold may differ. To make it quite even would cost more copying than it is worth.
    pub(super) fn tolerance(&self) -> usize {
        let held: usize = self.staying.iter().map(|node| self.held[*node]).sum();
        1 + held / self.staying.len().max(1) / 16
    }

    /// Whether the node can take a slot as its primary without one having two more than another in the end.
    pub(super) fn has_room(&self, node: Number) -> bool {
        let (share, left_over) = (self.shared / self.staying.len(), self.shared % self.staying.len());
        let load = self.load[node];
        let taken = || self.staying.iter().filter(|other| self.load[**other] > share).count();
        !self.leaves(node) && (load < share || load == share && taken() < left_over)
    }

    /// The first of them with the fewest slots as primary.
    pub(super) fn least_loaded(&self, nodes: impl IntoIterator<Item = Number>) -> Option<Number> {
        nodes.into_iter().min_by_key(|node| self.load[*node])
    }

    /// Those that stay and are no members of the slot.
    pub(super) fn others(&self, slot: usize) -> impl Iterator<Item = Number> + '_ {
        self.staying.iter().copied().filter(move |node| !self.places[slot].members.contains(node))
    }

    /// Who could take over from the primary as it is.
    pub(super) fn first_backup(&self, slot: usize) -> Option<Number> {
        self.places[slot].members.get(1).copied()
    }

    /// Whether the node can take over from the primary as it is, once the configuration is full.
    pub(super) fn is_ready(&self, slot: usize, node: Number) -> bool {
        let ready = self.known.least.max(2);
        self.places[slot].members.iter().take(ready).any(|member| *member == node)
    }

    /// Those that stay, as the ring has them for the slot.
    pub(super) fn preference(&self, slot: usize) -> impl Iterator<Item = Number> + '_ {
        let stays = || self.staying.iter().map(|node| &self.known.nodes[*node].key.id);
        self.ring.get_or_init(|| Ring::of(stays())).preference(slot as Slot).map(|node| self.staying[node])
    }

    /// Who is to be its next backup: whom the ring likes best of those that do not hold much more than others.
    pub(super) fn next_backup(&self, slot: usize) -> Option<Number> {
        let fewest = self.others(slot).map(|node| self.held[node]).min()?;
        let most = fewest + self.tolerance() / 2;
        self.preference(slot).find(|node| self.held[*node] <= most && !self.places[slot].members.contains(node))
    }

    /// Makes a node the last backup.
    pub(super) fn append(&mut self, slot: usize, node: Number) {
        self.places[slot].members.push(node);
        self.held[node] += 1;
    }

    /// Makes a node the first backup. Where there are too many then, another goes: one that leaves, or who holds most.
    pub(super) fn bring_in(&mut self, slot: usize, node: Number) {
        let members = &mut self.places[slot].members;
        let before = members.len();
        members.retain(|member| *member != node);
        self.held[node] += usize::from(members.len() == before);
        members.insert(1, node);
        while self.places[slot].members.len() > self.known.copies.max(2) {
            self.drop_fullest(slot, 2);
        }
    }

    /// Drops one of the members from that place on: one that leaves, or who holds most, and of equals the last.
    pub(super) fn drop_fullest(&mut self, slot: usize, from: usize) {
        let members = self.places[slot].members.iter().skip(from).copied();
        let fullest = members.max_by_key(|node| (self.leaves(*node), self.held[*node]));
        fullest.inspect(|node| self.drop_member(slot, *node));
    }

    /// Makes a backup the primary, and the primary the first backup.
    pub(super) fn promote(&mut self, slot: usize, backup: Number) {
        let members = &mut self.places[slot].members;
        self.load[members[0]] -= 1;
        self.load[backup] += 1;
        members.retain(|member| *member != backup);
        members.insert(0, backup);
    }

    pub(super) fn drop_member(&mut self, slot: usize, node: Number) {
        self.places[slot].members.retain(|member| *member != node);
        self.held[node] -= 1;
    }

    /// Proposes the members that the slot has now.
    pub(super) fn propose(&mut self, slot: usize) {
        let place = &mut self.places[slot];
        place.standing = Standing::Moving;
        let after = self.known.chains.get(slot).map_or(0, |chain| chain.epoch());
        let members = place.members.iter().map(|member| self.known.nodes[*member].key.clone()).collect();
        self.proposed.push(Proposal { slot: slot as Slot, after, members });
    }
}

impl Place {
    const UNASSIGNED: Self = Self { standing: Standing::Unassigned, members: Vec::new() };

    fn of(chain: &Chain, up: &HashMap<&NodeKey, Number>) -> Self {
        let Some(current) = chain.current() else { return Self::UNASSIGNED };
        // Newer ones first: the older the configuration, the more of what followed is elsewhere.
        for config in &chain.0 {
            let members: Vec<_> = config.members.iter().filter_map(|member| up.get(member).copied()).collect();
            let Some(first) = members.first() else { continue };
            let standing = if config.epoch != current.epoch || members.len() < config.members.len() {
                let headless = config.epoch != current.epoch || config.primary().and_then(|key| up.get(key)) != Some(first);
                Standing::Hurt { headless, any: config.stage == Stage::Full }
            } else if config.stage == Stage::Full {
                Standing::Settled
            } else {
                Standing::Moving
            };
            return Self { standing, members };
        }
        Self { standing: Standing::Orphaned, members: Vec::new() }
    }
}
