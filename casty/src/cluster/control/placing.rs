//! What the leader proposes about slots. Pure: which node should have which slot says [`placement`](crate::cluster::placement),
//! and this when to ask it.

use std::{collections::BTreeSet, sync::Arc};

use super::{Command, MemberStatus, View};
use crate::cluster::{
    NodeKey,
    placement::{Chain, Known, Node, Slot, SlotTable},
};

/// So many slots at most are on their way from one node to another. Those of nodes that failed come besides.
const MOVES: usize = 512;

/// So many slots at most are in one entry of the log.
const AT_ONCE: usize = 512;

/// The leader's part in placement.
#[derive(Debug, Default)]
pub(crate) struct Placing {
    /// Of this view, and with these who want to go, nothing came.
    rested: Option<(u64, BTreeSet<NodeKey>)>,
}

impl Placing {
    /// What is to be agreed on now. Nothing without types: no slot is needed then.
    pub(super) fn next(&self, view: &View, leaving: &BTreeSet<NodeKey>, is_down: impl Fn(&NodeKey) -> bool) -> Vec<Command> {
        let is_as_before = |(index, left): &(u64, BTreeSet<NodeKey>)| *index == view.index && left == leaving;
        if view.types.types.is_empty() || self.rested.as_ref().is_some_and(is_as_before) {
            return Vec::new();
        }
        let up = view.members.iter().filter(|(_, member)| member.status == MemberStatus::Up);
        let keys = up.map(|(id, member)| NodeKey { id: id.clone(), incarnation: member.incarnation });
        let node = |key| Node { leaving: leaving.contains(&key), key };
        let nodes: Vec<Node> = keys.filter(|key| !is_down(key)).map(node).collect();
        // What nobody has any more goes to whoever there is: that it may be lost is theirs to say.
        let is_gone = |chain: &Chain| {
            let mut members = chain.0.iter().flat_map(|config| &config.members).peekable();
            members.peek().is_some() && members.all(|member| view.has_ended(member))
        };
        let gone = view.slots.iter().any(|chain| is_gone(chain));
        let free = |chain: &Arc<Chain>| if is_gone(chain) { Arc::default() } else { chain.clone() };
        let chains: Arc<SlotTable> = if gone { Arc::new(view.slots.iter().map(free).collect()) } else { view.slots.clone() };
        let ended = |node: &NodeKey| view.has_ended(node);
        let lost = (0..).zip(view.slots.iter()).filter(|(_, chain)| chain.may_be_lost(&view.types, ended));
        let stuck: BTreeSet<Slot> = lost.map(|(slot, _)| slot).collect();
        let (copies, least) = (view.types.copies(), view.types.least_copies());
        let types = view.types.changed();
        let known = Known { chains: &chains, nodes: &nodes, copies, least, types, stuck: &stuck };
        let mut proposed = known.next(MOVES);
        for proposal in &mut proposed {
            proposal.after = view.slots.get(usize::from(proposal.slot)).map_or(0, |chain| chain.epoch());
        }
        proposed.chunks(AT_ONCE).map(Command::slots).collect()
    }

    /// It is asked again once there is another view, or others want to go.
    pub(super) fn rests(&mut self, index: u64, leaving: BTreeSet<NodeKey>) {
        self.rested = Some((index, leaving));
    }
}

/// Whether a node that wants to go has to wait: it is in a configuration that others may need still, and somebody stays who
/// can take its slots.
pub(super) fn keeps_slots(view: &View, node: &NodeKey, leaving: &BTreeSet<NodeKey>) -> bool {
    let stays = |key: NodeKey| view.is_up(&key) && !leaving.contains(&key);
    let mut members = view.members.iter().map(|(id, member)| NodeKey { id: id.clone(), incarnation: member.incarnation });
    let is_named = || view.slots.iter().any(|chain| chain.0.iter().any(|config| config.has(node)));
    !view.types.types.is_empty() && members.any(stays) && is_named()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{
        Incarnation,
        control::Member,
        placement::{SLOTS, TypeSettings, TypeTable},
    };

    fn key(id: &str) -> NodeKey {
        NodeKey { id: id.into(), incarnation: Incarnation(1) }
    }

    /// Nodes that are up, and a type with so many copies.
    fn view(nodes: &[&str], factor: u32) -> View {
        let mut types = TypeTable::default();
        types.declare(
            &"x".into(),
            TypeSettings { factor, sync: 0, strict: false, accepts_loss: false, singleton: false, hash: 0 },
        );
        let member = Member {
            incarnation: Incarnation(1),
            raft_id: 1,
            address: "a:1".into(),
            status: MemberStatus::Up,
            protocol: (1, 1),
            since: 1,
        };
        let members = Arc::new(nodes.iter().map(|id| (key(id).id, member.clone())).collect());
        View { index: 1, types: types.into(), members, ..View::default() }
    }

    fn assigned(mut view: View, members: &[&str]) -> View {
        let mut chain = Chain::default();
        chain.begin(members.iter().map(|id| key(id)).collect(), 1);
        let chain = Arc::new(chain);
        view.slots = Arc::new(vec![chain; SLOTS]);
        view
    }

    fn count(commands: &[Command]) -> Vec<usize> {
        let slots = |command: &Command| match command {
            Command::Slots { configurations, .. } => configurations.len(),
            other => panic!("{other}"),
        };
        commands.iter().map(slots).collect()
    }

    #[test]
    fn all_slots_are_assigned_in_a_few_commands_once_there_is_a_type() {
        let (nobody, placing) = (BTreeSet::new(), Placing::default());
        assert_eq!(count(&placing.next(&view(&["a", "b"], 2), &nobody, |_| false)), [512, 512]);
        let untyped = View { types: Arc::default(), ..view(&["a", "b"], 2) };
        assert_eq!(placing.next(&untyped, &nobody, |_| false), []);
    }

    #[test]
    fn who_is_about_to_be_down_gets_no_slot_and_loses_all() {
        let (nobody, placing) = (BTreeSet::new(), Placing::default());
        let (two, b) = (view(&["a", "b"], 2), key("b"));
        for view in [two.clone(), assigned(two, &["b", "a"])] {
            let commands = placing.next(&view, &nobody, |node| *node == b);
            assert_eq!(count(&commands), [512, 512]);
            assert!(commands.iter().all(|it| matches!(it, Command::Slots { nodes, .. } if *nodes == [key("a")])));
        }
    }

    #[test]
    fn where_nothing_came_it_is_not_asked_again_until_something_changes() {
        let (nobody, mut placing) = (BTreeSet::new(), Placing::default());
        let (before, someone) = (view(&["a", "b"], 2), BTreeSet::from([key("a")]));
        placing.rests(1, nobody.clone());
        assert_eq!(placing.next(&before, &nobody, |_| false), []);
        assert_ne!(placing.next(&before, &someone, |_| false), []);
        assert_ne!(placing.next(&View { index: 2, ..before }, &nobody, |_| false), []);
    }

    #[test]
    fn a_node_keeps_slots_while_any_configuration_names_it_and_somebody_else_stays() {
        let (a, b) = (key("a"), key("b"));
        let of_a = assigned(view(&["a", "b"], 1), &["a"]);
        let goes = BTreeSet::from([a.clone()]);
        assert!(keeps_slots(&of_a, &a, &goes));
        assert!(!keeps_slots(&of_a, &b, &BTreeSet::from([b.clone()])));
        assert!(!keeps_slots(&of_a, &a, &BTreeSet::from([a.clone(), b.clone()])), "nobody stays");
        assert!(!keeps_slots(&of_a, &NodeKey { incarnation: Incarnation(2), ..a.clone() }, &goes), "an older start had them");
        let mut chain = (*of_a.slots[5]).clone();
        chain.begin(vec![b], 1);
        let mut slots = SlotTable::new();
        slots.resize(SLOTS, Arc::default());
        slots[5] = Arc::new(chain.clone());
        let moving = View { slots: Arc::new(slots.clone()), ..of_a.clone() };
        assert!(keeps_slots(&moving, &a, &goes), "what it has may be nowhere else");
        chain.0.truncate(1);
        slots[5] = Arc::new(chain);
        assert!(!keeps_slots(&View { slots: Arc::new(slots), ..of_a }, &a, &goes));
    }
}
