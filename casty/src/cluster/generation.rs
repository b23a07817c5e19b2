//! Which generation of a cluster this is.

/// A number for each time that a cluster went on without its majority. The upper half counts them; the lower half is by
/// chance, so that two survivors who went on at once have not made the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generation(pub(crate) u64);

impl Generation {
    /// The one that follows.
    pub(crate) fn next(self, chance: u64) -> Self {
        Self((self.count() + 1) << 32 | (chance >> 32))
    }

    /// How many there were before it in its line.
    pub(crate) fn count(self) -> u64 {
        self.0 >> 32
    }

    /// Whether it follows the other, which is over then. Of two that were made at once neither does.
    pub(crate) fn ends(self, other: Self) -> bool {
        self.count() > other.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_survivors_end_what_was_before_and_not_each_other() {
        let begun = Generation(0);
        let (one, other) = (begun.next(7 << 32), begun.next(u64::MAX));
        assert!(one != other && one.ends(begun) && other.ends(begun));
        assert!(!one.ends(other) && !other.ends(one) && !begun.ends(one));
        assert!(one.next(0).ends(other));
        assert_eq!(one.next(0).count(), 2);
    }
}
