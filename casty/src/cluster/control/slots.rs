//! What commands do to the types of entities, and to the slots that those live in.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    MemberStatus,
    command::Answer,
    state::{Change, State},
};
use crate::cluster::{
    NodeKey,
    placement::{Chain, Configuration, Epoch, SLOTS, Slot, Stage, TypeSettings},
};

impl State {
    pub(super) fn declare(&mut self, types: &[(Arc<str>, TypeSettings)], changes: &mut Vec<Change>) -> Answer {
        let mut table = (*self.types).clone();
        let agreed = types.iter().map_while(|(name, settings)| table.declare(name, *settings)).collect();
        if table.version != self.types.version {
            self.types = Arc::new(table);
            changes.push(Change::Types);
        }
        Answer::Declared(agreed)
    }

    pub(super) fn change_type(&mut self, name: &str, after: u64, settings: TypeSettings, changes: &mut Vec<Change>) -> Answer {
        let mut table = (*self.types).clone();
        let agreed = table.change(name, after, settings);
        if table.version != self.types.version {
            self.types = Arc::new(table);
            changes.push(Change::Types);
        }
        Answer::Declared(agreed.into_iter().collect())
    }

    /// Begins configurations. What follows another epoch than the slot is in by now comes from one who did not know better,
    /// and so does what names a node that does not serve: who leads plans that anew.
    pub(super) fn begin(
        &mut self,
        nodes: &[NodeKey],
        configurations: Vec<(Slot, Epoch, Vec<u16>)>,
        changes: &mut Vec<Change>,
    ) -> Answer {
        let serves = |node: &&NodeKey| self.current(node).is_some_and(|member| member.status == MemberStatus::Up);
        let nodes: Vec<Option<&NodeKey>> = nodes.iter().map(|node| Some(node).filter(serves)).collect();
        // Of a slot only the first one counts: what follows it could fit, too, if the command came twice.
        let mut first = BTreeMap::new();
        for (slot, after, places) in configurations {
            first.entry(slot).or_insert((after, places));
        }
        let types = self.types.version;
        let begin = |chain: &mut Chain, (after, places): (Epoch, Vec<u16>)| {
            let members = members(&nodes, &places).filter(|_| chain.epoch() == after);
            members.map(|members| chain.begin(members, types)).is_some()
        };
        self.change_slots(first, begin, changes)
    }

    /// The cluster goes on without its majority, which may have agreed on more by now and lives on somewhere.
    pub(super) fn begin_generation(&mut self, changes: &mut Vec<Change>) {
        let types = self.types.version;
        let begin = |chain: &mut Chain, ()| {
            chain.begin_generation(types);
            !chain.0.is_empty()
        };
        let slots = (0..Slot::MAX).take(self.slots.len()).map(|slot| (slot, ()));
        self.change_slots(slots, begin, changes);
    }

    /// A primary tells how far its configurations have come.
    pub(super) fn reached(&mut self, node: &NodeKey, slots: Vec<(Slot, Epoch, Stage)>, changes: &mut Vec<Change>) -> Answer {
        let reach = |chain: &mut Chain, (epoch, stage)| {
            let is_its = |config: &Configuration| config.epoch == epoch && config.primary() == Some(node);
            chain.0.iter().any(is_its) && chain.reach(epoch, stage)
        };
        self.change_slots(slots.into_iter().map(|(slot, epoch, stage)| (slot, (epoch, stage))), reach, changes)
    }

    pub(super) fn accept_loss(&mut self, slots: Vec<(Slot, Epoch)>, changes: &mut Vec<Change>) -> Answer {
        let types = self.types.version;
        let accept = |chain: &mut Chain, epoch| {
            let Some(current) = chain.0.first_mut().filter(|current| current.epoch == epoch) else { return false };
            current.accepted = true;
            // In which all that is left is put together: what its primary has may not be the best of it.
            let members = current.members.clone();
            chain.begin(members, types);
            true
        };
        // Of a slot only the first one counts, as of those that are begun.
        let mut first = BTreeMap::new();
        for (slot, epoch) in slots {
            first.entry(slot).or_insert(epoch);
        }
        self.change_slots(first, accept, changes)
    }

    /// Changes slots, and tells which ones. `change` returns whether there is anything new. The others stay shared with who
    /// has seen them.
    fn change_slots<T>(
        &mut self,
        slots: impl IntoIterator<Item = (Slot, T)>,
        change: impl Fn(&mut Chain, T) -> bool,
        changes: &mut Vec<Change>,
    ) -> Answer {
        let mut changed = BTreeSet::new();
        for (slot, what) in slots.into_iter().filter(|(slot, _)| usize::from(*slot) < SLOTS) {
            let mut chain = self.slots.get(usize::from(slot)).map_or_else(Chain::default, |chain| (**chain).clone());
            if !change(&mut chain, what) {
                continue;
            }
            let table = Arc::make_mut(&mut self.slots);
            table.resize(SLOTS, Arc::default());
            table[usize::from(slot)] = Arc::new(chain);
            changed.insert(slot);
        }
        if !changed.is_empty() {
            changes.push(Change::Slots(changed.into_iter().collect()));
        }
        Answer::Done
    }

    /// What somebody who knows the tables of `self` has to be told to know those of `newer`.
    pub(super) fn placement_changes_to(&self, newer: &Self, changes: &mut Vec<Change>) {
        if self.types != newer.types {
            changes.push(Change::Types);
        }
        let nobody = Arc::default();
        let differs = |slot: &Slot| {
            let [old, new] = [self, newer].map(|state| state.slots.get(usize::from(*slot)).unwrap_or(&nobody));
            old != new
        };
        let slots: Arc<[Slot]> = (0..Slot::MAX).take(SLOTS).filter(differs).collect();
        if !slots.is_empty() {
            changes.push(Change::Slots(slots));
        }
    }
}

/// The nodes at these places, if all of them serve and none is there twice.
fn members(nodes: &[Option<&NodeKey>], places: &[u16]) -> Option<Vec<NodeKey>> {
    let members: Vec<&NodeKey> = places.iter().map(|place| *nodes.get(usize::from(*place))?).collect::<Option<_>>()?;
    let distinct: BTreeSet<&NodeKey> = members.iter().copied().collect();
    (!members.is_empty() && distinct.len() == members.len()).then(|| members.into_iter().cloned().collect())
}
