//! What the leader does next about slots. Pure, and without memory: all that it goes by is in the table, so a leader that
//! has just been elected goes on where the last one ended.
//!
//! What was lost is made up for at once (`repair`). All else is done a few slots at a time (`moves`), in steps of which each
//! is one more configuration, begun when the one before it is full:
//!
//! ```text
//! [old, backup, other]       full: `old` has too many slots
//! [old, target, backup]      full: the target has everything
//! [target, old, backup]      and serves
//! ```
//!
//! Where something else was agreed on for a type, a slot that is full gets a configuration of the same members, which that holds
//! for.
//!
//! Who has everything already takes over at once. A target comes directly behind the primary, since types with two copies
//! have none further back. The backup that makes room
//! for it loses nothing before that configuration is full: until then the chain names it. A slot with a single copy has one
//! member more for that while, and what is in it goes over with the last step.
//!
//! A leader that finds the second line cannot tell what it was meant for, and need not: the target takes over if `old` still
//! has too many, and otherwise is a backup like others.

mod moves;
mod repair;
mod sketch;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, sync::Arc};

use self::sketch::Sketch;
use super::table::{Chain, Epoch, Slot};
use crate::cluster::NodeKey;

/// A node that is up, as far as placement goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) key: NodeKey,
    /// It wants to go: it keeps what it has until others have it, and gets nothing new.
    pub(crate) leaving: bool,
}

/// What the leader knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    /// By slot. Empty: nothing is assigned yet.
    pub(crate) chains: &'a [Arc<Chain>],
    /// Who is up, in the order of their keys.
    pub(crate) nodes: &'a [Node],
    /// How many copies the type with most of them wants. 0: there are no types, and nothing to place.
    pub(crate) copies: usize,
    /// How many the type with the fewest wants: so many members at the front have something of each.
    pub(crate) least: usize,
    /// What held for a type was changed by that version of the type table: configurations of older ones are renewed.
    pub(crate) types: u64,
    /// What was in them may be lost, and they are not full before somebody has accepted that.
    pub(crate) stuck: &'a BTreeSet<Slot>,
}

/// The next configuration of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proposal {
    pub(crate) slot: Slot,
    /// The epoch that it follows.
    pub(crate) after: Epoch,
    /// The primary, then the backups.
    pub(crate) members: Vec<NodeKey>,
}

impl Known<'_> {
    /// What to propose now, at most one configuration a slot. Nothing that is merely better than it is now is begun while as
    /// many slots as `moves` are on their way to being full.
    pub(crate) fn next(&self, moves: usize) -> Vec<Proposal> {
        if self.copies == 0 {
            return Vec::new();
        }
        let mut sketch = Sketch::of(self);
        sketch.assign();
        sketch.repair();
        sketch.make_moves(moves);
        sketch.proposed
    }

    /// The slots that nobody can have: no member of any configuration in question is up. They wait for one to come back: given
    /// to others, what was in them would be lost without a word.
    #[cfg(test)]
    fn orphans(&self) -> Vec<Slot> {
        let down = |member: &NodeKey| self.nodes.binary_search_by(|node| node.key.cmp(member)).is_err();
        let lost = |config: &crate::cluster::placement::Configuration| config.members.iter().all(down);
        let orphaned = |chain: &Chain| !chain.0.is_empty() && chain.0.iter().all(lost);
        (0..).zip(self.chains).filter(|(_, chain)| orphaned(chain)).map(|(slot, _)| slot).collect()
    }
}
