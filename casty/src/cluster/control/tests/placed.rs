//! Slots in a whole cluster, simulated: the leader gives them to nodes that are up.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::super::{Plane, Published};
use crate::{
    cluster::{
        NodeKey,
        placement::{SLOTS, TypeSettings},
    },
    testkit::{Cluster, ClusterBuilder},
};

const LIMIT: Duration = Duration::from_secs(5);

const TWO_COPIES: TypeSettings =
    TypeSettings { factor: 2, sync: 1, strict: false, accepts_loss: false, singleton: false, hash: 0 };

impl Cluster {
    fn plane(&self, node: usize) -> Plane {
        self.system(node).cluster().expect("it is a node of a cluster").running().plane().clone()
    }

    fn published(&self, node: usize) -> Published {
        self.plane(node).published().clone()
    }

    fn key(&self, node: usize) -> NodeKey {
        self.plane(node).myself().key().clone()
    }

    fn declare(&mut self, node: usize, name: &str) {
        let (plane, types) = (self.plane(node), vec![(Arc::from(name), TWO_COPIES)]);
        let agreed = self.on(node, |_| async move { plane.declare(types, LIMIT).await });
        assert_eq!(agreed.expect("there is a majority"), [(0, TWO_COPIES)]);
    }

    /// Who is in any configuration, as the node sees it.
    fn named(&self, node: usize) -> BTreeSet<NodeKey> {
        let view = self.plane(node).view();
        let configs = view.slots.iter().flat_map(|chain| &chain.0);
        configs.flat_map(|config| &config.members).cloned().collect()
    }

    /// Whether all slots have two members each, as the node sees it.
    fn is_assigned(&self, node: usize) -> bool {
        let view = self.plane(node).view();
        view.slots.len() == SLOTS && view.slots.iter().all(|chain| chain.current().is_some_and(|it| it.members.len() == 2))
    }
}

#[test]
fn without_types_there_are_no_slots() {
    let mut cluster = Cluster::of(3).seed(1).start();
    cluster.run_for(Duration::from_secs(3));
    assert!((0..3).all(|node| cluster.plane(node).view().slots.is_empty()));
}

#[test]
fn all_nodes_know_who_has_which_slot_once_there_is_a_type() {
    let mut cluster = Cluster::of(3).seed(2).start();
    cluster.declare(1, "x");
    let assigned = |cluster: &Cluster| (0..3).all(|node| cluster.is_assigned(node));
    assert!(cluster.run_until(Duration::from_secs(1), assigned), "{cluster:?}");
    let tables: Vec<_> = (0..3).map(|node| cluster.plane(node).view().slots.clone()).collect();
    assert!(tables.iter().all(|table| *table == tables[0]));
    assert_eq!(cluster.named(0), (0..3).map(|node| cluster.key(node)).collect());
}

#[test]
fn once_all_is_where_it_should_be_nothing_more_is_agreed_on() {
    let mut cluster = Cluster::of(3).seed(3).start();
    cluster.declare(0, "x");
    cluster.run_for(Duration::from_secs(1));
    let applied = *cluster.published(0).applied().borrow();
    cluster.run_for(Duration::from_secs(5));
    assert_eq!(*cluster.published(0).applied().borrow(), applied);
}

/// A cluster whose slots are assigned.
fn assigned(nodes: usize, seed: u64, with: impl FnOnce(ClusterBuilder) -> ClusterBuilder) -> Cluster {
    let mut cluster = with(Cluster::of(nodes).seed(seed)).start();
    cluster.declare(0, "x");
    assert!(cluster.run_until(LIMIT, |cluster| (0..nodes).all(|node| cluster.is_assigned(node))));
    cluster
}

#[test]
fn the_slots_of_a_node_that_was_killed_go_to_others() {
    for killed in 0..3 {
        let mut cluster = assigned(3, 4, |builder| builder);
        let gone = cluster.key(killed);
        cluster.crash(killed);
        let others: Vec<_> = (0..3).filter(|node| *node != killed).collect();
        let sees = others[0];
        let current_without = |cluster: &Cluster| {
            let view = cluster.plane(sees).view();
            cluster.is_assigned(sees) && view.slots.iter().all(|chain| chain.current().is_some_and(|config| !config.has(&gone)))
        };
        assert!(cluster.run_until(LIMIT, current_without), "{cluster:?}");
        assert!(cluster.run_until(LIMIT, |cluster| !cluster.named(sees).contains(&gone)));
    }
}

#[test]
fn a_node_that_goes_is_let_go_once_others_have_its_slots() {
    for which in 0..3 {
        let mut cluster = assigned(3, 5, |builder| builder);
        let goes = cluster.key(which);
        let others: Vec<_> = (0..3).filter(|node| *node != which).collect();
        let sees = others[0];
        let mut leaving = cluster.begin(which, |system| async move { system.cluster().expect("a cluster").leave().await });
        let went = cluster.run_until(LIMIT, |cluster| {
            let is_member = cluster.plane(sees).view().current(&goes).is_some();
            assert!(is_member || !cluster.named(sees).contains(&goes), "it went with slots");
            !is_member
        });
        assert!(went && cluster.is_assigned(sees), "{cluster:?}");
        assert!(cluster.run_until(LIMIT, |_| leaving.take().is_some_and(|left| left.is_ok())));
    }
}

#[test]
fn of_two_nodes_either_can_go() {
    for which in 0..2 {
        let mut cluster = assigned(2, 7, |builder| builder);
        let (goes, stays) = (cluster.key(which), cluster.key(1 - which));
        let left = cluster.on(which, |system| async move { system.cluster().expect("a cluster").leave().await });
        left.expect("the other one takes its slots");
        assert!(cluster.run_until(LIMIT, |cluster| cluster.plane(1 - which).view().current(&goes).is_none()));
        assert_eq!(cluster.named(1 - which), [stays].into());
    }
}

#[test]
fn the_slots_of_a_node_that_is_away_go_to_others() {
    let mut cluster = assigned(3, 8, ClusterBuilder::with_disks);
    let away = cluster.key(1);
    let index = cluster.plane(0).view().index;
    drop(cluster.begin(1, |system| async move { system.shutdown().await }));
    let moved = |cluster: &Cluster| {
        let view = cluster.plane(0).view();
        view.index > index && view.slots.iter().all(|chain| chain.current().is_some_and(|config| !config.has(&away)))
    };
    assert!(cluster.run_until(LIMIT, moved), "{cluster:?}");
}

#[test]
fn who_has_slept_through_everything_has_the_table_of_the_others() {
    let mut cluster = Cluster::of(3).seed(9).with_disks().start();
    cluster.crash(2);
    cluster.run_for(Duration::from_secs(2));
    cluster.declare(0, "x");
    cluster.restart(2);
    let same = |cluster: &Cluster| {
        cluster.started(2).is_some() && cluster.is_assigned(2) && {
            let [first, last] = [0, 2].map(|node| cluster.plane(node).view());
            first.slots == last.slots && first.types == last.types
        }
    };
    assert!(cluster.run_until(LIMIT, same), "{cluster:?}");
}

#[test]
fn nodes_that_all_go_wait_for_nobody() {
    let mut cluster = assigned(3, 6, |builder| builder);
    let begin = |node| cluster.begin(node, |system| async move { system.shutdown().await });
    let mut leaving: Vec<_> = (0..3).map(begin).collect();
    let all = cluster.run_until(LIMIT, |_| {
        leaving.retain_mut(|it| it.take().is_none());
        leaving.is_empty()
    });
    assert!(all, "{cluster:?}");
}
