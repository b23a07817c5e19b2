//! The slot table: which nodes have which slot, as the cluster has agreed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::types::{TypeNumber, TypeSettings, TypeTable};
use crate::cluster::NodeKey;

/// A part of all entities.
pub(crate) type Slot = u16;

/// How many there are.
pub(crate) const SLOTS: usize = 1024;

/// Which configuration of its slot. They rise by one within a generation of the cluster; 0 stands for none.
pub(crate) type Epoch = u64;

/// An epoch's lower bits count within its generation.
const GENERATION_BITS: u32 = 32;

/// How far a configuration has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// It was agreed on. What is in the slot may be on members of earlier ones alone.
    Begun,
    /// Each entity is on its primary and on as many of its backups as its type's `sync` says.
    Complete,
    /// Everything is on every member: nobody else's copies are needed any more.
    Full,
}

/// Which nodes have a slot, from one epoch on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Configuration {
    pub(crate) epoch: Epoch,
    /// The primary, then the backups. A type with fewer copies has the first ones.
    pub(crate) members: Vec<NodeKey>,
    /// The version of the type table whose settings hold.
    pub(crate) types: u64,
    pub(crate) stage: Stage,
    /// An operator has accepted that what was on members whose copies are gone for good is lost.
    #[serde(default)]
    pub(crate) accepted: bool,
}

/// The configurations of a slot, newest first, back to the last full one. Empty: nobody has had the slot yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chain(pub(crate) Vec<Configuration>);

/// The chains of all slots, or none before the first was assigned.
pub(crate) type SlotTable = Vec<Arc<Chain>>;

impl Configuration {
    pub(crate) fn primary(&self) -> Option<&NodeKey> {
        self.members.first()
    }

    /// Whether it is the first of the slot in its generation of the cluster.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn begins_generation(&self) -> bool {
        self.epoch.trailing_zeros() >= GENERATION_BITS
    }

    pub(crate) fn has(&self, node: &NodeKey) -> bool {
        self.members.contains(node)
    }

    /// Those that have copies of a type with these settings.
    pub(crate) fn keepers(&self, settings: TypeSettings) -> &[NodeKey] {
        &self.members[..settings.copies(self.members.len())]
    }

    /// How many of those have to be heard for every change that was answered to be among what they have.
    pub(crate) fn needed(&self, settings: TypeSettings) -> usize {
        settings.copies(self.members.len()) - settings.sync(self.members.len())
    }

    /// Whether so many of them have `ended` that those who are needed never can be heard.
    pub(crate) fn is_short(&self, settings: TypeSettings, ended: impl Fn(&NodeKey) -> bool) -> bool {
        self.keepers(settings).iter().filter(|member| !ended(member)).count() < self.needed(settings)
    }
}

impl Chain {
    /// The configuration that holds now.
    pub(crate) fn current(&self) -> Option<&Configuration> {
        self.0.first()
    }

    /// Its epoch; 0 if there is none.
    pub(crate) fn epoch(&self) -> Epoch {
        self.current().map_or(0, |current| current.epoch)
    }

    pub(crate) fn primary(&self) -> Option<&NodeKey> {
        self.current()?.primary()
    }

    /// The configurations before the current one whose members may have what it has not: back to the last complete one,
    /// that one included.
    pub(crate) fn to_seal(&self) -> &[Configuration] {
        let earlier = self.0.get(1..).unwrap_or_default();
        let complete = earlier.iter().position(|config| config.stage >= Stage::Complete);
        &earlier[..complete.map_or(earlier.len(), |at| at + 1)]
    }

    /// Whether so many members have `ended` that what was acknowledged may be gone with them, and nobody has accepted that: the
    /// slot is not served, unless whoever served it last is there still.
    pub(crate) fn may_be_lost(&self, types: &TypeTable, ended: impl Fn(&NodeKey) -> bool) -> bool {
        let Some(current) = self.current().filter(|current| current.stage == Stage::Begun) else { return false };
        let is_lost =
            |config: &Configuration, settings: TypeSettings| !settings.accepts_loss && config.is_short(settings, &ended);
        let kinds = (0..TypeNumber::MAX).take(types.types.len());
        let mut open = self.to_seal().iter().filter(|config| !self.is_accepted(config.epoch));
        open.any(|config| kinds.clone().filter_map(|kind| types.settings(kind, config.types)).any(|it| is_lost(config, it)))
            && current.epoch > 0
    }

    /// Whether somebody has accepted that what was in the configuration of that epoch is lost: when a later one was there, and
    /// for all that follow.
    pub(crate) fn is_accepted(&self, epoch: Epoch) -> bool {
        self.0.iter().any(|later| later.accepted && later.epoch > epoch)
    }

    /// Begins the next configuration. The first one of all has nothing to wait for.
    pub(crate) fn begin(&mut self, members: Vec<NodeKey>, types: u64) {
        let stage = if self.0.is_empty() { Stage::Full } else { Stage::Begun };
        self.0.insert(0, Configuration { epoch: self.epoch() + 1, members, types, stage, accepted: false });
    }

    /// The cluster goes on without its majority: whatever that has agreed on and written since then is of lower epochs.
    pub(crate) fn begin_generation(&mut self, types: u64) {
        let Some(current) = self.current() else { return };
        let (members, epoch) = (current.members.clone(), ((current.epoch >> GENERATION_BITS) + 1) << GENERATION_BITS);
        let stage = Stage::Begun;
        self.0.insert(0, Configuration { epoch, members, types, stage, accepted: false });
    }

    /// That configuration has come so far. Whether that is news.
    pub(crate) fn reach(&mut self, epoch: Epoch, stage: Stage) -> bool {
        let Some(at) = self.0.iter().position(|config| config.epoch == epoch) else { return false };
        if self.0[at].stage >= stage {
            return false;
        }
        self.0[at].stage = stage;
        if stage == Stage::Full {
            self.0.truncate(at + 1);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Incarnation;

    #[test]
    fn a_slot_may_be_lost_once_too_few_are_left_of_those_that_have_what_was_acknowledged() {
        let settings = TypeSettings { factor: 3, sync: 1, strict: false, accepts_loss: false, singleton: false, hash: 0 };
        let mut types = TypeTable::default();
        types.declare(&"x".into(), settings);
        let mut chain = Chain::default();
        chain.begin(vec![node("a"), node("b"), node("c")], 1);
        let lost = |chain: &Chain, ended: &[&str]| chain.may_be_lost(&types, |node| ended.contains(&node.id.as_str()));
        assert!(!lost(&chain, &["a", "b", "c"]), "it has been served, and nobody else has it yet");
        chain.begin(vec![node("c")], 1);
        assert!(!lost(&chain, &["a"]), "one of the two others has each change");
        assert!(lost(&chain, &["a", "b"]));
        chain.0[0].accepted = true;
        assert!(!lost(&chain, &["a", "b"]));
        chain.begin(vec![node("d"), node("c")], 1);
        assert!(!lost(&chain, &["a", "b"]), "it was accepted before");
        assert!(lost(&chain, &["a", "b", "c"]), "but not of what came then");
    }

    fn node(name: &str) -> NodeKey {
        NodeKey { id: name.into(), incarnation: Incarnation(1) }
    }

    #[test]
    fn a_chain_goes_back_to_the_last_full_configuration_and_seals_to_the_last_complete_one() {
        let mut chain = Chain::default();
        chain.begin(vec![node("a"), node("b")], 1);
        assert_eq!((chain.epoch(), chain.to_seal().len()), (1, 0));
        chain.begin(vec![node("b")], 1);
        chain.begin(vec![node("b"), node("c")], 1);
        assert_eq!(chain.to_seal().iter().map(|config| config.epoch).collect::<Vec<_>>(), [2, 1]);
        assert!(chain.reach(2, Stage::Complete) && !chain.reach(2, Stage::Complete));
        assert_eq!(chain.to_seal().iter().map(|config| config.epoch).collect::<Vec<_>>(), [2]);
        assert_eq!(chain.0.len(), 3);
        assert!(chain.reach(2, Stage::Full));
        assert_eq!(chain.0.len(), 2);
        assert!(!chain.reach(1, Stage::Full), "it is behind a full one");
        assert_eq!(chain.primary(), Some(&node("b")));
    }
}
