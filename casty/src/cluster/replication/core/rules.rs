//! The rules that tests leave out one by one, to see that each is needed.

/// A rule. As designed all of them hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cluster::replication) enum Rule {
    /// A change is kept once it is on backups.
    ReplicateBeforeAck,
    /// Who was sealed takes nothing older.
    Seal,
    /// All configurations back to a complete one are sealed.
    SealAllConfigurations,
    /// What was found is written to backups before it is answered for.
    RewriteBeforeServing,
    /// So many members are sealed that they meet every change that was kept.
    SealEnough,
    /// A node counts as the start of it that was named.
    Incarnations,
    /// Who was sealed serves no more.
    SealStopsPrimary,
    /// A configuration is complete once its backups have everything.
    CompleteWhenSynced,
    /// A slot is taken from a primary that is up only by its release.
    WaitForRelease,
    /// What is asked of changes holds for a configuration from its beginning to its end: more is asked in the next one.
    #[cfg(test)]
    ChangeByConfiguration,
    /// Where more is asked of changes, what was kept before is written to backups before it is answered for.
    RewriteWhenRaised,
    /// Copies are dropped once a later configuration is full, not only complete.
    DropWhenFull,
    /// Who drops its copies remembers that it was sealed.
    SealOutlivesCopy,
    /// What is not at a node that had adopted everything was not there.
    AbsenceCounts,
}

/// Which rules hold: all of them, but in tests.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rules {
    #[cfg(test)]
    without: Option<Rule>,
}

impl Rules {
    #[cfg(test)]
    pub(super) fn without(rule: Option<Rule>) -> Self {
        Self { without: rule }
    }

    #[inline]
    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "only tests leave rules out"))]
    pub(super) fn lack(self, rule: Rule) -> bool {
        #[cfg(test)]
        return self.without == Some(rule);
        #[cfg(not(test))]
        {
            let _ = rule;
            false
        }
    }
}
