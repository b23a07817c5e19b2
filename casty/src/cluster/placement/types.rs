//! The type table: what the cluster has agreed on for each type of entities.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// Which type, in this cluster. Given out in the order in which types were agreed on, and never again.
pub(crate) type TypeNumber = u16;

/// How this version of casty finds the slot of an entity. It rises with each change of that: entities would be in other slots
/// for one node than for another.
pub(crate) const HASH: u8 = 0;

/// How the entities of a type are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TypeSettings {
    /// All copies, the primary's too. At least 1.
    pub(crate) factor: u32,
    /// How many backups have a change before it is answered: less than `factor`.
    pub(crate) sync: u32,
    /// With fewer backups than `sync`, what changes state is refused.
    pub(crate) strict: bool,
    /// If all copies that could hold an acknowledged change are gone, the best one left goes on.
    pub(crate) accepts_loss: bool,
    /// There is one of it in the cluster.
    pub(crate) singleton: bool,
    /// How the slot of an entity follows from its id. See [`HASH`].
    #[serde(default)]
    pub(crate) hash: u8,
}

impl fmt::Display for TypeSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { factor, sync, strict, accepts_loss, .. } = self;
        let on_loss = if *accepts_loss { "accept" } else { "refuse" };
        write!(f, "factor = {factor}, sync = {sync}, strict = {strict}, on_loss = {on_loss}")
    }
}

impl TypeSettings {
    /// Whether something is promised with these settings that is not with those.
    pub(crate) fn promise_more_than(&self, other: &Self) -> bool {
        let survives = !self.accepts_loss && other.accepts_loss;
        self.factor > other.factor || self.asks_more_than(other) || survives
    }

    /// Whether a change has to be on more backups before it is answered, or is refused where it would not have been.
    fn asks_more_than(&self, other: &Self) -> bool {
        self.sync > other.sync || (self.strict && !other.strict)
    }

    /// Whether entities are the same ones, and in the same slots, with both.
    pub(crate) fn has_the_same_entities_as(&self, other: &Self) -> bool {
        (self.singleton, self.hash) == (other.singleton, other.hash)
    }

    /// How many of so many members have copies.
    pub(crate) fn copies(&self, members: usize) -> usize {
        members.min(self.factor as usize)
    }

    /// How many backups must have a change, where so many members are.
    pub(crate) fn sync(&self, members: usize) -> usize {
        self.copies(members).saturating_sub(1).min(self.sync as usize)
    }
}

/// A type, and how its settings came to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TypeEntry {
    pub(crate) name: Arc<str>,
    /// Each with the version of the table that it holds from, in order.
    pub(crate) settings: Vec<(u64, TypeSettings)>,
}

/// All types that were agreed on. A type's number is its place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TypeTable {
    /// Rises with each change.
    pub(crate) version: u64,
    pub(crate) types: Vec<TypeEntry>,
}

impl TypeTable {
    pub(crate) fn number(&self, name: &str) -> Option<TypeNumber> {
        self.types.iter().position(|entry| *entry.name == *name).and_then(|at| TypeNumber::try_from(at).ok())
    }

    /// What held for a type in that version of the table: for one that was not there yet, what held first.
    pub(crate) fn settings(&self, number: TypeNumber, version: u64) -> Option<TypeSettings> {
        let settings = &self.types.get(usize::from(number))?.settings;
        let at = settings.iter().rposition(|(from, _)| *from <= version);
        settings.get(at.unwrap_or(0)).map(|(_, settings)| *settings)
    }

    /// What holds for a type now, and the version that it holds from.
    pub(crate) fn newest(&self, name: &str) -> Option<(u64, TypeSettings)> {
        self.types.get(usize::from(self.number(name)?))?.settings.last().copied()
    }

    /// The version that last changed what held for a type; 0 if none has.
    pub(crate) fn changed(&self) -> u64 {
        let changed = self.types.iter().filter(|entry| entry.settings.len() > 1);
        changed.filter_map(|entry| entry.settings.last()).map(|(from, _)| *from).max().unwrap_or(0)
    }

    /// Whether for any type more was asked of a change in one version than in an older one.
    pub(crate) fn asks_more(&self, version: u64, older: u64) -> bool {
        let kinds = (0..TypeNumber::MAX).take(self.types.len());
        let mut both = kinds.filter_map(|kind| Some((self.settings(kind, version)?, self.settings(kind, older)?)));
        version > older && both.any(|(new, old)| new.asks_more_than(&old))
    }

    /// How many members a slot needs for the type with most copies. 0 without any type.
    pub(crate) fn copies(&self) -> usize {
        self.factors().max().unwrap_or(0)
    }

    /// How many members of a slot have something of every type.
    pub(crate) fn least_copies(&self) -> usize {
        self.factors().min().unwrap_or(0)
    }

    fn factors(&self) -> impl Iterator<Item = usize> {
        let newest = |entry: &TypeEntry| entry.settings.last().map_or(0, |(_, settings)| settings.factor as usize);
        self.types.iter().map(newest)
    }

    /// A type as some program has it. What was agreed on first stays. Returns its number, and what holds for it: nothing once
    /// all numbers are given out.
    pub(crate) fn declare(&mut self, name: &Arc<str>, settings: TypeSettings) -> Option<(TypeNumber, TypeSettings)> {
        if self.number(name).is_none() {
            TypeNumber::try_from(self.types.len()).ok()?;
            self.version += 1;
            self.types.push(TypeEntry { name: name.clone(), settings: vec![(self.version, settings)] });
        }
        let number = self.number(name)?;
        Some((number, self.settings(number, self.version)?))
    }

    /// Other settings for a type whose former ones hold from the version `after`. Returns its number, and what holds for it
    /// now: what held before, if that was another version, or if its entities would be others. Nothing if there is no such type.
    pub(crate) fn change(&mut self, name: &str, after: u64, settings: TypeSettings) -> Option<(TypeNumber, TypeSettings)> {
        let number = self.number(name)?;
        let entry = self.types.get_mut(usize::from(number))?;
        let (from, now) = *entry.settings.last()?;
        if from == after && settings != now && settings.has_the_same_entities_as(&now) {
            self.version += 1;
            entry.settings.push((self.version, settings));
        }
        Some((number, self.settings(number, self.version)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: TypeSettings =
        TypeSettings { factor: 3, sync: 1, strict: false, accepts_loss: false, singleton: false, hash: HASH };

    #[test]
    fn settings_that_promise_less_are_told_from_those_that_promise_the_same_or_more() {
        let less = [
            TypeSettings { factor: 2, ..PLAIN },
            TypeSettings { sync: 0, ..PLAIN },
            TypeSettings { accepts_loss: true, ..PLAIN },
        ];
        assert!(less.iter().all(|less| PLAIN.promise_more_than(less)));
        let more = [PLAIN, TypeSettings { factor: 5, sync: 2, ..PLAIN }, TypeSettings { strict: true, ..PLAIN }];
        assert!(!more.iter().any(|more| PLAIN.promise_more_than(more)));
        assert!(TypeSettings { strict: true, ..PLAIN }.promise_more_than(&PLAIN));
        assert!(!PLAIN.has_the_same_entities_as(&TypeSettings { hash: HASH + 1, ..PLAIN }));
    }

    #[test]
    fn a_change_holds_from_its_version_on_and_comes_but_once() {
        let mut types = TypeTable::default();
        types.declare(&"x".into(), PLAIN);
        types.declare(&"y".into(), PLAIN);
        assert_eq!(types.changed(), 0);
        let (none, all) = (TypeSettings { sync: 0, ..PLAIN }, TypeSettings { sync: 2, ..PLAIN });
        assert_eq!(types.change("x", 1, all), Some((0, all)));
        assert_eq!((types.version, types.changed(), types.newest("x")), (3, 3, Some((3, all))));
        assert_eq!(types.change("x", 1, none), Some((0, all)), "it was meant for what held before");
        assert_eq!([1, 2, 3].map(|version| types.settings(0, version)), [Some(PLAIN), Some(PLAIN), Some(all)]);
        assert!(types.asks_more(3, 2) && !types.asks_more(2, 3) && !types.asks_more(2, 1));
        let other = TypeSettings { singleton: true, ..PLAIN };
        assert_eq!(types.change("x", 3, other), Some((0, all)), "its entities would be others");
        assert_eq!(types.change("z", 3, none), None);
        assert_eq!(types.version, 3);
    }
}
