//! What the rest of the node sees of the replicated state, from any thread.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use tokio::sync::mpsc;

use super::{
    names::{NameEntry, Names},
    state::{Change, Cluster, Member, MemberStatus, Past, State},
};
use crate::{
    cluster::{
        Incarnation, NodeId, NodeKey,
        placement::{SlotTable, TypeTable},
    },
    host::watch,
};

/// A change, and the index of the log entry that made it. After a start the log is gone through again: changes that an
/// earlier run has told come once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) index: u64,
    pub(crate) change: Change,
}

/// The cluster, its members and where entities live, at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct View {
    /// The last entry that changed any of it.
    pub(crate) index: u64,
    pub(crate) cluster: Option<Cluster>,
    pub(crate) members: Arc<BTreeMap<NodeId, Member>>,
    pub(crate) types: Arc<TypeTable>,
    pub(crate) slots: Arc<SlotTable>,
    pub(super) past: Arc<BTreeMap<NodeId, Past>>,
}

impl View {
    /// Whether this start of a node that is no member was one, or an earlier start of it: it has to join again, if it may.
    pub(crate) fn is_past(&self, id: &NodeId, incarnation: Incarnation) -> bool {
        self.past.get(id).is_some_and(|past| incarnation <= past.incarnation)
    }

    /// The member, if it is this start of the node.
    pub(crate) fn current(&self, node: &NodeKey) -> Option<&Member> {
        self.members.get(&node.id).filter(|member| member.incarnation == node.incarnation)
    }

    /// Whether this start of a node is over for good, and what it remembered with it: a later one is known, it left in good
    /// order, or it was given up. One that is down, or was forgotten after that, is none: it may come back.
    pub(crate) fn has_ended(&self, node: &NodeKey) -> bool {
        let newer = self.members.get(&node.id).is_some_and(|member| member.incarnation > node.incarnation);
        newer || self.past.get(&node.id).is_some_and(|past| past.ends(node.incarnation))
    }

    /// The last start of a node that is a member, was one, or is named by a slot.
    pub(crate) fn last_start(&self, id: &NodeId) -> Option<NodeKey> {
        let named = self.slots.iter().flat_map(|chain| &chain.0).flat_map(|config| &config.members);
        let named = named.filter(|node| node.id == *id).map(|node| node.incarnation).max();
        let member = self.members.get(id).map(|member| member.incarnation);
        let past = self.past.get(id).map(|past| past.incarnation);
        let incarnation = named.max(member).max(past)?;
        Some(NodeKey { id: id.clone(), incarnation })
    }

    /// Whether everything that is said of nodes is the same in both. Of one another's past it may not say so though it is.
    pub(crate) fn has_same_nodes_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.members, &other.members) && Arc::ptr_eq(&self.past, &other.past)
    }

    /// Whether this start of the node is a serving member.
    pub(crate) fn is_up(&self, node: &NodeKey) -> bool {
        self.current(node).is_some_and(|member| member.status == MemberStatus::Up)
    }

    /// The member by its raft id.
    pub(crate) fn by_raft_id(&self, raft_id: u64) -> Option<(NodeKey, &Member)> {
        let found = self.members.iter().find(|(_, member)| member.raft_id == raft_id);
        found.map(|(id, member)| (NodeKey { id: id.clone(), incarnation: member.incarnation }, member))
    }
}

/// The state as this node has applied it. Clones are handles to the same.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    view: Arc<RwLock<Arc<View>>>,
    names: Names,
    applied: Arc<watch::Sender<u64>>,
}

impl Published {
    pub(super) fn new(state: &State) -> Self {
        let view = Arc::new(RwLock::default());
        Self { view, names: state.names.clone(), applied: Arc::new(watch::Sender::new(0)) }
    }

    /// All but the names.
    pub(crate) fn view(&self) -> Arc<View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who holds the name.
    pub(crate) fn lookup(&self, name: &str) -> Option<NameEntry> {
        self.names.find(name)
    }

    /// How many names are held.
    #[cfg(test)]
    pub(crate) fn name_count(&self) -> usize {
        self.names.len()
    }

    /// The index of the last entry that was applied, 0 before the first.
    pub(crate) fn applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    pub(super) fn show(&self, index: u64, state: &State) {
        let view = View {
            index,
            cluster: state.cluster.clone(),
            members: state.members.clone(),
            types: state.types.clone(),
            slots: state.slots.clone(),
            past: state.past.clone(),
        };
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
    }

    /// What was applied so far counts for nothing any more: another log begins.
    pub(super) fn begin_anew(&self) {
        self.applied.set(0);
    }

    /// The state as it is shown, to go on from.
    pub(super) fn state(&self) -> State {
        let View { cluster, members, types, slots, past, .. } = (*self.view()).clone();
        State { cluster, members, past, types, slots, names: self.names.clone(), ..State::default() }
    }

    pub(super) fn has_applied(&self, index: u64) {
        self.applied.change(|applied| {
            let later = index > *applied;
            *applied = index.max(*applied);
            later
        });
    }
}

/// Where changes go. Nobody has to listen. Clones are handles to the same.
#[derive(Debug, Clone)]
pub(super) struct Listeners(mpsc::UnboundedSender<Changed>);

impl Listeners {
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Changed>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    pub(super) fn tell(&self, index: u64, changes: &mut Vec<Change>) {
        for change in changes.drain(..) {
            let _ = self.0.send(Changed { index, change });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::command::Command, *};

    #[test]
    fn who_has_left_is_past_until_it_joins_as_a_later_start() {
        let (mut state, mut index) = (State::default(), 0);
        let published = Published::new(&state);
        let mut apply = |command| {
            index += 1;
            let _ = state.apply(index, command, &mut Vec::new());
            published.show(index, &state);
            published.view()
        };
        let start = |incarnation| NodeKey { id: "a".into(), incarnation: Incarnation(incarnation) };
        let join = |incarnation| Command::Join {
            node: start(incarnation),
            raft_id: incarnation,
            address: "127.0.0.1:1".into(),
            protocol: (1, 1),
            takes_over: false,
            lease: 500,
            returns: false,
        };
        let past = |view: &View| [1, 2, 3].map(|incarnation| view.is_past(&"a".into(), Incarnation(incarnation)));
        apply(Command::Genesis { cluster_id: 1, name: "casty".into(), lease: 500, seal: None });
        assert_eq!(past(&apply(join(2))), [false; 3]);
        assert_eq!(past(&apply(Command::Leave { node: start(2), since: None })), [true, true, false]);
        assert_eq!(past(&apply(join(3))), [false; 3]);
    }
}
