//! The type table: what the cluster has agreed on for each type of entities.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Which type, in this cluster. Given out in the order in which types were agreed on, and never again.
pub(crate) type TypeNumber = u16;

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
}

impl TypeSettings {
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
}
