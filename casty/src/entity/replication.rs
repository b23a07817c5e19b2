//! How a type is replicated, as the program says when it starts.

use std::{any::TypeId, collections::HashMap, time::Duration};

use super::{Entity, EntityConfig, SyncCount};

/// How the entities of a type are replicated, in place of what their attribute says: for what is known only where the program
/// runs. See [`SystemBuilder::replication`](crate::SystemBuilder::replication).
///
/// ```
/// use casty::ReplicationConfig;
///
/// // Answers wait for one backup of two.
/// let config = ReplicationConfig { factor: 3, sync_count: 1, ..ReplicationConfig::default() };
/// assert_eq!(config.timeout.as_secs(), 5);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicationConfig {
    /// All copies, the primary's too; 3 unless set. A cluster with fewer nodes has fewer copies.
    pub factor: u32,
    /// How many backups must have a change before it is answered: 0, the default, for none, -1 for all, or so many, which has
    /// to be less than `factor`.
    pub sync_count: i32,
    /// How long a change may take to be on so many backups, before its asker is told
    /// [`NotReplicated`](crate::AskError::NotReplicated); 5 s unless set.
    pub timeout: Duration,
}

impl Default for ReplicationConfig {
    fn default() -> Self {
        let EntityConfig { factor, timeout, .. } = EntityConfig::DEFAULT;
        Self { factor, sync_count: 0, timeout }
    }
}

impl ReplicationConfig {
    /// # Errors
    /// In words, if that cannot be.
    pub(crate) fn check(&self, strict: bool) -> Result<(), String> {
        let Self { factor, sync_count, timeout } = *self;
        if factor == 0 {
            return Err("`factor` counts all copies, the primary's too: it must be 1 or more".into());
        }
        if sync_count < -1 {
            return Err(format!("`sync_count` is {sync_count}, and below zero there is only -1, which is all backups"));
        }
        if u32::try_from(sync_count).is_ok_and(|count| count >= factor) {
            return Err(format!(
                "`sync_count` is at most {}: `factor` is {factor} and counts the primary too, which leaves so many backups; -1 is all of them",
                factor - 1
            ));
        }
        if timeout.is_zero() {
            return Err("`timeout` is how long a change has to be replicated: it must be above zero".into());
        }
        if strict && (sync_count == 0 || factor == 1) {
            return Err(
                "its attribute says `strict = true`, which refuses changes that fewer backups than `sync` would get, and here no \
                 backup is asked for: give it a `sync_count`, or leave `strict` out"
                    .into(),
            );
        }
        Ok(())
    }

    pub(crate) fn put_into(self, config: &mut EntityConfig) {
        let Self { factor, sync_count, timeout } = self;
        (config.factor, config.timeout) = (factor, timeout);
        config.sync = u32::try_from(sync_count).map_or(SyncCount::All, SyncCount::Of);
    }
}

/// What was said about types in place of their attributes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overrides(HashMap<TypeId, (ReplicationConfig, Of)>);

/// Of which type.
#[derive(Debug, Clone, Copy)]
struct Of {
    name: &'static str,
    strict: bool,
}

impl Overrides {
    pub(crate) fn add<A: Entity>(&mut self, config: ReplicationConfig) {
        let of = Of { name: std::any::type_name::<A>(), strict: A::ENTITY.strict };
        self.0.insert(TypeId::of::<A>(), (config, of));
    }

    /// What holds for a type: what its attribute says, but for what was said here.
    pub(crate) fn of<A: Entity>(&self) -> EntityConfig {
        let mut config = A::ENTITY;
        if let Some((said, _)) = self.0.get(&TypeId::of::<A>()) {
            said.put_into(&mut config);
        }
        config
    }

    /// # Errors
    /// In words, if some of it cannot be.
    pub(crate) fn check(&self) -> Result<(), String> {
        let mut wrong: Vec<String> = self
            .0
            .values()
            .filter_map(|(config, of)| Some(format!("replication of `{}`: {}", of.name, config.check(of.strict).err()?)))
            .collect();
        wrong.sort_unstable();
        wrong.into_iter().next().map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(factor: u32, sync_count: i32) -> ReplicationConfig {
        ReplicationConfig { factor, sync_count, ..ReplicationConfig::default() }
    }

    #[test]
    fn each_way_to_write_sync_count_is_understood() {
        let sync = |sync_count| {
            let mut entity = EntityConfig::DEFAULT;
            config(3, sync_count).put_into(&mut entity);
            entity.sync
        };
        assert_eq!([0, 2, -1].map(sync), [SyncCount::Of(0), SyncCount::Of(2), SyncCount::All]);
    }

    #[test]
    fn what_cannot_be_is_said_with_the_way_out() {
        assert_eq!(config(3, 2).check(true), Ok(()));
        assert_eq!(config(1, 0).check(false), Ok(()));
        assert!(config(3, 3).check(false).unwrap_err().contains("at most 2"));
        assert!(config(3, -2).check(false).unwrap_err().contains("only -1"));
        assert!(config(0, 0).check(false).unwrap_err().contains("1 or more"));
        assert!(config(3, 0).check(true).unwrap_err().contains("strict"));
        let soon = ReplicationConfig { timeout: Duration::ZERO, ..config(3, 1) };
        assert!(soon.check(false).unwrap_err().contains("above zero"));
    }
}
