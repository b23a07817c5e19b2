//! A cluster that carries out what is planned, and looks at each step.

use std::{collections::BTreeSet, sync::Arc};

use crate::cluster::{
    Incarnation, NodeKey,
    placement::{
        Chain, Configuration, SLOTS, Slot, SlotTable, Stage,
        plan::{Known, Node, Proposal},
    },
};

/// A cluster that carries out what is planned.
pub(super) struct Cluster {
    pub(super) chains: SlotTable,
    pub(super) nodes: Vec<Node>,
    pub(super) copies: usize,
    pub(super) least: usize,
    /// The version of the type table.
    pub(super) types: u64,
    pub(super) moves: usize,
    pub(super) stuck: BTreeSet<Slot>,
    /// How many nodes there have been.
    named: u64,
    /// Decides how fast configurations become full.
    pub(super) dice: u64,
    /// Changes of primaries: the slot, from whom, to whom.
    pub(super) moved: Vec<(Slot, NodeKey, NodeKey)>,
    /// How often a slot was copied to a node.
    pub(super) copied: usize,
}

pub(super) fn key(name: &str, incarnation: u64) -> NodeKey {
    NodeKey { id: name.into(), incarnation: Incarnation(incarnation) }
}

impl Cluster {
    pub(super) fn of(nodes: usize, copies: usize, moves: usize) -> Self {
        let mut cluster = Self {
            chains: vec![],
            nodes: vec![],
            copies,
            least: copies,
            types: 1,
            moves,
            stuck: BTreeSet::new(),
            named: 0,
            dice: 7,
            moved: vec![],
            copied: 0,
        };
        (0..nodes).for_each(|_| cluster.join());
        cluster
    }

    pub(super) fn join(&mut self) {
        self.named += 1;
        self.nodes.push(Node { key: key(&format!("node-{:03}", self.named * 7 % 1000), 1), leaving: false });
        self.nodes.sort_by(|one, other| one.key.cmp(&other.key));
    }

    pub(super) fn known(&self) -> Known<'_> {
        let Self { chains, nodes, stuck, copies, least, types, .. } = self;
        Known { chains, nodes, copies: *copies, least: *least, types: *types, stuck }
    }

    fn staying(&self) -> Vec<&NodeKey> {
        self.nodes.iter().filter(|node| !node.leaving).map(|node| &node.key).collect()
    }

    fn is_up(&self, key: &NodeKey) -> bool {
        self.nodes.iter().any(|node| node.key == *key)
    }

    fn throw(&mut self) -> u64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.dice >> 33
    }

    /// Slots on their way to being full. Those that nobody can have are not.
    pub(super) fn in_motion(&self) -> usize {
        let orphans: BTreeSet<_> = self.known().orphans().into_iter().chain(self.stuck.iter().copied()).collect();
        let moving = |chain: &Chain| chain.current().is_some_and(|config| config.stage < Stage::Full);
        (0..).zip(&self.chains).filter(|(slot, chain)| moving(chain) && !orphans.contains(slot)).count()
    }

    /// Commits what is planned, after a look at each proposal. Whether there was any.
    pub(super) fn plan(&mut self) -> bool {
        let proposals = self.known().next(self.moves);
        assert_eq!(proposals, self.known().next(self.moves), "the same table, the same plan");
        self.chains.resize_with(SLOTS, Arc::default);
        let wanted = self.copies.min(self.staying().len());
        let (mut slots, mut moves, before) = (BTreeSet::new(), 0, self.in_motion());
        for Proposal { slot, after, members } in &proposals {
            let chain = &self.chains[usize::from(*slot)];
            assert!(slots.insert(*slot), "one proposal a slot");
            assert_eq!(*after, chain.epoch());
            assert!(!members.is_empty() && members.iter().all(|member| self.is_up(member)));
            assert_eq!(members.iter().collect::<BTreeSet<_>>().len(), members.len(), "each member once");
            let Some(current) = chain.current() else { continue };
            let changes = current.members != *members || current.types < self.types;
            assert!(changes, "a configuration that changes nothing");
            assert!(self.keeps_what_there_is(chain, members));
            let newcomers = members.iter().filter(|member| !current.has(member));
            for newcomer in newcomers {
                let had = chain.0.iter().any(|config| config.has(newcomer));
                assert!(had || self.staying().contains(&newcomer), "a leaving node gets nothing new");
            }
            let hurt = current.members.iter().any(|member| !self.is_up(member));
            if hurt || current.members.len() < wanted {
                let living: Vec<_> = current.members.iter().filter(|member| self.is_up(member)).collect();
                // Where an older configuration takes over, all of it does.
                let more = members.len() > living.len().max(wanted);
                assert!(!more || living.is_empty(), "no more than there should be");
                if let Some(primary) = current.primary().filter(|primary| self.is_up(primary)) {
                    assert_eq!(members.first(), Some(primary), "a repair deposes nobody");
                }
            } else {
                assert_eq!(current.stage, Stage::Full, "slot {slot}: {current:?} to {members:?}");
                assert!(members.len() <= current.members.len().max(self.copies).max(2));
                if members.first() != current.primary() {
                    let ready = current.members.iter().take(self.least.max(2)).any(|member| *member == members[0]);
                    assert!(ready, "whoever takes over has something of each type");
                }
                moves += 1;
            }
        }
        let repairs = proposals.len() - moves;
        for Proposal { slot, members, .. } in proposals.clone() {
            let chain = Arc::make_mut(&mut self.chains[usize::from(slot)]);
            let new = |member: &&NodeKey| !chain.current().is_some_and(|config| config.has(member));
            self.copied += members.iter().filter(new).count();
            if let Some(old) = chain.primary().filter(|old| **old != members[0]) {
                self.moved.push((slot, old.clone(), members[0].clone()));
            }
            chain.begin(members, self.types);
        }
        assert!(moves == 0 || self.in_motion() <= self.moves, "{before} and {repairs} repairs and {moves} moves");
        !proposals.is_empty()
    }

    /// Whoever had a slot and is up is asked first.
    fn keeps_what_there_is(&self, chain: &Chain, members: &[NodeKey]) -> bool {
        let lives = |config: &&Configuration| config.members.iter().any(|member| self.is_up(member));
        chain.0.iter().find(lives).is_some_and(|config| config.has(&members[0]))
    }

    /// Some configurations get on.
    pub(super) fn get_on(&mut self) {
        for slot in 0..self.chains.len() {
            let dice = self.throw();
            let chain = Arc::make_mut(&mut self.chains[slot]);
            if let Some(Configuration { epoch, stage: Stage::Begun | Stage::Complete, members, .. }) = chain.current().cloned()
                && members.iter().all(|member| self.nodes.iter().any(|node| node.key == *member))
            {
                match dice % 4 {
                    0 => {}
                    1 => drop(chain.reach(epoch, Stage::Complete)),
                    _ => drop(chain.reach(epoch, Stage::Full)),
                }
            }
        }
    }

    /// Until there is nothing left to do. Returns how many rounds it took.
    pub(super) fn settle(&mut self) -> usize {
        for round in 0..5_000 {
            if !self.plan() && self.in_motion() == 0 {
                return round;
            }
            self.get_on();
        }
        panic!("the steps do not end");
    }

    /// How many slots each node that stays is the primary of, and how many it holds.
    pub(super) fn counts(&self) -> Vec<(usize, usize)> {
        let current = || self.chains.iter().filter_map(|chain| chain.current());
        let load = |key: &NodeKey| current().filter(|config| config.primary() == Some(key)).count();
        let held = |key: &NodeKey| current().filter(|config| config.has(key)).count();
        self.staying().into_iter().map(|key| (load(key), held(key))).collect()
    }

    /// All that must hold when nothing is left to do.
    pub(super) fn check_settled(&self) {
        assert_eq!(self.known().next(self.moves), []);
        let orphans = self.known().orphans();
        if self.staying().is_empty() || self.copies == 0 {
            return;
        }
        let wanted = self.copies.min(self.staying().len());
        for (slot, chain) in (0..).zip(&self.chains) {
            let Some(current) = chain.current().filter(|_| !orphans.contains(&slot)) else { continue };
            assert_eq!(current.members.len(), wanted);
            assert!(current.types >= self.types);
            assert!(current.members.iter().all(|member| self.staying().contains(&member)), "{current:?}");
        }
        if orphans.is_empty() {
            self.check_even();
        }
    }

    fn check_even(&self) {
        let counts = self.counts();
        let spread = |of: fn(&(usize, usize)) -> usize| {
            let all = || counts.iter().map(of);
            all().max().unwrap_or(0) - all().min().unwrap_or(0)
        };
        let held: usize = counts.iter().map(|(_, held)| held).sum();
        assert!(spread(|(load, _)| *load) <= 1, "{counts:?}");
        assert!(spread(|(_, held)| *held) <= 1 + held / counts.len() / 16, "{counts:?}");
    }

    pub(super) fn remove(&mut self, at: usize) -> NodeKey {
        self.nodes.remove(at).key
    }
}
