//! What happens if a seal is forgotten: schedules too seldom to wait for. A lease would hold such an answer back all the same;
//! these are the cores alone.

use super::{
    tests::{Nodes, node},
    *,
};
use crate::cluster::Incarnation;

/// A change of the first primary is on its way to its only backup when both are out of touch with what is agreed: others take
/// the slot, seal that backup, and go on without the change.
fn deposed_with_a_change_on_its_way(rule: Option<Rule>, then: &[&str]) -> (Nodes, Vec<(NodeKey, NodeKey, Message)>) {
    let mut nodes = Nodes::new(&["a", "b", "c", "d"], &["a", "b"], 2, 1);
    for (name, core) in &mut nodes.cores {
        *core = Core::without(name.clone(), rule);
    }
    nodes.learn();
    nodes.settle();
    nodes.write("a", "x", Some(b"late")).unwrap();
    let late = std::mem::take(&mut nodes.net);
    assert!(late.iter().any(|(_, to, message)| *to == node("b") && matches!(message, Message::Update { .. })));
    nodes.behind.insert(node("a"));
    nodes.agreed.up.remove(&node("a"));
    nodes.begin(then);
    nodes.settle();
    assert_eq!(nodes.cores[&node("c")].serving(), Some(2));
    assert!(nodes.cores[&node("c")].state(&tests::key("x")).is_none());
    // It is back by what is agreed, and does not know that it was away.
    nodes.agreed.up.insert(node("a"));
    nodes.learn();
    nodes.settle();
    (nodes, late)
}

/// Whether the change is kept, which nobody knows of who serves now.
fn is_kept(nodes: &Nodes) -> bool {
    nodes.has_said("a", Out::Kept("x", 1))
}

#[test]
fn who_has_dropped_its_copies_takes_nothing_older_than_its_seal() {
    let kept = |rule| {
        let (mut nodes, late) = deposed_with_a_change_on_its_way(rule, &["c", "d"]);
        assert_eq!(nodes.agreed.chain.0.len(), 1, "it is full, and the others' copies are dropped");
        nodes.net.extend(late);
        nodes.settle();
        is_kept(&nodes)
    };
    assert!(!kept(None));
    assert!(kept(Some(Rule::SealOutlivesCopy)), "without the rule the schedule finds it");
}

/// A start that remembers nothing takes what it is sent, and nobody counts it for the one before it.
#[test]
fn a_new_start_that_knows_of_no_seal_does_not_count_for_the_one_that_was_sealed() {
    let kept = |rule| {
        let (mut nodes, late) = deposed_with_a_change_on_its_way(rule, &["c", "b"]);
        let new = NodeKey { incarnation: Incarnation(2), ..node("b") };
        nodes.agreed.up.remove(&node("b"));
        nodes.agreed.ended.insert(node("b"));
        nodes.agreed.up.insert(new.clone());
        nodes.cores.remove(&node("b"));
        nodes.cores.insert(new.clone(), Core::without(new.clone(), rule));
        nodes.behind.insert(new.clone());
        nodes.learn();
        // By its address it is the same node.
        nodes.net = late.into_iter().map(|(from, _, message)| (from, new.clone(), message)).collect();
        nodes.settle();
        assert!(nodes.cores[&new].state(&tests::key("x")).is_some(), "it has taken it");
        is_kept(&nodes)
    };
    assert!(!kept(None));
    assert!(kept(Some(Rule::Incarnations)), "without the rule the schedule finds it");
}
