use std::collections::BTreeSet;

use super::*;
use crate::cluster::{
    Incarnation,
    placement::{TypeSettings, TypeTable},
    replication::{Content, Wait, Written},
};

pub(super) fn node(name: &str) -> NodeKey {
    NodeKey { id: name.into(), incarnation: Incarnation(1) }
}

pub(super) fn key(id: &str) -> Key {
    Key { kind: 0, id: id.into() }
}

/// Nodes with one slot, whose messages arrive in order unless a test takes them out.
pub(super) struct Nodes {
    pub(super) cores: BTreeMap<NodeKey, Core<&'static str>>,
    pub(super) agreed: Agreed,
    /// Who applies nothing of what is agreed.
    pub(super) behind: BTreeSet<NodeKey>,
    pub(super) net: Vec<(NodeKey, NodeKey, Message)>,
    /// What else each wanted done.
    said: Vec<(NodeKey, Out<&'static str>)>,
    bytes: usize,
}

impl Nodes {
    /// All with one type of this factor and sync; the first configuration has these members.
    pub(super) fn new(names: &[&str], members: &[&str], factor: u32, sync: u32) -> Self {
        let mut types = TypeTable::default();
        types.declare(
            &"kind".into(),
            TypeSettings { factor, sync, strict: false, accepts_loss: false, singleton: false, hash: 0 },
        );
        let up: BTreeSet<_> = names.iter().map(|name| node(name)).collect();
        let cores = up.iter().map(|node| (node.clone(), Core::new(node.clone()))).collect();
        let agreed = Agreed { types: types.into(), up, ..Agreed::default() };
        let behind = BTreeSet::new();
        let mut nodes = Self { cores, agreed, behind, net: Vec::new(), said: Vec::new(), bytes: 0 };
        nodes.begin(members);
        nodes
    }

    pub(super) fn begin(&mut self, members: &[&str]) {
        let members = members.iter().map(|name| node(name)).collect();
        Arc::make_mut(&mut self.agreed.chain).begin(members, self.agreed.types.version);
        self.learn();
    }

    /// As the cluster's state does it.
    fn accept(&mut self) {
        let chain = Arc::make_mut(&mut self.agreed.chain);
        chain.0[0].accepted = true;
        let members = chain.0[0].members.clone();
        chain.begin(members, self.agreed.types.version);
        self.learn();
    }

    fn down(&mut self, name: &str) {
        self.agreed.up.remove(&node(name));
        self.learn();
    }

    pub(super) fn learn(&mut self) {
        for node in self.cores.keys().filter(|node| !self.behind.contains(*node)).cloned().collect::<Vec<_>>() {
            let agreed = self.agreed.clone();
            self.with(&node, |core, out| core.agreed(agreed, out));
        }
    }

    pub(super) fn with<R>(
        &mut self,
        of: &NodeKey,
        act: impl FnOnce(&mut Core<&'static str>, &mut Vec<Out<&'static str>>) -> R,
    ) -> R {
        let mut out = Vec::new();
        let result = act(self.cores.get_mut(of).unwrap(), &mut out);
        for out in out {
            match out {
                Out::Send(to, message) => self.net.push((of.clone(), to, message)),
                other => self.said.push((of.clone(), other)),
            }
        }
        result
    }

    /// Delivers everything to those that are up, applies what is reached, releases, until nothing moves.
    pub(super) fn settle(&mut self) {
        while !self.net.is_empty() || self.apply() {
            for (from, to, message) in std::mem::take(&mut self.net) {
                let mut bytes = Vec::new();
                message.encode(&mut bytes);
                self.bytes += bytes.len();
                if self.agreed.up.contains(&to) {
                    self.with(&to, |core, out| core.receive(&from, message, out));
                }
            }
        }
    }

    fn apply(&mut self) -> bool {
        let mut moved = false;
        for (of, out) in self.said.clone() {
            match out {
                Out::Reached(epoch, stage) if Arc::make_mut(&mut self.agreed.chain).reach(epoch, stage) => {
                    moved = true;
                    self.learn();
                }
                Out::Stops { epoch, orderly: true } => {
                    self.said.retain(|said| *said != (of.clone(), Out::Stops { epoch, orderly: true }));
                    self.with(&of, |core, out| core.released(epoch, out));
                    moved = true;
                }
                _ => {}
            }
        }
        moved
    }

    fn tick(&mut self) {
        for node in self.cores.keys().cloned().collect::<Vec<_>>() {
            self.with(&node, |core, out| core.tick(out));
        }
    }

    pub(super) fn write(&mut self, name: &str, id: &'static str, state: Option<&[u8]>) -> Result<Wait, NotServing> {
        self.write_sparing(name, id, state, false)
    }

    fn write_sparing(&mut self, name: &str, id: &'static str, state: Option<&[u8]>, sparing: bool) -> Result<Wait, NotServing> {
        self.with(&node(name), |core, out| core.write(&key(id), state, &id, sparing, out))
    }

    fn wake(&mut self, name: &str, id: &'static str) -> Result<Wait, NotServing> {
        self.with(&node(name), |core, out| core.wake(&key(id), &id, out))
    }

    pub(super) fn has_said(&self, name: &str, out: Out<&'static str>) -> bool {
        self.said.contains(&(node(name), out))
    }

    fn state(&self, name: &str, id: &str) -> Option<&[u8]> {
        self.cores[&node(name)].state(&key(id)).map(|state| &**state)
    }

    fn serving(&self, name: &str) -> Option<Epoch> {
        self.cores[&node(name)].serving()
    }
}

#[test]
fn a_change_is_kept_once_enough_backups_have_it() {
    let mut nodes = Nodes::new(&["a", "b", "c"], &["a", "b", "c"], 3, 1);
    assert_eq!((nodes.serving("a"), nodes.serving("b")), (Some(1), None));
    assert_eq!(nodes.write("b", "x", Some(b"1")), Err(NotServing));
    assert_eq!(nodes.write("a", "x", Some(b"1")), Ok(Wait::Pending(1)));
    assert_eq!(nodes.write("a", "x", Some(b"1")), Ok(Wait::Pending(1)), "unchanged, but not kept yet");
    assert!(!nodes.has_said("a", Out::Kept("x", 1)));
    nodes.settle();
    assert!(nodes.has_said("a", Out::Kept("x", 1)));
    assert_eq!((nodes.state("b", "x"), nodes.state("c", "x")), (Some(&b"1"[..]), Some(&b"1"[..])));
    assert_eq!(nodes.write("a", "x", Some(b"1")), Ok(Wait::Kept(1)));
    assert!(nodes.net.is_empty(), "unchanged bytes are not sent");
}

#[test]
fn what_earlier_activations_said_leaves_too_when_the_next_is_awake() {
    let mut nodes = Nodes::new(&["a", "b"], &["a", "b"], 2, 1);
    assert_eq!(nodes.write("a", "x", Some(b"1")), Ok(Wait::Pending(1)));
    let woken = nodes.with(&node("a"), |core, out| core.wake(&key("x"), &"the next", out));
    assert_eq!(woken, Ok(Wait::Pending(1)));
    nodes.settle();
    assert!(nodes.has_said("a", Out::Kept("x", 1)) && nodes.has_said("a", Out::Kept("the next", 1)));
}

#[test]
fn with_much_to_do_backups_that_nobody_waits_for_get_changes_together() {
    let mut nodes = Nodes::new(&["a", "b", "c"], &["a", "b", "c"], 3, 1);
    let large = vec![b'-'; 100_000];
    nodes.write("a", "x", Some(&large)).unwrap();
    nodes.settle();
    let before = nodes.bytes;
    for change in *b"123" {
        let changed = [&large, &[change][..]].concat();
        assert!(matches!(nodes.write_sparing("a", "x", Some(&changed), true), Ok(Wait::Pending(_))));
        nodes.settle();
    }
    assert!(nodes.has_said("a", Out::Kept("x", 4)), "one backup is enough");
    assert_eq!(nodes.state("c", "x"), Some(&large[..]));
    nodes.tick();
    nodes.settle();
    assert!(nodes.state("c", "x").is_some_and(|state| state.ends_with(b"3")));
    assert!(nodes.bytes - before < 1_000, "only what has changed is sent");
}

#[test]
fn who_is_spared_stands_in_for_who_does_not_answer() {
    let mut nodes = Nodes::new(&["a", "b", "c"], &["a", "b", "c"], 3, 1);
    nodes.settle();
    nodes.write_sparing("a", "x", Some(b"1"), true).unwrap();
    nodes.net.retain(|(_, to, _)| *to != node("b"));
    nodes.tick();
    nodes.net.retain(|(_, to, _)| *to != node("b"));
    nodes.settle();
    assert!(nodes.has_said("a", Out::Kept("x", 1)));
}

#[test]
fn what_was_not_answered_is_sent_again() {
    let mut nodes = Nodes::new(&["a", "b"], &["a", "b"], 2, 1);
    nodes.settle();
    nodes.write("a", "x", Some(b"1")).unwrap();
    nodes.net.clear();
    (0..PATIENCE).for_each(|_| nodes.tick());
    nodes.settle();
    assert!(nodes.has_said("a", Out::Kept("x", 1)));
    assert_eq!(nodes.state("b", "x"), Some(&b"1"[..]));
}

#[test]
fn without_sync_an_answer_waits_for_nobody() {
    let mut nodes = Nodes::new(&["a", "b"], &["a", "b"], 2, 0);
    assert_eq!(nodes.write("a", "x", Some(b"1")), Ok(Wait::Kept(1)));
    nodes.settle();
    assert_eq!(nodes.state("b", "x"), Some(&b"1"[..]));
}

#[test]
fn a_backup_takes_over_from_a_dead_primary_and_rewrites_before_it_answers() {
    let mut nodes = Nodes::new(&["a", "b", "c", "d"], &["a", "b", "c"], 3, 1);
    nodes.write("a", "x", Some(b"1")).unwrap();
    nodes.settle();
    nodes.down("a");
    nodes.begin(&["b", "c", "d"]);
    assert_eq!(nodes.serving("b"), None);
    // It has sealed and gathered, but nothing that it found is on a backup in its epoch.
    while nodes.serving("b").is_none() {
        let (from, to, message) = nodes.net.remove(0);
        nodes.with(&to, |core, out| core.receive(&from, message, out));
    }
    assert_eq!(nodes.wake("b", "x"), Ok(Wait::Pending(1)));
    assert_eq!(nodes.wake("b", "nothing"), Ok(Wait::Kept(0)));
    nodes.settle();
    assert!(nodes.has_said("b", Out::Kept("x", 1)));
    assert_eq!(nodes.state("d", "x"), Some(&b"1"[..]));
    assert_eq!(nodes.agreed.chain.0.len(), 1, "it is full");
}

#[test]
fn of_those_who_wake_an_entity_at_once_each_is_told_when_it_is_kept() {
    let mut nodes = Nodes::new(&["a", "b", "c", "d"], &["a", "b", "c"], 3, 1);
    nodes.write("a", "x", Some(b"1")).unwrap();
    nodes.settle();
    nodes.down("a");
    nodes.begin(&["b", "c", "d"]);
    while nodes.serving("b").is_none() {
        let (from, to, message) = nodes.net.remove(0);
        nodes.with(&to, |core, out| core.receive(&from, message, out));
    }
    // Only one of them will be its activation.
    for name in ["first", "second"] {
        let woken = nodes.with(&node("b"), |core, out| core.wake(&key("x"), &name, out));
        assert_eq!(woken, Ok(Wait::Pending(1)));
    }
    nodes.settle();
    assert!(nodes.has_said("b", Out::Kept("first", 1)) && nodes.has_said("b", Out::Kept("second", 1)));
}

#[test]
fn a_primary_that_is_up_hands_over_in_order() {
    let mut nodes = Nodes::new(&["a", "b", "c"], &["a", "b"], 2, 1);
    nodes.write("a", "x", Some(b"1")).unwrap();
    nodes.settle();
    nodes.begin(&["c", "a"]);
    let (from, to, seal) = nodes.net.remove(0);
    nodes.with(&to, |core, out| core.receive(&from, seal.clone(), out));
    nodes.with(&to, |core, out| core.receive(&from, seal, out));
    let stops = nodes.said.iter().filter(|(_, said)| *said == Out::Stops { epoch: 1, orderly: true });
    assert_eq!(stops.count(), 1);
    assert_eq!(nodes.write("a", "x", Some(b"2")), Ok(Wait::Pending(2)), "handlers may end");
    assert_eq!(nodes.serving("c"), None);
    nodes.settle();
    assert!(nodes.has_said("a", Out::Kept("x", 2)) || nodes.state("c", "x") == Some(b"2"));
    assert_eq!((nodes.serving("a"), nodes.serving("c")), (None, Some(2)));
    assert_eq!(nodes.state("c", "x"), Some(&b"2"[..]));
    assert_eq!(nodes.cores[&node("b")].len(), 0, "it is no member any more");
}

#[test]
fn who_stays_primary_serves_without_a_gap() {
    let mut nodes = Nodes::new(&["a", "b", "c"], &["a", "b"], 2, 1);
    nodes.write("a", "x", Some(b"1")).unwrap();
    nodes.settle();
    nodes.write("a", "y", Some(b"1")).unwrap();
    nodes.net.clear();
    nodes.begin(&["a", "c"]);
    assert_eq!(nodes.serving("a"), Some(2));
    assert_eq!(nodes.wake("a", "x"), Ok(Wait::Kept(1)), "it was kept, and is found by whoever follows");
    nodes.settle();
    assert!(nodes.has_said("a", Out::Kept("y", 1)), "what was pending counts by the new backups");
    assert_eq!((nodes.state("c", "x"), nodes.state("c", "y")), (Some(&b"1"[..]), Some(&b"1"[..])));
}

#[test]
fn a_destroyed_entity_does_not_come_back_from_an_old_copy() {
    let mut nodes = Nodes::new(&["a", "b", "c"], &["a", "b", "c"], 3, 1);
    nodes.write("a", "x", Some(b"1")).unwrap();
    nodes.settle();
    nodes.write("a", "x", None).unwrap();
    nodes.net.retain(|(_, to, _)| *to != node("c"));
    nodes.settle();
    assert!(nodes.has_said("a", Out::Kept("x", 2)));
    assert_eq!(nodes.state("c", "x"), Some(&b"1"[..]));
    nodes.down("a");
    nodes.begin(&["c", "b"]);
    nodes.settle();
    assert_eq!((nodes.serving("c"), nodes.state("c", "x")), (Some(2), None));
    assert_eq!(nodes.cores[&node("c")].entities(0).count(), 0);
}

#[test]
fn with_too_many_copies_gone_for_good_it_is_lost_until_accepted() {
    let mut nodes = Nodes::new(&["a", "b", "c"], &["a", "b"], 2, 1);
    nodes.write("a", "x", Some(b"1")).unwrap();
    nodes.settle();
    nodes.down("a");
    nodes.down("b");
    nodes.begin(&["c"]);
    nodes.settle();
    assert!(!nodes.cores[&node("c")].is_lost(0), "who is down may come back");
    nodes.agreed.ended.extend([node("a"), node("b")]);
    nodes.learn();
    assert!(nodes.has_said("c", Out::Lost(2)) && nodes.cores[&node("c")].is_lost(0));
    assert!(nodes.wake("c", "x").is_err());
    nodes.settle();
    assert_eq!(nodes.agreed.chain.0[0].stage, Stage::Begun, "what may be lost is not forgotten");
    nodes.accept();
    nodes.settle();
    assert_eq!((nodes.serving("c"), nodes.cores[&node("c")].is_lost(0)), (Some(3), false));
    assert!(nodes.wake("c", "x").is_ok());
}

#[test]
fn what_nobody_else_has_is_on_backups_before_it_is_answered_for_once_that_is_asked() {
    let mut nodes = Nodes::new(&["a", "b"], &["a", "b"], 2, 0);
    assert_eq!(nodes.write("a", "x", Some(b"1")), Ok(Wait::Kept(1)));
    nodes.net.clear();
    let types = Arc::make_mut(&mut nodes.agreed.types);
    let (after, none) = types.newest("kind").unwrap();
    types.change("kind", after, TypeSettings { sync: 1, ..none });
    nodes.learn();
    assert_eq!(nodes.serving("a"), Some(1));
    assert_eq!(nodes.write("a", "y", Some(b"1")), Ok(Wait::Kept(1)), "the configuration is the same");
    nodes.net.clear();
    nodes.begin(&["a", "b"]);
    assert!(nodes.has_said("a", Out::Stops { epoch: 1, orderly: true }), "who is awake speaks for what only it has");
    nodes.with(&node("a"), |core, out| core.released(1, out));
    assert_eq!(nodes.serving("a"), Some(2));
    assert_eq!(nodes.wake("a", "x"), Ok(Wait::Pending(1)));
    nodes.settle();
    assert!(nodes.has_said("a", Out::Kept("x", 1)));
    assert_eq!(nodes.wake("a", "y"), Ok(Wait::Kept(1)));
    // Where less is asked, it goes on.
    let types = Arc::make_mut(&mut nodes.agreed.types);
    types.change("kind", types.version, none);
    nodes.begin(&["a", "b"]);
    assert!(!nodes.has_said("a", Out::Stops { epoch: 2, orderly: true }));
    assert_eq!((nodes.serving("a"), nodes.write("a", "x", Some(b"2"))), (Some(3), Ok(Wait::Kept(2))));
}

#[test]
fn what_more_copies_were_kept_of_is_served_where_the_rest_is_lost() {
    let mut nodes = Nodes::new(&["a", "b", "c", "d", "e"], &["a", "b", "c"], 3, 1);
    let all = TypeSettings { factor: 3, sync: 2, strict: false, accepts_loss: false, singleton: false, hash: 0 };
    Arc::make_mut(&mut nodes.agreed.types).declare(&"all".into(), all);
    nodes.begin(&["a", "b", "c"]);
    let x = Key { kind: 1, id: "x".into() };
    nodes.with(&node("a"), |core, out| core.write(&x, Some(b"1"), &"x", false, out)).unwrap();
    nodes.settle();
    for gone in ["a", "c"] {
        nodes.agreed.ended.insert(node(gone));
        nodes.down(gone);
    }
    nodes.begin(&["b", "d", "e"]);
    nodes.settle();
    assert!(nodes.cores[&node("b")].is_lost(0) && !nodes.cores[&node("b")].is_lost(1));
    let wait = nodes.with(&node("b"), |core, out| core.wake(&x, &"woken", out));
    assert_eq!(wait, Ok(Wait::Pending(1)));
    nodes.settle();
    assert!(nodes.has_said("b", Out::Kept("woken", 1)));
}

#[test]
fn who_was_sealed_takes_nothing_older_and_who_is_refused_stops() {
    let mut nodes = Nodes::new(&["a", "b", "c"], &["a", "b"], 2, 1);
    nodes.settle();
    nodes.with(&node("b"), |core, out| core.receive(&node("c"), Message::Seal { epoch: 5 }, out));
    nodes.write("a", "x", Some(b"1")).unwrap();
    nodes.settle();
    assert!(nodes.has_said("a", Out::Stops { epoch: 1, orderly: false }));
    assert_eq!((nodes.serving("a"), nodes.state("b", "x")), (None, None));
}

#[test]
fn who_was_down_serves_again_only_if_nobody_else_took_the_slot() {
    let mut nodes = Nodes::new(&["a", "b"], &["a", "b"], 2, 1);
    nodes.with(&node("a"), |core, out| core.fenced(out));
    assert!(nodes.has_said("a", Out::Stops { epoch: 1, orderly: false }));
    assert_eq!(nodes.write("a", "x", Some(b"1")), Err(NotServing));
    nodes.learn();
    assert_eq!(nodes.serving("a"), Some(1));
    nodes.with(&node("a"), |core, out| core.fenced(out));
    nodes.begin(&["b", "a"]);
    assert_eq!(nodes.serving("a"), None);
}

#[test]
fn what_was_pending_when_a_primary_went_down_is_pending_when_it_is_back() {
    let mut nodes = Nodes::new(&["a", "b"], &["a", "b"], 2, 1);
    nodes.settle();
    nodes.write("a", "x", Some(b"1")).unwrap();
    nodes.net.clear();
    nodes.down("a");
    assert_eq!(nodes.serving("a"), None);
    nodes.agreed.up.insert(node("a"));
    nodes.learn();
    nodes.net.clear();
    assert_eq!((nodes.serving("a"), nodes.wake("a", "x")), (Some(1), Ok(Wait::Pending(1))));
}

#[test]
fn of_a_large_state_only_what_changed_is_sent() {
    let mut nodes = Nodes::new(&["a", "b"], &["a", "b"], 2, 1);
    nodes.settle();
    let mut state: Vec<u8> = (0..1_u32 << 18).flat_map(u32::to_le_bytes).collect();
    nodes.write("a", "x", Some(&state)).unwrap();
    nodes.settle();
    state[500_000..500_100].fill(255);
    nodes.write("a", "x", Some(&state)).unwrap();
    let (before, size) = (nodes.bytes, nodes.net.len());
    nodes.settle();
    println!("{} bytes for 100 of 1 MiB, with the ack", nodes.bytes - before);
    assert_eq!(size, 1);
    assert!(nodes.bytes - before < 4096);
    assert_eq!(nodes.state("b", "x"), Some(&*state));
    // A backup that has not got what the patch builds on gets the whole.
    state[0] = 7;
    nodes.write("a", "x", Some(&state)).unwrap();
    nodes.net.clear();
    state[1] = 7;
    nodes.write("a", "x", Some(&state)).unwrap();
    // It waits for what is under way.
    assert!(nodes.net.is_empty());
    (0..PATIENCE).for_each(|_| nodes.tick());
    nodes.settle();
    assert!(nodes.state("b", "x") == Some(&*state));
}

#[test]
fn a_late_update_does_not_undo_a_later_one() {
    let mut nodes = Nodes::new(&["a", "b"], &["a", "b"], 2, 1);
    nodes.settle();
    nodes.write("a", "x", Some(b"1")).unwrap();
    nodes.write("a", "x", Some(b"2")).unwrap();
    nodes.net.reverse();
    nodes.settle();
    assert_eq!(nodes.state("b", "x"), Some(&b"2"[..]));
    let update = Message::Update {
        epoch: 1,
        ticket: 99,
        kind: 0,
        id: "x".into(),
        written: Written { epoch: 1, version: 1 },
        content: Content::Whole(b"1"[..].into()),
    };
    nodes.with(&node("b"), |core, out| core.receive(&node("a"), update, out));
    assert_eq!(nodes.state("b", "x"), Some(&b"2"[..]));
}

#[test]
fn a_node_whose_table_is_behind_keeps_what_a_later_primary_sent() {
    let mut nodes = Nodes::new(&["a", "b", "c"], &["a", "b"], 2, 1);
    let (written, content) = (Written { epoch: 2, version: 1 }, Content::Whole(b"1"[..].into()));
    let update = Message::Update { epoch: 2, ticket: 1, kind: 0, id: "x".into(), written, content };
    nodes.with(&node("c"), |core, out| core.receive(&node("a"), update, out));
    nodes.learn();
    assert_eq!(nodes.state("c", "x"), Some(&b"1"[..]));
    nodes.begin(&["a", "b"]);
    assert_eq!(nodes.state("c", "x"), None, "now it is known to be no member");
}

#[test]
fn who_is_made_anew_counts_for_more_than_a_tombstone_that_a_backup_remembers() {
    let mut nodes = Nodes::new(&["a", "b", "c"], &["a", "b", "c"], 3, 1);
    nodes.write("a", "x", Some(b"1")).unwrap();
    nodes.write("a", "x", None).unwrap();
    nodes.net.retain(|(_, to, _)| *to != node("c"));
    nodes.settle();
    nodes.net.clear();
    nodes.begin(&["a", "c"]);
    nodes.settle();
    // The primary alone knows that it is full, and has dropped its tombstone.
    nodes.write("a", "x", Some(b"2")).unwrap();
    nodes.settle();
    assert_eq!(nodes.state("c", "x"), Some(&b"2"[..]));
    assert!(nodes.cores[&node("a")].version(&key("x")) > 2);
}

#[test]
fn a_strict_kind_asks_whether_enough_backups_are_up() {
    let mut nodes = Nodes::new(&["a", "b", "c"], &["a", "b", "c"], 3, 2);
    assert!(nodes.cores[&node("a")].has_enough_backups(0));
    nodes.down("c");
    assert!(!nodes.cores[&node("a")].has_enough_backups(0));
}

#[test]
fn many_entities_are_synced_page_by_page() {
    const COUNT: u32 = 5000;
    let mut nodes = Nodes::new(&["a", "b", "c"], &["a"], 2, 1);
    let ids: Vec<_> = (0..COUNT).map(|at| format!("an entity whose name is {at}")).collect();
    for id in &ids {
        nodes.with(&node("a"), |core, out| core.write(&key(id), Some(id.as_bytes()), &"", false, out)).unwrap();
    }
    nodes.begin(&["a", "b"]);
    nodes.settle();
    assert_eq!(nodes.cores[&node("b")].len(), COUNT as usize);
    assert_eq!(nodes.agreed.chain.0.len(), 1);
    // The next primary gathers all of it from the one before.
    nodes.begin(&["c", "b"]);
    nodes.settle();
    assert_eq!((nodes.serving("c"), nodes.cores[&node("c")].len()), (Some(3), COUNT as usize));
    assert_eq!(nodes.state("c", &ids[77]), Some(ids[77].as_bytes()));
}

/// Run with `--ignored --nocapture`, in release.
#[test]
#[ignore = "a measurement"]
#[expect(clippy::disallowed_methods, reason = "it measures")]
fn what_a_configuration_with_a_million_unchanged_entities_costs() {
    let mut nodes = Nodes::new(&["a", "b", "c"], &["a", "b"], 2, 1);
    for at in 0..1_000_000 {
        let written = Written { epoch: 1, version: 1 };
        for name in ["a", "b"] {
            let state: Arc<[u8]> = [0; 32].into();
            nodes.cores.get_mut(&node(name)).unwrap().shelf(0).put(
                &format!("entity {at}").as_str().into(),
                written,
                1,
                Some(state),
            );
        }
    }
    nodes.settle();
    let (start, before) = (std::time::Instant::now(), nodes.bytes);
    nodes.begin(&["a", "b"]);
    nodes.settle();
    println!("the same members: {:?}, {} bytes", start.elapsed(), nodes.bytes - before);
    let (start, before) = (std::time::Instant::now(), nodes.bytes);
    nodes.down("a");
    nodes.begin(&["b"]);
    nodes.settle();
    println!("the backup takes over: {:?}, {} bytes, serves {:?}", start.elapsed(), nodes.bytes - before, nodes.serving("b"));
    let (start, before) = (std::time::Instant::now(), nodes.bytes);
    nodes.begin(&["b", "c"]);
    nodes.settle();
    println!("a backup with nothing: {:?}, {} bytes", start.elapsed(), nodes.bytes - before);
    assert_eq!(nodes.cores[&node("c")].len(), 1_000_000);
}

#[test]
fn what_is_left_when_a_loss_is_accepted_is_put_together_from_all_who_are_up() {
    let mut nodes = Nodes::new(&["q", "r", "s", "t", "u"], &["q", "t", "u"], 3, 1);
    nodes.write("q", "x", Some(b"1")).unwrap();
    nodes.settle();
    nodes.down("t");
    nodes.down("u");
    nodes.begin(&["q", "r", "s"]);
    nodes.net.clear();
    for gone in ["q", "r"] {
        nodes.agreed.ended.insert(node(gone));
        nodes.down(gone);
    }
    nodes.agreed.up.extend([node("t"), node("u")]);
    nodes.begin(&["s", "t", "u"]);
    nodes.settle();
    assert!(nodes.cores[&node("s")].is_lost(0));
    nodes.accept();
    nodes.settle();
    assert_eq!((nodes.serving("s"), nodes.state("s", "x")), (Some(4), Some(&b"1"[..])));
}

#[test]
fn who_served_though_some_was_lost_is_not_taken_for_one_that_did_not() {
    let mut nodes = Nodes::new(&["q", "r", "s", "a", "b", "c"], &["q", "r", "s"], 3, 1);
    let loose = TypeSettings { factor: 3, sync: 0, strict: false, accepts_loss: true, singleton: false, hash: 0 };
    Arc::make_mut(&mut nodes.agreed.types).declare(&"loose".into(), loose);
    nodes.begin(&["q", "r", "s"]);
    nodes.settle();
    nodes.agreed.ended.extend([node("r"), node("s")]);
    ["q", "r", "s"].iter().for_each(|name| nodes.down(name));
    nodes.begin(&["a", "b", "c"]);
    nodes.settle();
    assert!(nodes.cores[&node("a")].is_lost(0) && nodes.serving("a") == Some(3));
    let y = Key { kind: 1, id: "y".into() };
    nodes.with(&node("a"), |core, out| core.write(&y, Some(b"1"), &"y", false, out)).unwrap();
    nodes.net.clear();
    nodes.down("a");
    nodes.begin(&["b", "c"]);
    nodes.net.clear();
    // Both are back before the next one has begun, and say what they have.
    nodes.agreed.up.extend([node("a"), node("q")]);
    nodes.learn();
    for _ in 0..2 * PATIENCE {
        nodes.tick();
        nodes.settle();
    }
    assert_eq!(nodes.cores[&node("b")].state(&y).map(|state| &**state), Some(&b"1"[..]));
}

#[test]
fn what_is_remembered_of_the_destroyed_is_forgotten_when_it_has_become_much() {
    let mut nodes = Nodes::new(&["a", "b", "c"], &["a", "b", "c"], 3, 1);
    let mut destroy = |from: u32, to: u32| {
        for at in from..to {
            let it = Key { kind: 0, id: format!("{at}").into() };
            for state in [Some(&b"1"[..]), None] {
                nodes.with(&node("a"), |core, out| core.write(&it, state, &"it", false, out)).unwrap();
            }
            nodes.settle();
        }
        nodes.has_said("a", Out::Renew(1))
    };
    assert!(!destroy(0, 1000));
    assert!(destroy(1000, 1100));
    nodes.begin(&["a", "b", "c"]);
    nodes.settle();
    assert_eq!(nodes.agreed.chain.0[0].stage, Stage::Full);
    assert!(nodes.cores.values().all(|core| core.shelves[&0].len() == 0));
}

#[test]
fn a_large_state_is_fetched_by_itself() {
    let mut nodes = Nodes::new(&["a", "b"], &["a"], 1, 0);
    let large = vec![1; 8 * backup::PAGE];
    for (id, state) in [("small", &large[..100]), ("large", &large[..]), ("last", &large[..10])] {
        nodes.write("a", id, Some(state)).unwrap();
    }
    let mut ids: Vec<EntityId> = ["small", "large", "last"].map(EntityId::from).into();
    let mut fetched = Vec::new();
    while !ids.is_empty() {
        let wanted = Message::Fetch { epoch: 1, kind: 0, ids: ids.clone() };
        nodes.with(&node("a"), |core, out| core.receive(&node("b"), wanted, out));
        let Some((_, _, Message::Fetched { entries, .. })) = nodes.net.pop() else { panic!("no answer") };
        fetched.push(entries.len());
        ids.drain(..entries.len());
    }
    assert_eq!(fetched, [1, 1, 1]);
}

/// Their epochs were those that the majority had gone on to: of two states of an entity with one version each node kept its own.
#[test]
fn what_goes_on_alone_counts_for_more_than_what_the_majority_did_meanwhile() {
    let mut nodes = Nodes::new(&["a", "b", "c"], &["a", "b", "c"], 3, 1);
    nodes.write("a", "x", Some(b"1")).unwrap();
    nodes.settle();
    let before = nodes.agreed.clone();
    nodes.behind.insert(node("a"));
    nodes.down("a");
    for members in [["b", "c"], ["c", "b"], ["b", "c"]] {
        nodes.begin(&members);
        nodes.settle();
    }
    nodes.write("b", "x", Some(b"of the majority")).unwrap();
    nodes.settle();
    assert_eq!(nodes.state("c", "x"), Some(&b"of the majority"[..]));

    nodes.agreed = before;
    nodes.behind.clear();
    Arc::make_mut(&mut nodes.agreed.chain).begin_generation(1);
    for name in ["b", "c"] {
        nodes.with(&node(name), |core, out| core.fenced(out));
    }
    nodes.learn();
    nodes.settle();
    nodes.write("a", "x", Some(b"alone")).unwrap();
    nodes.settle();
    assert!(nodes.has_said("a", Out::Kept("x", 2)));
    assert!(["a", "b", "c"].iter().all(|name| nodes.state(name, "x") == Some(&b"alone"[..])));
}
