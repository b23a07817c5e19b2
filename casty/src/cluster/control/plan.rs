//! What the leader does next about who votes and who follows. Pure: what is the case comes in, one step comes out.
//!
//! Each step is small enough to be finished by another leader if this one dies, and none asks for a majority that the
//! living cannot give.

use std::collections::{BTreeMap, BTreeSet};

/// Who is a node to raft.
pub(crate) type RaftId = u64;

/// A member, as far as its part in raft goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) raft_id: RaftId,
    pub(crate) state: Living,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Living {
    /// It is up, and heard by the leader.
    Up,
    /// It is up by what is committed, but silent. No voter is made of it.
    Silent,
    /// It wants to go.
    Leaving,
    /// It has gone down, or is away.
    Down,
}

/// What the leader knows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    pub(crate) leader: RaftId,
    pub(crate) members: Vec<Standing>,
    /// The voters: one set, or two while a change is half done, the one to come last.
    pub(crate) voters: Vec<BTreeSet<RaftId>>,
    /// All that the leader replicates to, voters and itself included.
    pub(crate) nodes: BTreeSet<RaftId>,
    /// Those of them that no node is behind: the first voters were made up to the number of the seeds with them.
    pub(crate) made_up: BTreeSet<RaftId>,
    /// Whether those are the first ones. Whoever began a cluster besides the one that came about has others in that place of
    /// its log, and goes by them until there is a later entry.
    pub(crate) first: bool,
    /// Whether that is committed. While it is not, nothing else is begun.
    pub(crate) settled: bool,
    /// The entry up to which a node must have the log before it votes.
    pub(crate) needed: u64,
    /// The last entry of the log that each node has acknowledged to this leader.
    pub(crate) acknowledged: BTreeMap<RaftId, u64>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Replicate to it.
    AddLearner(RaftId),
    /// Let exactly these vote. Who does no longer stays a learner.
    SetVoters(BTreeSet<RaftId>),
    /// Replicate to these no more.
    Remove(BTreeSet<RaftId>),
}

/// How many of so many members vote.
pub(crate) fn wanted_voters(members: usize) -> usize {
    match members {
        0..=2 => members,
        3..=4 => 3,
        5..=9 => 5,
        _ => 7,
    }
}

impl Known {
    /// What to do now; `None` if all is as it should be, or nothing can be done.
    pub(crate) fn next(&self) -> Option<Step> {
        let voters = self.voters.last()?;
        if self.voters.len() > 1 {
            // A leader died between the two halves of a change, or this one is about to finish it.
            return self.settled.then(|| Step::SetVoters(voters.clone()));
        }
        if !self.settled {
            return None;
        }
        let again = || (self.first && voters.len() > 1).then(|| Step::SetVoters(voters.clone()));
        self.newcomer().or_else(|| self.next_voters(voters)).or_else(|| self.leftovers(voters)).or_else(again)
    }

    fn living(&self, raft_id: RaftId) -> Option<Living> {
        self.members.iter().find(|member| member.raft_id == raft_id).map(|member| member.state)
    }

    fn newcomer(&self) -> Option<Step> {
        // Who has just joined is heard only once it has the log.
        let follows = |state| matches!(state, Living::Up | Living::Silent);
        let unknown = |member: &&Standing| follows(member.state) && !self.nodes.contains(&member.raft_id);
        self.members.iter().find(unknown).map(|member| Step::AddLearner(member.raft_id))
    }

    /// Members that can be made voters, best first.
    fn candidates<'a>(&'a self, voters: &'a BTreeSet<RaftId>) -> impl Iterator<Item = RaftId> + 'a {
        let ready = |id: RaftId| self.acknowledged.get(&id).is_some_and(|index| *index >= self.needed);
        let up = self.members.iter().filter(|member| member.state == Living::Up).map(|member| member.raft_id);
        up.filter(move |id| !voters.contains(id) && self.nodes.contains(id) && ready(*id))
    }

    fn next_voters(&self, voters: &BTreeSet<RaftId>) -> Option<Step> {
        let up = self.members.iter().filter(|member| matches!(member.state, Living::Up | Living::Silent)).count();
        // Who wants to go votes until it has gone.
        let alive = |id: &RaftId| *id == self.leader || matches!(self.living(*id), Some(Living::Up | Living::Leaving));
        let living = |set: &BTreeSet<RaftId>| set.iter().filter(|id| alive(id)).count() * 2 > set.len();
        let mut next = voters.clone();
        let mut candidates = self.candidates(voters);
        // They have done their part once the cluster has begun: no more than one set of seeds could.
        next.retain(|id| !self.made_up.contains(id));
        // Who is gone for good or wants to go leaves its seat to another.
        let mut voted: Vec<_> = next.iter().copied().collect();
        // One that is down may come back; one that is no member any more never does.
        voted.sort_by_key(|id| self.living(*id).is_some());
        // A leader that is no member yet is about to be one.
        let goes = |id: &RaftId| match self.living(*id) {
            None => *id != self.leader,
            Some(living) => matches!(living, Living::Down | Living::Leaving),
        };
        for gone in voted.iter().filter(|id| goes(id)) {
            if let Some(newcomer) = candidates.next() {
                next.remove(gone);
                next.insert(newcomer);
            } else if self.living(*gone) == Some(Living::Leaving) && next.len() > 1 {
                // It goes in good order, with nobody to take its seat: the rest can commit that.
                next.remove(gone);
            }
        }
        if voters.iter().any(|id| self.living(*id) == Some(Living::Leaving)) {
            // Without those that go, the dead may be half of the rest: then nothing would be agreed on any more.
            for dead in voters.iter().filter(|id| matches!(self.living(**id), None | Some(Living::Down))) {
                if living(&next) {
                    break;
                }
                next.remove(dead);
            }
        }
        let wanted = wanted_voters(up).max(1);
        if next.len() < wanted {
            let mut more: Vec<_> = candidates.by_ref().take(wanted - next.len()).collect();
            // An even number of voters bears no more deaths than one less; but two nodes are two voters.
            if (next.len() + more.len()).is_multiple_of(2) && next.len() + more.len() > 2 {
                more.pop();
            }
            next.extend(more);
        } else if next.len() > wanted && next.iter().all(alive) {
            // The cluster has shrunk. The leader stays, the highest ids go.
            let surplus = next.len() - wanted;
            let go: Vec<_> = next.iter().rev().filter(|id| **id != self.leader).take(surplus).copied().collect();
            go.iter().for_each(|id| {
                next.remove(id);
            });
        }
        (next != *voters && living(voters) && living(&next)).then_some(Step::SetVoters(next))
    }

    /// Nodes that are no members, or down, and have no vote.
    fn leftovers(&self, voters: &BTreeSet<RaftId>) -> Option<Step> {
        let stays = |id: &RaftId| voters.contains(id) || !matches!(self.living(*id), None | Some(Living::Down));
        let gone: BTreeSet<_> = self.nodes.iter().filter(|id| **id != self.leader && !stays(id)).copied().collect();
        (!gone.is_empty()).then_some(Step::Remove(gone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn known(voters: &[RaftId], members: &[(RaftId, Living)]) -> Known {
        let nodes: BTreeSet<_> = members.iter().map(|(id, _)| *id).chain(voters.iter().copied()).collect();
        Known {
            leader: 1,
            members: members.iter().map(|(raft_id, state)| Standing { raft_id: *raft_id, state: *state }).collect(),
            voters: vec![voters.iter().copied().collect()],
            acknowledged: nodes.iter().map(|id| (*id, 10)).collect(),
            nodes,
            made_up: BTreeSet::new(),
            first: false,
            settled: true,
            needed: 10,
        }
    }

    #[test]
    fn the_first_voters_are_said_again_once_there_is_a_cluster() {
        let members = [(1, Living::Up), (2, Living::Up), (3, Living::Up)];
        let first = Known { first: true, ..known(&[1, 2, 3], &members) };
        assert_eq!(first.next(), voters(&[1, 2, 3]));
        assert_eq!(known(&[1, 2, 3], &members).next(), None);
        assert_eq!(Known { first: true, ..known(&[1], &members[..1]) }.next(), None);
    }

    fn voters(ids: &[RaftId]) -> Option<Step> {
        Some(Step::SetVoters(ids.iter().copied().collect()))
    }

    #[test]
    fn a_cluster_grows_to_two_three_and_five_voters() {
        use Living::Up;
        assert_eq!(known(&[1], &[(1, Up), (2, Up)]).next(), voters(&[1, 2]));
        assert_eq!(known(&[1, 2], &[(1, Up), (2, Up), (3, Up)]).next(), voters(&[1, 2, 3]));
        assert_eq!(known(&[1, 2, 3], &[(1, Up), (2, Up), (3, Up), (4, Up)]).next(), None);
        assert_eq!(known(&[1, 2, 3], &[(1, Up), (2, Up), (3, Up), (4, Up), (5, Up)]).next(), voters(&[1, 2, 3, 4, 5]));
    }

    #[test]
    fn a_dead_voter_keeps_its_seat_until_another_takes_it() {
        use Living::{Down, Up};
        assert_eq!(known(&[1, 2, 3], &[(1, Up), (2, Up), (3, Down)]).next(), None);
        assert_eq!(known(&[1, 2, 3], &[(1, Up), (2, Up), (3, Down), (4, Up)]).next(), voters(&[1, 2, 4]));
    }

    #[test]
    fn a_voter_that_never_comes_back_is_replaced_before_one_that_may() {
        use Living::{Down, Up};
        let members = [(1, Up), (2, Down), (4, Up), (5, Up), (6, Up)];
        assert_eq!(known(&[1, 2, 3, 4, 5], &members).next(), voters(&[1, 2, 4, 5, 6]));
    }

    #[test]
    fn a_leader_that_is_no_member_yet_keeps_its_seat() {
        assert_eq!(known(&[1], &[(2, Living::Up)]).next(), None);
    }

    #[test]
    fn who_leaves_gives_its_seat_up_first() {
        use Living::{Leaving, Up};
        assert_eq!(known(&[1, 2, 3], &[(1, Up), (2, Up), (3, Leaving)]).next(), voters(&[1, 2]));
        assert_eq!(known(&[1, 2], &[(1, Up), (2, Leaving)]).next(), voters(&[1]));
    }

    #[test]
    fn who_leaves_takes_dead_voters_along_that_would_be_half_of_the_rest() {
        use Living::{Down, Leaving, Up};
        assert_eq!(known(&[1, 2, 3], &[(1, Up), (2, Down), (3, Leaving)]).next(), voters(&[1]));
        let five = [(1, Up), (2, Up), (3, Up), (4, Down), (5, Leaving)];
        assert_eq!(known(&[1, 2, 3, 4, 5], &five).next(), voters(&[1, 2, 3, 4]));
    }

    #[test]
    fn made_up_voters_go_once_the_real_ones_are_members() {
        use Living::Up;
        let mut known = known(&[1, 2, 3, 8, 9], &[(1, Up), (2, Up)]);
        known.made_up = BTreeSet::from([8, 9]);
        // A majority of five agrees to it, and two of three are heard.
        assert_eq!(known.next(), None);
        known.members.push(Standing { raft_id: 3, state: Up });
        assert_eq!(known.next(), voters(&[1, 2, 3]));
        known.voters = vec![BTreeSet::from([1, 2, 3])];
        assert_eq!(known.next(), Some(Step::Remove(BTreeSet::from([8, 9]))));
        // With nobody to take its seat, one that has not joined yet keeps it.
        known.nodes = BTreeSet::from([1, 2, 3]);
        known.members.pop();
        assert_eq!(known.next(), None);
    }

    #[test]
    fn a_learner_votes_only_with_the_log_acknowledged() {
        use Living::Up;
        let mut known = known(&[1], &[(1, Up), (2, Up)]);
        known.acknowledged.insert(2, 9);
        assert_eq!(known.next(), None);
        known.acknowledged.remove(&2);
        assert_eq!(known.next(), None);
    }

    #[test]
    fn a_change_left_half_done_is_finished() {
        let mut known = known(&[1], &[(1, Living::Up), (2, Living::Up)]);
        known.voters.push(BTreeSet::from([1, 2]));
        assert_eq!(known.next(), voters(&[1, 2]));
    }

    proptest! {
        /// Carried out one by one, the steps come to an end, and no step is one that the living could not commit.
        #[test]
        fn steps_end_and_can_be_committed(
            states in proptest::collection::vec(prop_oneof![4 => Just(Living::Up), 1 => Just(Living::Down), 1 => Just(Living::Leaving), 1 => Just(Living::Silent)], 1..12),
            seats in 1usize..8,
        ) {
            let mut members: Vec<_> = states.iter().enumerate().map(|(at, state)| (at as RaftId + 1, *state)).collect();
            members[0].1 = Living::Up;
            let seats: Vec<_> = (1..=seats.min(members.len()) as RaftId).collect();
            let mut known = known(&seats, &members);
            for _ in 0..40 {
                let Some(step) = known.next() else { break };
                let up = |id: &RaftId| members.iter().any(|(other, state)| other == id && *state == Living::Up);
                match step {
                    Step::AddLearner(id) => {
                        known.nodes.insert(id);
                        known.acknowledged.insert(id, 10);
                    }
                    Step::SetVoters(next) => {
                        prop_assert!(next.iter().filter(|id| up(id)).count() * 2 > next.len());
                        prop_assert!(next.contains(&1));
                        known.voters = vec![next];
                    }
                    Step::Remove(ids) => known.nodes.retain(|id| !ids.contains(id)),
                }
            }
            prop_assert_eq!(known.next(), None);
        }
    }
}
